import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import type { Kubernetes, Manifest } from '../../src/adapters/kubernetes/port.ts'
import { call, eventually, type Kubectl, kubectlWith } from '../e2e/local-cloud-client.ts'

/** A cluster of real machines that somebody else made and uses: cloudmgr knows its kubeconfig and its registry, no more. */
export interface OthersCluster {
  readonly kubeconfig: string
  readonly kubectl: Kubectl
  readonly registry: { readonly push: string; readonly pull: string }
  stop(): Promise<void>
}

const program = resolve(import.meta.dirname, '../../src/local/main.ts')
const binDir = process.env['CLOUDMGR_TOOLS_BIN'] ?? ''
const volumes = Array.from({ length: 8 }, (_, index) => `disk-${index + 1}`)
export const storageClass = 'disks'
/** A machine that others use as well takes minutes to remove a cluster: there are gigabytes of images. */
const patienceMs = 600_000

interface ClusterView {
  readonly state: string
  readonly kubeconfig: string
  readonly registry: { readonly push: string; readonly pull: string }
}

/** With one machine, disks and load balancers on demand (at `address` of this host), and something of its owner's. */
export async function startOthersCluster(name: string, address: string): Promise<OthersCluster> {
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
      patienceMs,
    )
  }
  await local('start')
  for (const volume of volumes) await call(socket, 'PUT', `/v1/volumes/${volume}`, { sizeGb: 20 })
  const wanted = {
    domain: 'others.localhost',
    volumes,
    kubernetesVersion: '1.37.2',
  }
  await call(socket, 'PUT', path, wanted)
  const seen = await eventually(
    async () => (await call<ClusterView>(socket, 'GET', path)).body,
    ({ state: now }) => now === 'ready',
    patienceMs,
  )
  await call(socket, 'PUT', `${path}/machines/theirs-1`, { cores: 4, memoryGb: 10, role: 'worker' })
  const { body: machine } = await eventually(
    () => call<{ state: string; address: string }>(socket, 'GET', `${path}/machines/theirs-1`),
    ({ body }) => body.state === 'ready',
    patienceMs,
  )
  const kubeconfig = join(root, 'kubeconfig')
  writeFileSync(kubeconfig, seen.kubeconfig, { mode: 0o600 })
  const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
  for (const object of ownersObjects) await kubernetes.apply(object)
  const kubectl = kubectlWith(binDir, kubeconfig)
  const balancers = createBalancers(address, machine.address, kubectl)
  const provideDisks = createDisks()
  const stopCloud = repeat(async () => {
    await provideDisks(kubernetes)
    await balancers.provide(kubernetes)
  })
  return {
    kubeconfig,
    kubectl,
    registry: seen.registry,
    stop: async () => {
      await stopCloud()
      balancers.close()
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
  readonly accessModes: readonly string[]
  readonly resources: { readonly requests: { readonly storage: string } }
}

/** What the owner's cloud does beside the cluster, again and again; answers how to end it. */
function repeat(work: () => Promise<void>): () => Promise<void> {
  const stop = new AbortController()
  const working = (async () => {
    while (!stop.signal.aborted) {
      // The API server may be busy, or somebody was faster: the next round sees what is there then.
      await work().catch(() => undefined)
      await delay(300, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  })()
  return async () => {
    stop.abort()
    await working
  }
}

/** What a CSI driver does: a new disk for each claim of the class, gone when its claim is gone. No disk is given twice. */
function createDisks() {
  const free = [...volumes]
  return async (kubernetes: Kubernetes): Promise<void> => {
    const disks = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
    for (const { metadata, status } of disks)
      if (['Released', 'Failed'].includes((status as { phase?: string } | undefined)?.phase ?? ''))
        await kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name: metadata.name })
    const given = disks.map(({ spec }) => {
      const { claimRef } = spec as { claimRef?: { namespace: string; name: string } }
      return `${claimRef?.namespace}/${claimRef?.name}`
    })
    for (const claim of await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })) {
      const spec = claim['spec'] as ClaimSpec
      const { namespace, name } = claim.metadata
      if (spec.storageClassName !== storageClass || given.includes(`${namespace}/${name}`)) continue
      const disk = free.shift()
      if (disk !== undefined) await kubernetes.apply(diskFor(disk, claim, spec))
    }
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

interface BalancedService {
  readonly type?: string
  readonly ports?: readonly { readonly port: number; readonly nodePort?: number }[]
}

/** What a cloud's load balancers do: `address` leads to the node ports of each Service that wants one, and the Service says so. */
function createBalancers(address: string, node: string, kubectl: Kubectl) {
  const doors = new Map<number, { server: Server; nodePort: number }>()
  const close = (port: number) => {
    doors.get(port)?.server.close()
    doors.delete(port)
  }
  const open = (port: number, nodePort: number) => {
    if (doors.get(port)?.nodePort === nodePort) return
    close(port)
    const server = createServer((client) => {
      const inner = connect(nodePort, node)
      client.on('error', () => inner.destroy()).on('close', () => inner.destroy())
      inner.on('error', () => client.destroy()).on('close', () => client.destroy())
      client.pipe(inner).pipe(client)
    }).listen(port, address)
    doors.set(port, { server, nodePort })
  }
  const provide = async (kubernetes: Kubernetes) => {
    const wanted = (await kubernetes.list({ apiVersion: 'v1', kind: 'Service' })).flatMap(({ metadata, ...rest }) => {
      const { type, ports = [] } = (rest['spec'] ?? {}) as BalancedService
      return type === 'LoadBalancer' ? [{ metadata, ports }] : []
    })
    const ports = wanted.flatMap((one) => one.ports)
    for (const port of doors.keys()) if (!ports.some((one) => one.port === port)) close(port)
    for (const { port, nodePort } of ports) if (nodePort !== undefined) open(port, nodePort)
    const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: address }] } } })
    for (const { metadata } of wanted)
      await kubectl([
        'patch',
        'service',
        metadata.name,
        '-n',
        String(metadata.namespace),
        '--subresource=status',
        '--type=merge',
        '-p',
        status,
      ])
  }
  return {
    provide,
    close: () => {
      for (const port of [...doors.keys()]) close(port)
    },
  }
}
