import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { cluster, type ClusterInput, clusterParts } from '../../src/actions/cluster.ts'
import { clusterAccess } from '../../src/actions/cluster-access.ts'
import { kubernetesApply } from '../../src/actions/kubernetes-apply.ts'
import { onCluster } from '../../src/actions/on-cluster.ts'
import { bound, createTestContext, type TestContext } from '../../src/actions/testing.ts'
import { volume } from '../../src/actions/volume.ts'
import type { Manifest } from '../../src/adapters/kubernetes/port.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { testSite } from '../../src/api/testing.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { findCluster, openAccess } from '../../src/clusters/cluster-rows.ts'
import { nothingThere } from '../../src/clusters/doors.ts'
import { hcloudNeighbours } from '../../src/clusters/hcloud-cluster.ts'
import type { HcloudJoin } from '../../src/clusters/hcloud-nodepool-root.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import type { StateBackend } from '../../src/clusters/state-backend.ts'
import { testJoining } from '../../src/clusters/testing.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { placeValues } from '../../src/deployments/place-values.ts'
import { startEngineStates } from '../support/engine-states.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { needProgram } from '../support/programs.ts'
import { makeSiteServices } from '../support/site-services.ts'
import { createStandin, type Standin } from '../support/standin.ts'

/**
 * A cluster beside the site's own at Hetzner: the real OpenTofu, a stand-in of the provider, and two real API servers, one
 * for the site's cluster, one for the ordered one, on which the test plays nodes and the CSI driver.
 */
const project = resolve(import.meta.dirname, '../..')
const ring = () => parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const keys = { engine: ring(), settings: ring() }
const token = 'abcdef0123456789'.repeat(4)
const services = 'omegaml-services'
const addresses = {
  namespace: services,
  mongo: testSite.mongo.internalHost,
  broker: testSite.broker.internalHost,
  internalUrl: testSite.internalUrl,
}
const wanted: ClusterInput = {
  ...addresses,
  name: 'second',
  account: 1,
  type: 'small',
  role: 'worker',
  size: 2,
  domain: 'second.omega.example.com',
  pullSecrets: [],
  image: 'registry.example.org/nginx:1',
  links: [{ port: 5672, node: 30_672 }],
}
const [first, other] = ['omega-second-control-1', 'omega-second-machine-1']

let folder: string
let standin: Standin
let home: TestCluster
let second: TestCluster
let db: Db
let join_: HcloudJoin
const backends: StateBackend[] = []
/** Looks more often than people wait. */
const clock: Clock = {
  now: () => systemClock.now(),
  sleep: async (ms, signal) => await systemClock.sleep(Math.min(ms, 100), signal),
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hcloud-cluster-'))
  const starting = [startCluster(), startCluster()] as const
  await Promise.allSettled(starting)
  ;[home, second] = await Promise.all(starting)
  standin = await createStandin(join(folder, 'standin'))
  await home.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: services } })
})
afterAll(async () => {
  for (const backend of backends) await backend.stop()
  await db?.destroy()
  for (const one of [home, second]) await one?.stop()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await db?.destroy()
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  await standin.reset()
  await makeSite('11')
  await nodesGo()
})

/** What the operator's root made. */
async function makeSite(network: string): Promise<void> {
  const own = { id: network, name: 'omega', ip_range: '10.0.0.0/16' }
  await standin.seed({ type: 'hcloud_network', id: network, attributes: own })
  await standin.seed({ type: 'hcloud_ssh_key', id: '13', attributes: { id: '13', name: 'me' } })
  const joining = { ...testJoining, network_id: Number(network), ssh_keys: ['me'] }
  join_ = { joining, agentToken: 'of-the-site' }
}

/** A new engine with an empty folder, as after the loss of its pod; it has claimed the task anew. */
async function engine(fencing: number) {
  const states = await startEngineStates(db, keys.engine, { root: 'cluster-second', fencing })
  backends.push(states)
  const own = await mkdtemp(join(folder, 'engine-'))
  const helm = nothingThere.helm
  const clusters = clusterParts({ db, keys, enter: () => ({ kubernetes: second.kubernetes, helm }) })
  const parts = {
    clusters,
    kubernetes: home.kubernetes,
    helm,
    clock,
    manifests: join(project, 'catalog/manifests'),
    roots: {
      terraform: createTerraformCli({ program: needProgram('tofu'), folder: join(own, 'cli'), mirror: standin.mirror }),
      states,
      provider: {
        provider: loadProvider(join(project, 'catalog/providers'), 'hcloud'),
        site: { cluster: 'omega', endpoint: '', ca: '' },
        env: { HCLOUD_TOKEN: token },
        hcloud: async () => join_,
      },
      folder: join(own, 'roots'),
      modules: join(project, 'terraform'),
    },
  }
  const context = createTestContext()
  return { action: cluster(parts), parts, own, context: { ...context, task: { ...context.task, fencing } } }
}

