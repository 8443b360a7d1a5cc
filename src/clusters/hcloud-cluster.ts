import { X509Certificate } from 'node:crypto'
import { stringify } from 'yaml'
import { z } from 'zod'
import { type Kubernetes, type Manifest, type ObjectRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Db } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { type ClusterKeys, makeClusterKeys, renewAdmin } from './cluster-keys.ts'
import type { ClusterMaker, ClusterOrder, ClusterRoot, Running } from './cluster-maker.ts'
import {
  adminAccess,
  changeAdmin,
  clusterNotes,
  type ClusterKeys as RowKeys,
  findNotes,
  keepNotes,
  listClusters,
} from './cluster-rows.ts'
import { answers } from './doors.ts'
import { type HcloudJoin, inProject } from './hcloud-nodepool-root.ts'
import { hcloudEnv, hcloudOrderedRoot } from './hcloud-root.ts'
import { clusterOutput } from './local-cluster.ts'
import { machineTypeOf, nodeTypeOf, type Provider } from './provider.ts'

/** A machine that starts, installs k3s and what the cluster lacks. */
const START_MS = 900_000
/** How long a cluster that is to go may be silent before it counts as lost. */
const SILENT_MS = 60_000
/** How long Hetzner may take to delete the volumes of its claims. */
const VOLUMES_MS = 600_000
const PAUSE_MS = 2000
const LONGEST_NAME = 30
const CSI_DRIVER = 'csi.hetzner.cloud'
/** Label of accounts' namespaces. */
const ACCOUNT = 'omegaml.io/account'
/** Machines beside the first. */
const POOL = 'machine'

export interface HcloudClusterParts {
  readonly db: Db
  readonly keys: RowKeys
  readonly clock: Clock
  readonly provider: Provider
  /** Name of the site's cluster. */
  readonly site: string
  /** Of the site's cluster. */
  readonly join: () => Promise<HcloudJoin>
  /** Of Hetzner's API: for Terraform, and for what runs in the cluster. */
  readonly token: string
}

/** What is made once for a cluster, and kept sealed. */
const notesSchema = z.object({
  keys: z.object({
    token: z.string(),
    agent_token: z.string(),
    files: z.record(z.string(), z.string()),
    admin_crt: z.string(),
    admin_key: z.string(),
  }),
  subnet: z.string(),
  /** Of machines that come later, too: none is newer than the control plane. */
  k3sVersion: z.string(),
})
type Notes = z.infer<typeof notesSchema>

/**
 * Clusters at Hetzner, in the network of the site's own: both reach each other by private addresses, which Hetzner's
 * firewalls don't filter, and nobody else does. The first machine is the control plane, and works, too.
 */
export function hcloudCluster(parts: HcloudClusterParts): ClusterMaker {
  const { db, keys, clock, provider, site, join, token } = parts
  const rootOf = async (order: Omit<ClusterOrder, 'domain' | 'links'>, notes: Notes): Promise<ClusterRoot> => {
    const { joining } = await join()
    const { name, role, size } = order
    const machineType = machineTypeOf(provider, order.type)
    const cluster = { site, name: nameAt(site, name), joining, ...notes, pool: POOL, role, machineType, size }
    return {
      root: ({ modules }) => hcloudOrderedRoot(cluster, modules),
      env: hcloudEnv({ token, clusterToken: token, keys: notes.keys }),
    }
  }
  return {
    check: async (order) => checkOrder(order, provider),
    rootFor: async (order) => await rootOf(order, await notesOf(parts, order.name)),
    rootForRemoval: async (name) => {
      const notes = notesSchema.safeParse(await findNotes(db, keys, name))
      const made = notes.success ? notes.data : await freshNotes(parts)
      const [type = ''] = Object.keys(provider.nodeTypes)
      return await rootOf({ name, type, role: 'worker', size: 1 }, made)
    },
    outputs: ['api_server'],
    made: async (outputs, { name, links }) => {
      const apiServer = clusterOutput(outputs, 'api_server')
      return {
        apiServer,
        kubeconfig: adminKubeconfig(name, apiServer, (await notesOf(parts, name)).keys),
        address: (await join()).joining.server,
        links: Object.fromEntries(links.map(({ port, node }) => [port, node])),
      }
    },
    startMs: START_MS,
    nodes: ({ size }) => size,
    stays: ({ name, size }) => ({ pool: POOL, nodes: machinesOf(nameAt(site, name), size) }),
    beforeRemoval: async (name, kubernetes, running) => {
      if (kubernetes !== undefined) await removeVolumes(nameAt(site, name), kubernetes, clock, running)
    },
  }
}

