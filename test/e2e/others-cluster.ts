import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import type { Kubernetes, Manifest } from '../../src/adapters/kubernetes/port.ts'
import { call, eventually } from './local-cloud-client.ts'

/** A cluster of real machines that somebody else made and uses: cloudmgr knows its kubeconfig and its registry, no more. */
export interface OthersCluster {
  readonly kubeconfig: string
  readonly kubernetes: Kubernetes
  readonly registry: { readonly push: string; readonly pull: string }
  /** On the loopback, leads to node port 30080. */
  readonly port: number
  stop(): Promise<void>
}

const program = resolve(import.meta.dirname, '../../src/local/main.ts')
const binDir = process.env['CLOUDMGR_TOOLS_BIN'] ?? ''
const volumes = ['disk-1', 'disk-2', 'disk-3', 'disk-4', 'disk-5', 'disk-6']
export const storageClass = 'disks'

interface ClusterView {
  readonly state: string
  readonly kubeconfig: string
  readonly registry: { readonly push: string; readonly pull: string }
}

/** With one machine, a storage class that makes volumes, and a workload of its owner. */
export async function startOthersCluster(name: string, port: number): Promise<OthersCluster> {
  const root = mkdtempSync(join(tmpdir(), 'cloudmgr-others-'))
  const state = join(root, 'cloud')
  const socket = join(state, 'api.sock')
  const local = (word: string) => execa(process.execPath, [program, word, '--state', state, '--bin', binDir])
  const path = `/v1/clusters/${name}`
  const gone = async (what: string) => {
    await call(socket, 'DELETE', what)
    await eventually(
      () => call(socket, 'GET', what),
      ({ status }) => status === 404,
      120_000,
    )
  }
  await local('start')
  for (const volume of volumes) await call(socket, 'PUT', `/v1/volumes/${volume}`, { sizeGb: 20 })
  const wanted = {
    domain: 'others.localhost',
    ports: [{ host: port, node: 30080 }],
    volumes,
    kubernetesVersion: '1.37.2',
  }
  await call(socket, 'PUT', path, wanted)
  const seen = await eventually(
    async () => (await call<ClusterView>(socket, 'GET', path)).body,
    ({ state: now }) => now === 'ready',
    120_000,
  )
  await call(socket, 'PUT', `${path}/machines/theirs-1`, { cores: 4, memoryGb: 10, role: 'theirs' })
  await eventually(
    () => call<{ state: string }>(socket, 'GET', `${path}/machines/theirs-1`),
    ({ body }) => body.state === 'ready',
    120_000,
  )
  const kubeconfig = join(root, 'kubeconfig')
  writeFileSync(kubeconfig, seen.kubeconfig, { mode: 0o600 })
  const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
  for (const object of ownersObjects) await kubernetes.apply(object)
  const stopDisks = makeDisks(kubernetes)
  return {
    kubeconfig,
    kubernetes,
    registry: seen.registry,
    port,
    stop: async () => {
      await stopDisks()
      await gone(path)
      for (const volume of volumes) await gone(`/v1/volumes/${volume}`)
      await local('stop')
      const { stdout } = await local('leftovers')
      if (stdout.trim() !== '') throw new Error(`the owner's cluster left ${stdout}`)
      rmSync(root, { recursive: true, force: true })
    },
  }
}

const ownersObjects: readonly Manifest[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'theirs' } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'theirs', namespace: 'theirs' }, data: { theirs: 'yes' } },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: storageClass },
    provisioner: 'disks.example.com',
    reclaimPolicy: 'Delete',
  },
]

interface ClaimSpec {
  readonly storageClassName?: string
  readonly volumeName?: string
  readonly accessModes: readonly string[]
  readonly resources: { readonly requests: { readonly storage: string } }
}

/** What a CSI driver does: a volume for each claim of the class, gone when its claim is gone. */
function makeDisks(kubernetes: Kubernetes): () => Promise<void> {
  const stop = new AbortController()
  const working = (async () => {
    while (!stop.signal.aborted) {
      await provide(kubernetes).catch(() => undefined)
      await delay(300, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  })()
  return async () => {
    stop.abort()
    await working
  }
}

async function provide(kubernetes: Kubernetes): Promise<void> {
  const volumesThere = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
  for (const { metadata, status } of volumesThere)
    if ((status as { phase?: string } | undefined)?.phase === 'Released')
      await kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name: metadata.name })
  const taken = new Set(volumesThere.map(({ metadata }) => metadata.name))
  for (const claim of await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })) {
    const spec = claim['spec'] as ClaimSpec
    if (spec.storageClassName !== storageClass || spec.volumeName !== undefined) continue
    const free = volumes.find((name) => !taken.has(name))
    if (free === undefined) return
    taken.add(free)
    await kubernetes.apply(diskFor(free, claim, spec))
  }
}

function diskFor(name: string, claim: Manifest, spec: ClaimSpec): Manifest {
  const { metadata } = claim
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: spec.resources.requests.storage },
      accessModes: spec.accessModes,
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: storageClass,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: metadata.name, namespace: metadata.namespace },
      local: { path: `/mnt/volumes/${name}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] }],
        },
      },
    },
  }
}