/** The context, and what is done as soon as it tells that this is waited for. */
function when<Context extends TestContext>(context: Context, pattern: RegExp, then: () => Promise<unknown>): Context {
  let done: Promise<unknown> | undefined
  return {
    ...context,
    waiting: (reason) => {
      context.waiting(reason)
      if (reason !== undefined && pattern.test(reason)) done ??= then()
    },
  }
}

async function nodesJoin(...names: string[]): Promise<void> {
  for (const name of names) await second.kubernetes.apply(node(name, name === first ? 'control' : 'machine'))
}

async function nodesGo(): Promise<void> {
  for (const { metadata } of await second.kubernetes.list({ apiVersion: 'v1', kind: 'Node' }))
    await second.kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name: metadata.name })
}

function node(name: string, pool: string): Manifest {
  const status = { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }] }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'omegaml.io/pool': pool } }, status }
}

const servers = async () => (await standin.things('hcloud_server')).map(({ attributes }) => attributes)
const serverNames = async () => (await servers()).map(({ name }) => String(name)).toSorted()
const typesThere = async () => [...new Set((await standin.things()).map(({ type }) => type))].toSorted()
const ofTheSite = ['hcloud_network', 'hcloud_ssh_key']

async function keysOf(name: string): Promise<unknown> {
  const server = (await servers()).find((one) => one['name'] === name)
  const init = parse(String(server?.['user_data'])) as { write_files: { path: string; content: string }[] }
  return init.write_files.filter(({ path }) => path.includes('/tls/'))
}

test('it is in the site’s network behind a firewall of its own, found unchanged, grown, emptied, and leaves nothing', async () => {
  const { action, context, own } = await engine(1)
  const joins = when(context, /0 of 2 nodes ready/, async () => await nodesJoin(first, other))
  expect(await action.ensure(wanted, joins)).toMatchObject({ changed: true })
  expect(await serverNames()).toEqual([first, other])
  const [control] = await servers()
  const labels = { cluster: 'omega-second', site: 'omega', ordered: 'omega-second' }
  expect(control).toMatchObject({ server_type: 'cx23', location: 'fsn1', image: 'debian-13', labels })
  expect(control?.['network']).toMatchObject([{ network_id: 11, ip: '10.0.128.11' }])
  const [firewall] = await standin.things('hcloud_firewall')
  expect(control?.['firewall_ids']).toEqual([Number(firewall?.id)])
  expect(await typesThere()).not.toContain('hcloud_load_balancer')
  expect(await findCluster(db, 'second')).toMatchObject({
    state: 'ready',
    provider: 'hcloud',
    apiServer: 'https://10.0.128.11:6443',
    address: '10.0.1.11',
    links: { 5672: 30_672 },
  })
  const kubeconfig = (await openAccess(db, keys.engine, 'kubeconfig')).get('second') ?? ''
  expect(kubeconfig).toContain('https://10.0.128.11:6443')
  const observer = (await openAccess(db, keys.settings, 'observer')).get('second') ?? ''
  expect(observer).not.toContain('client-key-data')
  const root = join(own, 'roots/cluster-second')
  for (const name of (await readdir(root)).filter((one) => one.endsWith('.json'))) {
    const text = await readFile(join(root, name), 'utf8')
    expect(text).not.toMatch(/PRIVATE KEY/)
    expect(text).not.toContain(token)
  }

  // Another engine, another version of k3s in the site: what runs stays.
  join_ = { ...join_, joining: { ...join_.joining, k3s_version: 'v1.36.2+k3s1' } }
  const next = await engine(2)
  const calls = await standin.calls()
  expect(await next.action.observe(wanted, next.context)).toEqual({ state: 'present' })
  expect(await next.action.ensure(wanted, next.context)).toMatchObject({ changed: false })
  expect(await standin.calls()).toEqual(calls)

  // A machine fewer: its pods are asked to go first, while it is there.
  const pod = { name: 'work', namespace: 'default' }
  const spec = { nodeName: other, containers: [{ name: 'a', image: 'a' }], terminationGracePeriodSeconds: 0 }
  await second.kubernetes.apply({ apiVersion: 'v1', kind: 'Pod', metadata: pod, spec })
  const seen: string[] = []
  const drains = when(next.context, /1 pods to leave omega-second-machine-1/, async () => {
    seen.push(...(await serverNames()))
  })
  await next.action.ensure({ ...wanted, size: 1, role: 'night' }, drains)
  expect([seen, await serverNames()]).toEqual([[first, other], [first]])
  expect(await second.kubernetes.find({ apiVersion: 'v1', kind: 'Node', name: other })).toBeUndefined()
  expect(await second.kubernetes.find({ apiVersion: 'v1', kind: 'Node', name: first })).toMatchObject({
    metadata: { labels: { 'omegaml.io/role': 'night' } },
  })

  await next.action.remove(wanted, next.context)
  expect(await typesThere()).toEqual(ofTheSite)
  expect(await next.action.observe(wanted, next.context)).toEqual({ state: 'absent' })
  expect(await findCluster(db, 'second')).toBeUndefined()
})