/**
 * Who comes to node ports of the site's control machine: machines of the network. Where the pod is another node's, the control
 * machine passes it on by the address that flannel gives it, the first one of its pods' range.
 */
export function hcloudNeighbours({ joining }: HcloudJoin, nodes: readonly Manifest[]): string[] {
  const control = nodes.find(({ status }) => {
    const { addresses = [] } = (status ?? {}) as { addresses?: readonly { readonly address: string }[] }
    return addresses.some(({ address }) => address === joining.server)
  })
  const { podCIDR } = (control?.['spec'] ?? {}) as { podCIDR?: string }
  return [joining.network_range, ...(podCIDR === undefined ? [] : [podCIDR.replace(/\/\d+$/, '/32')])]
}

function checkOrder({ type, role }: Pick<ClusterOrder, 'type' | 'role'>, provider: Provider): void {
  nodeTypeOf(provider, type)
  if (role !== 'control') return
  const text = 'role control: nothing would run on the machines; right is the role that workers select, such as worker'
  throw new AppError('invalid', 'cluster-role', text, { details: { field: 'role', value: role } })
}

/** At Hetzner; the names of its machines begin with it. */
function nameAt(site: string, name: string): string {
  return inProject(site, name, LONGEST_NAME)
}

/** Beside the first. */
function machinesOf(name: string, size: number): string[] {
  return Array.from({ length: size - 1 }, (_, index) => `${name}-${POOL}-${index + 1}`)
}

/** Made when they are asked for first; no two clusters get the same subnet. */
async function notesOf(parts: HcloudClusterParts, name: string): Promise<Notes> {
  const { db, keys } = parts
  const found = await findNotes(db, keys, name)
  if (found !== undefined) return notesSchema.parse(found)
  const fresh = await freshNotes(parts)
  return await inTransaction(db, async (tx) => {
    // Whoever orders another one at the same time waits here.
    const query = tx.selectFrom('clusters').select('name').where('provider', '=', parts.provider.provider)
    const rows = await (capabilities(tx).rowLocks ? query.forUpdate() : query).execute()
    const taken: string[] = []
    for (const row of rows) {
      const notes = notesSchema.safeParse(await findNotes(tx, keys, row.name))
      if (notes.success) taken.push(notes.data.subnet)
    }
    const { joining } = await parts.join()
    const made = { ...fresh, subnet: freeSubnet(joining, taken) }
    return notesSchema.parse(await clusterNotes(tx, keys, name, async () => made))
  })
}

/** With the subnet of whoever comes first. */
async function freshNotes({ clock, join }: HcloudClusterParts): Promise<Notes> {
  const { joining } = await join()
  const keys = await makeClusterKeys(new Date(clock.now()))
  return {
    keys: { ...keys, files: { ...keys.files } },
    subnet: freeSubnet(joining, []),
    k3sVersion: joining.k3s_version,
  }
}

