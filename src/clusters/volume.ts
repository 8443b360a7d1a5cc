import { createHash } from 'node:crypto'
import type { Manifest } from '../adapters/kubernetes/port.ts'

/** A volume of an account: a claim in its namespace, and what is behind it. */
export interface AccountVolume {
  readonly account: string
  readonly namespace: string
  /** Of the claim. */
  readonly name: string
  readonly sizeGb: number
  readonly access: 'ReadWriteOnce' | 'ReadWriteMany'
  /** Storage class of the claim; the cluster's default when left out. */
  readonly class?: string | undefined
}

/** Of a volume at the provider and of its PersistentVolume: unique, and to be read by people. */
export function volumeName({ account, name }: Pick<AccountVolume, 'account' | 'name'>): string {
  // Groups' names have hyphens: the digest keeps `g-a` with `b-c` apart from `g-a-b` with `c`.
  const digest = createHash('sha256').update(`${account}/${name}`).digest('hex').slice(0, 6)
  return `${`${account}-${name}`.slice(0, 33).replace(/-+$/, '')}-${digest}`
}

/** Of the Terraform root that orders a volume of the provider. */
export function rootOfVolume(name: string): string {
  return `${ROOT}${name}`
}

/** The volume that a root orders; undefined when it orders something else. */
export function volumeOfRoot(root: string): string | undefined {
  return root.startsWith(ROOT) ? root.slice(ROOT.length) : undefined
}

const ROOT = 'volume-'

/** The claim of a volume; bound to the PersistentVolume of the provider's volume where there is one. */
export function claimOf(volume: AccountVolume, { isStatic = false } = {}): Manifest {
  const { namespace, name, access } = volume
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace, labels: labelsOf(volume) },
    spec: {
      accessModes: [access],
      resources: { requests: { storage: sizeOf(volume) } },
      ...(volume.class === undefined ? {} : { storageClassName: volume.class }),
      ...(isStatic ? { volumeName: volumeName(volume) } : {}),
    },
  }
}

/** A folder that every node sees, for this claim alone. The data outlives claim, object and cluster. */
export function persistentVolumeOf(volume: AccountVolume, path: string): Manifest {
  const { namespace, name, access } = volume
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(volume), labels: labelsOf(volume) },
    spec: {
      capacity: { storage: sizeOf(volume) },
      accessModes: [access],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: volume.class,
      volumeMode: 'Filesystem',
      // Without the claim's uid, so that one made anew binds as well.
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace },
      // `local`, not a path of the host: the kubelet gives it to the pod's group.
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] }],
        },
      },
    },
  }
}

function sizeOf({ sizeGb }: AccountVolume): string {
  return `${sizeGb}Gi`
}

function labelsOf({ account }: AccountVolume): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/managed-by': 'cloudmgr', 'omegaml.io/account': account }
}