test('a killed engine’s work is finished by the next with the same keys; so it is after down and up of the site', async () => {
  const dead = await engine(1)
  await standin.fault({ type: 'hcloud_server', kind: 'timeout', name: other })
  await expect(dead.action.ensure(wanted, dead.context)).rejects.toMatchObject({ kind: 'unavailable' })
  expect(await findCluster(db, 'second')).toMatchObject({ state: 'making' })
  const made = await keysOf(first)
  expect(made).toHaveLength(11)
  await db.updateTable('terraform_states').set({ lock_id: 'dead' }).execute()
  await nodesJoin(first, other)
  const next = await engine(2)
  await next.action.ensure(wanted, next.context)
  expect([await serverNames(), await keysOf(first)]).toEqual([[first, other], made])

  // `down` takes everything by its labels, and the network goes; `up` makes another one, and orders what was delivered.
  await standin.reset()
  await makeSite('21')
  const after = await engine(3)
  expect(await after.action.observe(wanted, after.context)).toMatchObject({ state: 'different' })
  await after.action.ensure(wanted, after.context)
  expect([await serverNames(), await keysOf(first)]).toEqual([[first, other], made])
  expect((await servers())[0]?.['network']).toMatchObject([{ network_id: 21 }])
  await after.action.remove(wanted, after.context)
  expect(await typesThere()).toEqual(ofTheSite)
})

test('pods there reach the site by node ports that its nodes pass on, and are let out to nothing else of it', async () => {
  const { kubernetes } = home
  await makeSiteServices(kubernetes, services)
  const ranges = { '10.0.1.11': '10.42.0.0/24', '10.0.1.2': '10.42.1.0/24' }
  const nodes = Object.entries(ranges).map(([address, podCIDR], index) => ({
    ...node(`omega-${index}`, 'control'),
    spec: { podCIDR },
    status: { addresses: [{ type: 'InternalIP', address }] },
  }))
  for (const one of nodes) await kubernetes.apply(one)
  const neighbours = async (found: readonly Manifest[]) => hcloudNeighbours(join_, found)
  const { links: _links, ...order } = wanted
  const access = bound(clusterAccess({ kubernetes, neighbours }), order)
  const links = (await access.ensure()).outputs?.['links'] as { port: number; node: number }[]
  const [policy] = await kubernetes.list({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' })
  const from = ['10.0.0.0/16', '10.42.0.0/32'].map((cidr) => ({ ipBlock: { cidr } }))
  expect(policy?.['spec']).toMatchObject({ ingress: [{ from }] })

  const { action, context, parts } = await engine(1)
  await nodesJoin(first, other)
  await action.ensure({ ...wanted, links }, context)
  for (const { port, node: nodePort } of links) {
    const name = { 27017: 'mongodb', 5672: 'rabbitmq', 8080: 'omegaweb' }[port] ?? ''
    const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', name, namespace: services }
    expect(await second.kubernetes.find(slice)).toMatchObject({
      endpoints: [{ addresses: ['10.0.1.11'] }],
      ports: [{ port: nodePort }],
    })
  }
  const site = (await placeValues(db, testSite, 'second'))['site'] as Record<string, unknown>
  const apply = onCluster(
    (door) => kubernetesApply({ ...parts, ...door }),
    parts,
    () => parts.clusters.doors,
  )
  const values = { namespace: 'om-alice', account: 'alice', site, elsewhere: site['elsewhere'] }
  for (const file of ['account/namespace.yml', 'account/elsewhere.yml'])
    await bound(apply, { cluster: 'second', file, values }).ensure()
  const out = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'om-alice' }
  expect(await second.kubernetes.find({ ...out, name: 'allow-elsewhere' })).toMatchObject({
    spec: {
      egress: [
        {
          to: [{ ipBlock: { cidr: '10.0.1.11/32' } }],
          ports: links.map(({ node: nodePort }) => ({ protocol: 'TCP', port: nodePort })),
        },
      ],
    },
  })
  const claims = onCluster(
    (door) => volume({ ...parts, ...parts.roots, ...door }),
    parts,
    () => parts.clusters.doors,
  )
  const claim = { cluster: 'second', account: 'alice', namespace: 'om-alice', name: 'storage-data', sizeGb: 10 }
  await bound(claims, claim).ensure()
  // Of the class that is usual there.
  const found = await second.kubernetes.find({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    namespace: 'om-alice',
    name: 'storage-data',
  })
  expect(found?.['spec']).not.toHaveProperty('storageClassName')
  for (const { metadata } of nodes) await kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name: metadata.name })
  await second.kubernetes.change(
    { apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' },
    { metadata: { labels: { 'omegaml.io/account': null } } },
  )
})

