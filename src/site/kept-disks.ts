import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import { deleteCommand } from './disk-commands.ts'
import { siteLabel } from './manifests.ts'
import { replaceFile } from './secrets.ts'

/** What the disk's class would do with it, on a PersistentVolume whose disk outlives the cluster. */
export const reclaimNote = 'omegaml.io/reclaim'

const provisioner = 'pv.kubernetes.io/provisioned-by'

const volumeSpec = z.object({
  csi: z.looseObject({ driver: z.string(), volumeHandle: z.string() }).optional(),
  capacity: z.record(z.string(), z.string()).default({}),
  accessModes: z.array(z.string()).default([]),
  persistentVolumeReclaimPolicy: z.string().default('Delete'),
  storageClassName: z.string().optional(),
  volumeMode: z.string().optional(),
  mountOptions: z.array(z.string()).optional(),
  nodeAffinity: z.record(z.string(), z.unknown()).optional(),
  claimRef: z.looseObject({ namespace: z.string(), name: z.string() }).optional(),
})

const keptDisk = z.object({
  /** `namespace/name`. */
  claim: z.string(),
  /** The PersistentVolume that takes the disk up again in a cluster made anew. */
  volume: z.looseObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.looseObject({ name: z.string() }),
    spec: volumeSpec,
  }),
})

export type KeptDisk = z.infer<typeof keptDisk>

/** Whether a disk of a cloud stands behind it, which a cluster made anew can take up. */
export function isDisk(volume: Manifest | undefined): boolean {
  return volume !== undefined && volumeSpec.safeParse(volume['spec']).data?.csi !== undefined
}

/** How a claim's disk is taken up again; `undefined` where nothing can be. */
export function diskOf(volume: Manifest, site: string): KeptDisk | undefined {
  const spec = volumeSpec.parse(volume['spec'])
  const { csi, claimRef, persistentVolumeReclaimPolicy: policy, ...rest } = spec
  if (csi === undefined || claimRef === undefined) return undefined
  const { namespace, name } = claimRef
  const { name: volumeName, annotations = {} } = volume.metadata
  return {
    claim: `${namespace}/${name}`,
    volume: {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name: volumeName,
        labels: { [siteLabel]: site },
        annotations: {
          // Its driver deletes only what it made.
          [provisioner]: annotations[provisioner] ?? csi.driver,
          [reclaimNote]: annotations[reclaimNote] ?? policy,
        },
      },
      spec: {
        ...rest,
        csi,
        persistentVolumeReclaimPolicy: 'Retain',
        // Without its uid: the claim of this name takes it, and no other one.
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name },
      },
    },
  }
}

/** For people: `omegaml-services/mongodb (20Gi, vol-1 of ebs.csi.aws.com)`. */
export function diskText({ claim, volume: { spec } }: KeptDisk): string {
  return `${claim} (${spec.capacity['storage'] ?? '?'}, ${spec.csi?.volumeHandle} of ${spec.csi?.driver})`
}

/** What deletes it once its cluster is gone. */
export function deleteDisk({ volume: { spec } }: KeptDisk, region?: string): string {
  return deleteCommand({ driver: spec.csi?.driver ?? '?', handle: spec.csi?.volumeHandle ?? '?' }, region)
}

export interface DiskNotes {
  readonly lastDisks: () => readonly KeptDisk[]
  readonly keepDisks: (disks: readonly KeptDisk[]) => void
}

/** Disks at a cloud that an earlier `down` kept, by the site's state folder. */
export function keptDisks(folder: string): DiskNotes {
  const path = join(folder, 'kept-disks.json')
  return {
    lastDisks: () => (existsSync(path) ? z.array(keptDisk).parse(JSON.parse(readFileSync(path, 'utf8'))) : []),
    keepDisks: (disks) =>
      disks.length === 0 ? rmSync(path, { force: true }) : replaceFile(path, `${JSON.stringify(disks, null, 2)}\n`),
  }
}