/** The first /24 in the upper half of the network that nobody has; the site's own machines are in the lower one. */
export function freeSubnet({ network_range: range, server }: HcloudJoin['joining'], taken: readonly string[]): string {
  const [address = '', bits = ''] = range.split('/')
  const count = 2 ** (24 - Number(bits))
  const used = new Set([...taken, `${server.split('.').slice(0, 3).join('.')}.0/24`])
  for (let number = Math.floor(count / 2); number < count; number += 1) {
    const subnet = `${textOf(numberOf(address) + number * 256)}/24`
    if (!used.has(subnet)) return subnet
  }
  const text = `the site's network ${range} has no room for another cluster: each takes a /24 of its upper half`
  throw new AppError('conflict', 'network-full', text)
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

/** Disks that the CSI driver made are in no Terraform state: they go with their claims, while there is a cluster. */
async function removeVolumes(name: string, kubernetes: Kubernetes, clock: Clock, running: Running): Promise<void> {
  if (!(await answersInTime(kubernetes, clock, running))) {
    running.output(
      `the cluster does not answer: disks of its claims are still at Hetzner if there were any (hcloud volume list -l cluster=${name})`,
    )
    return
  }
  const own = async () =>
    (await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })).filter(({ spec }) => isOfDriver(spec))
  const volumes = await own()
  if (volumes.length === 0) return
  for (const { apiVersion, kind, metadata } of volumes) {
    const deleting = { spec: { persistentVolumeReclaimPolicy: 'Delete' } }
    await kubernetes.change({ apiVersion, kind, name: metadata.name }, deleting)
  }
  // Whoever mounts a volume keeps its claim: pods and claims of accounts go with their namespaces.
  const options = { signal: running.signal, timeoutMs: VOLUMES_MS, onWaiting: running.waiting }
  const accounts = await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' }, { labels: ACCOUNT })
  const claims = volumes.flatMap(({ spec }) => (spec as { claimRef?: ObjectRef }).claimRef ?? [])
  await Promise.all([
    ...accounts.map(async (one) => await kubernetes.delete(refOf(one), options)),
    ...claims.map(async ({ namespace, name }) => await kubernetes.delete({ ...claimKind, namespace, name }, options)),
  ])
  await untilGone(async () => (await own()).map(({ metadata }) => metadata.name), clock, running)
}

const claimKind = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' }

function isOfDriver(spec: unknown): boolean {
  return (spec as { csi?: { driver?: string } } | undefined)?.csi?.driver === CSI_DRIVER
}

async function answersInTime(kubernetes: Kubernetes, clock: Clock, { signal, waiting }: Running): Promise<boolean> {
  for (const end = clock.now() + SILENT_MS; clock.now() < end; await clock.sleep(PAUSE_MS, signal)) {
    if (await answers(kubernetes)) return true
    waiting('the cluster to answer')
  }
  return false
}

async function untilGone(left: () => Promise<string[]>, clock: Clock, { signal, waiting }: Running): Promise<void> {
  const end = clock.now() + VOLUMES_MS
  for (let names = await left(); names.length > 0; names = await left()) {
    if (clock.now() >= end)
      throw new AppError('unavailable', 'still-there', `volumes of the cluster are still there: ${names.join(', ')}`)
    waiting(`Hetzner to delete ${names.join(', ')}`)
    await clock.sleep(PAUSE_MS, signal)
  }
  waiting(undefined)
}

/** Certificates that end sooner are made anew. */
const RENEW_MS = 60 * 86_400_000

/**
 * The administrator's certificate of each cluster at Hetzner is made anew before it ends: by the cluster's own authority, so
 * that the cluster needs not be asked. Answers with their names.
 */
export async function renewAdmins(db: Db, keys: RowKeys, now: number): Promise<string[]> {
  const renewed: string[] = []
  for (const { name, provider, apiServer } of await listClusters(db)) {
    const notes = notesSchema.safeParse(await findNotes(db, keys, name))
    const before = await adminAccess(db, keys, name)
    if (provider !== 'hcloud' || !notes.success || apiServer === undefined || before === undefined) continue
    const { keys: had } = notes.data
    const has = endsSoon(had.admin_crt, now) ? await renewAdmin(had, new Date(now)) : had
    const kubeconfig = adminKubeconfig(name, apiServer, has)
    // Compared with what is kept: an order may have noted it with the certificate of before.
    if (kubeconfig === before) continue
    await keepNotes(db, keys, name, { ...notes.data, keys: has })
    await changeAdmin(db, keys, name, kubeconfig)
    renewed.push(name)
  }
  return renewed
}

function endsSoon(certificate: string, now: number): boolean {
  return new X509Certificate(certificate).validToDate.getTime() - now < RENEW_MS
}

function adminKubeconfig(
  name: string,
  server: string,
  { files, admin_crt: cert, admin_key: key }: ClusterKeys,
): string {
  const base64 = (text = '') => Buffer.from(text).toString('base64')
  const cluster = { server, 'certificate-authority-data': base64(files['server-ca.crt']) }
  const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster }],
    users: [{ name: 'admin', user }],
    contexts: [{ name, context: { cluster: name, user: 'admin' } }],
  })
}