test('disks of claims are deleted before the cluster, also by the engine after one that was killed', async () => {
  const { kubernetes } = second
  const { action, context } = await engine(1)
  await nodesJoin(first, other)
  await action.ensure(wanted, context)
  // Not in an account's namespace: those take their time to go.
  const [claimRef, volumeName] = [{ namespace: 'default', name: 'storage-data' }, 'pvc-1']
  const size = { resources: { requests: { storage: '10Gi' } }, accessModes: ['ReadWriteOnce'] }
  const metadata = { name: volumeName, annotations: { 'pv.kubernetes.io/provisioned-by': 'csi.hetzner.cloud' } }
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata,
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: size.accessModes,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claimRef },
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: 'csi.hetzner.cloud', volumeHandle: '1' },
      storageClassName: '',
    },
  })
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: claimRef,
    spec: { ...size, volumeName, storageClassName: '' },
  })
  const killed = new AbortController()
  const dies = when({ ...context, signal: killed.signal }, /Hetzner to delete pvc-1/, async () => killed.abort())
  await expect(action.remove(wanted, dies)).rejects.toBeDefined()
  expect(await serverNames()).toEqual([first, other])
  const volumeRef = { apiVersion: 'v1', kind: 'PersistentVolume', name: volumeName }
  expect(await kubernetes.find(volumeRef)).toMatchObject({ spec: { persistentVolumeReclaimPolicy: 'Delete' } })

  const next = await engine(2)
  const seen: string[] = []
  const drives = when(next.context, /Hetzner to delete pvc-1/, async () => {
    seen.push(...(await serverNames()))
    await kubernetes.delete(volumeRef)
  })
  await next.action.remove(wanted, drives)
  expect([seen, await typesThere()]).toEqual([[first, other], ofTheSite])
})

test('what can’t be had is refused before anything is touched, and a limit of Hetzner’s is told with what to do', async () => {
  const { action, context } = await engine(1)
  const cases = [
    { given: { type: 'huge' }, code: 'node-type-unknown', field: 'node-type' },
    { given: { role: 'control' }, code: 'cluster-role', field: 'role' },
  ]
  for (const { given, code, field } of cases) {
    const refusal = { code, details: expect.objectContaining({ field }) as unknown }
    await expect(action.ensure({ ...wanted, ...given }, context)).rejects.toMatchObject(refusal)
  }
  expect([await findCluster(db, 'second'), await standin.calls()]).toEqual([undefined, []])

  await standin.fault({ type: 'hcloud_server', kind: 'quota', name: first })
  const refused = action.ensure(wanted, context)
  await expect(refused).rejects.toMatchObject({ code: 'cloud-quota', message: expect.stringContaining('order less') })
  await action.remove(wanted, context)
  expect([await findCluster(db, 'second'), await typesThere()]).toEqual([undefined, ofTheSite])
})
