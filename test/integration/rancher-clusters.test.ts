import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { beginOrder, cluster, clusterParts } from '../../src/actions/cluster.ts'
import { clusterAccess } from '../../src/actions/cluster-access.ts'
import { createTestContext } from '../../src/actions/testing.ts'
import { createFakeHelm } from '../../src/adapters/helm/fake.ts'
import type { ObjectRef } from '../../src/adapters/kubernetes/port.ts'
import { createFakeRancher } from '../../src/adapters/rancher/fake.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { testSite } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { findCluster, findNotes, openAccess } from '../../src/clusters/cluster-rows.ts'
import type { RancherHandover } from '../../src/clusters/ordered-pools.ts'
import { withRancherToken } from '../../src/clusters/rancher-cluster.ts'
import { rancherEnv, rancherRoot } from '../../src/clusters/rancher-root.ts'
import type { StateBackend } from '../../src/clusters/state-backend.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { orderedClustersAction } from '../../src/site/actions/ordered-clusters.ts'
import { startEngineStates } from '../support/engine-states.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { needProgram } from '../support/programs.ts'
import { makeSiteServices } from '../support/site-services.ts'
import { createStandin, type Standin } from '../support/standin.ts'
import { kubectlFor } from './charts/kubectl.ts'

/**
 * A cluster beside that of a site whose machines a Rancher orders: two real API servers, the real OpenTofu, a stand-in of
 * rancher2 and a Rancher in memory. The doors' nginx run in `cluster-door.test.ts`.
 */
const project = resolve(import.meta.dirname, '../..')
const ring = () => parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const keys = { engine: ring(), settings: ring() }
const services = 'omegaml-services'
const order = {
  namespace: services,
  mongo: testSite.mongo.internalHost,
  broker: testSite.broker.internalHost,
  internalUrl: testSite.internalUrl,
  name: 'second',
  account: 1,
  type: 'medium',
  role: 'worker',
  size: 2,
  domain: 'second.acme.example.org',
  pullSecrets: [],
  image: 'registry.example.org/nginx:1',
}
const own = { name: 'gold', secret: 'token-of-the-account' }

let folder: string
let home: TestCluster
let second: TestCluster
let standin: Standin
let db: Db
let handed: RancherHandover
let entered: string[]
const rancher = createFakeRancher()
const engines: StateBackend[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rancher-clusters-'))
  const starting = [startCluster(), startCluster()] as const
  await Promise.allSettled(starting)
  ;[home, second] = await Promise.all(starting)
  standin = await createStandin(join(folder, 'standin'))
  await makeSiteServices(home.kubernetes, services)
  const kubectl = kubectlFor(second.kubeconfig)
  await kubectl('create', 'namespace', services)
  // Nobody may run there who is not restricted.
  for (const one of [home, second])
    await kubectlFor(one.kubeconfig)('label', 'namespace', services, 'pod-security.kubernetes.io/enforce=restricted')
  for (const name of ['n-1', 'n-2', 'n-3']) {
    await second.kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name } })
    const status = { status: { conditions: [{ type: 'Ready', status: 'True' }] } }
    await kubectl('patch', 'node', name, '--subresource=status', '--patch', JSON.stringify(status))
  }
})
afterAll(async () => {
  for (const engine of engines) await engine.stop()
  await db?.destroy()
  for (const one of [home, second]) await one?.stop()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await standin.reset()
  await db?.destroy()
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  entered = []
  handed = handover('token-a:of-the-operator')
})

/** As `up` hands it over, on a site whose state lies where both reach it. */
function handover(token: string): RancherHandover {
  const pools = [
    { name: 'control', role: 'control', machineType: 'g6-standard-2', size: 3 },
    { name: 'everything', role: 'worker', machineType: 'g6-standard-6', size: 4, labels: { of: 'the site' } },
  ]
  const spec = { name: 'acme', domain: 'acme.example.org', kubernetesVersion: '1.35.8', pools, volumes: {} }
  const { main, variables } = rancherRoot(spec, {
    url: 'https://rancher.example.com',
    driver: 'linode',
    machine: { region: 'eu-central' },
    distribution: 'rke2',
    monitoring: {},
    quota: { project: { limits_cpu: '64000m' }, namespace: { limits_cpu: '8000m' } },
    modules: 'elsewhere',
  })
  const secrets = { token, credential: { token: 'of-the-site' }, servicePassword: 'of-the-site-alone-1' }
  const env = { ...rancherEnv(secrets), KUBE_TOKEN: 'of-the-backend' }
  const backend = { name: 'kubernetes', settings: {} }
  return { main, variables, backend, env, url: 'https://rancher.example.com', token }
}

async function engine(fencing: number) {
  const states = await startEngineStates(db, keys.engine, { root: 'cluster-second', fencing })
  engines.push(states)
  const own = await mkdtemp(join(folder, 'engine-'))
  const enter = (_name: string, kubeconfig: string) => {
    entered.push(kubeconfig)
    return { kubernetes: second.kubernetes, helm: createFakeHelm() }
  }
  const given = async () => handed
  const clusters = clusterParts({ db, keys, enter, complete: (kubeconfig) => withRancherToken(kubeconfig, given) })
  const parts = {
    kubernetes: home.kubernetes,
    clusters,
    clock: systemClock,
    roots: {
      terraform: createTerraformCli({ program: needProgram('tofu'), folder: join(own, 'cli'), mirror: standin.mirror }),
      states,
      provider: {
        provider: { provider: 'rancher', title: 'A Rancher', nodeTypes: {} },
        site: { cluster: 'acme', endpoint: '', ca: '' },
        env: {},
        rancher: {
          site: 'acme',
          handover: given,
          sizes: async () => ({}),
          takeServiceTokens: async ({ url, token }: RancherHandover, id: string) =>
            await rancher.takeServiceTokens(url, token, id),
        },
      },
      folder: join(own, 'roots'),
      modules: join(project, 'terraform'),
    },
  }
  const test = createTestContext()
  const context = { ...test, task: { ...test.task, fencing } }
  const access = clusterAccess({
    ...parts,
    door: { ...parts, begin: async (wanted) => await beginOrder(parts, wanted) },
  })
  return { access, making: cluster(parts), clusters, context }
}

/** The cloud's part: the door's Service gets an address. */
async function giveAddress(address: string): Promise<void> {
  const service = { apiVersion: 'v1', kind: 'Service', name: 'cluster-second', namespace: services }
  await expect.poll(async () => await home.kubernetes.find(service), { timeout: 20_000 }).toBeDefined()
  const status = { status: { loadBalancer: { ingress: [{ ip: address }] } } }
  const words = ['patch', 'service', 'cluster-second', '--namespace', services, '--subresource=status']
  await kubectlFor(home.kubeconfig)(...words, '--patch', JSON.stringify(status))
}

type Wish = typeof order & { credential?: typeof own }

async function delivered({ access, making, context }: Awaited<ReturnType<typeof engine>>, wish: Wish) {
  const [{ outputs }] = await Promise.all([access.ensure(wish, context), giveAddress('203.0.113.7')])
  const links = outputs?.['links'] as { port: number; node: number; address: string }[]
  expect(links.map(({ port, address }) => [port, address])).toEqual(
    [27017, 5672, 8080].map((port) => [port, '203.0.113.7']),
  )
  const wanted = { ...wish, links }
  return { wanted, outcome: await making.ensure(wanted, context) }
}

const things = async (type: string) => (await standin.things(type)).map(({ attributes }) => attributes)

async function namesAt({ kubernetes }: TestCluster): Promise<string[]> {
  const kinds = [
    { apiVersion: 'v1', kind: 'Service' },
    { apiVersion: 'v1', kind: 'Secret' },
    { apiVersion: 'apps/v1', kind: 'Deployment' },
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  ]
  const all = await Promise.all(kinds.map(async (kind) => await kubernetes.list(kind, { namespace: services })))
  return all.flatMap((some, index) => some.map(({ metadata }) => `${kinds[index]?.kind} ${metadata.name}`)).toSorted()
}

const ref = (kind: string, name: string, apiVersion = 'v1'): ObjectRef => ({
  apiVersion,
  kind,
  name,
  namespace: services,
})

test('a cluster like the site’s own, with an account’s credential, doors and an access that outlives a token', async () => {
  const before = await namesAt(home)
  const first = await engine(1)
  const { wanted, outcome } = await delivered(first, { ...order, credential: own })
  expect(outcome).toMatchObject({ changed: true })

  const [made, ...others] = await things('rancher2_cluster_v2')
  expect(others).toEqual([])
  expect(made).toMatchObject({
    name: 'acme-second',
    kubernetes_version: 'v1.35.8+rke2r1',
    labels: { 'omegaml.io/cluster': 'acme-second', 'omegaml.io/ordered-by': 'acme' },
  })
  const [config] = (made?.['rke_config'] ?? []) as { machine_pools: { name: string; quantity: number }[] }[]
  expect(config?.machine_pools.map(({ name, quantity }) => [name, quantity]).toSorted()).toEqual([
    ['control', 1],
    ['workers', 2],
  ])
  expect(await things('rancher2_cloud_credential')).toMatchObject([
    { labels: { 'omegaml.io/ordered-by': 'acme' }, linode_credential_config: [{ token: own.secret }] },
  ])
  const configs = await things('rancher2_machine_config_v2')
  const typeOf = ({ linode_config: all }: Record<string, unknown>) =>
    (all as { instance_type: string }[])[0]?.instance_type
  expect(new Set(configs.map(typeOf))).toEqual(new Set(['g6-standard-2', 'g6-standard-6']))
  // What is the site's alone stays there.
  for (const type of ['rancher2_user', 'rancher2_app_v2', 'rancher2_namespace']) expect(await things(type)).toEqual([])

  const proxy = { server: expect.stringMatching(/^https:\/\/rancher\.example\.com\/k8s\/clusters\/c-m-\w+$/) }
  expect(parse(entered.at(-1) ?? '')).toMatchObject({
    clusters: [{ cluster: proxy }],
    users: [{ user: { token: 'token-a:of-the-operator' } }],
  })
  expect((await openAccess(db, keys.engine, 'kubeconfig')).get('second')).not.toContain('of-the-operator')
  const observer = (await openAccess(db, keys.settings, 'observer')).get('second') ?? ''
  expect(observer).not.toContain('of-the-operator')
  expect(parse(observer)).toMatchObject({ clusters: [{ cluster: proxy }] })
  expect(rancher.proxied).toContain((await findCluster(db, 'second'))?.apiServer?.split('/').at(-1))

  for (const name of ['mongodb', 'rabbitmq', 'omegaweb'])
    expect(await second.kubernetes.find(ref('Deployment', name, 'apps/v1'))).toMatchObject({
      spec: { template: { metadata: { labels: { 'app.kubernetes.io/component': name } } } },
    })
  expect(await second.kubernetes.find(ref('NetworkPolicy', 'rabbitmq', 'networking.k8s.io/v1'))).toMatchObject({
    spec: { egress: [{}, { to: [{ ipBlock: { cidr: '203.0.113.7/32' } }], ports: [{ port: 5672 }] }] },
  })
  for (const [one, count] of [
    [home, 1],
    [second, 3],
  ] as const) {
    const pods = async () => await one.kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: services })
    await expect.poll(pods, { timeout: 20_000 }).toHaveLength(count)
  }
  const [here, there] = await Promise.all([
    home.kubernetes.find(ref('Secret', 'cluster-second')),
    second.kubernetes.find(ref('Secret', 'site-door')),
  ])
  const data = [here, there].map((secret) => secret?.['data'] as Record<string, string>)
  expect(data[0]?.['ca.crt']).toBe(data[1]?.['ca.crt'])
  expect(data[0]?.['tls.key']).not.toBe(data[1]?.['tls.key'])

  // `up` has another token: the same order changes nothing, and the way in has it.
  handed = handover('token-b:of-the-operator')
  const next = await engine(2)
  expect(await next.access.observe(wanted, next.context)).toMatchObject({ state: 'present' })
  expect(await next.access.ensure(wanted, next.context)).toMatchObject({ changed: false })
  expect(await next.making.observe(wanted, next.context)).toMatchObject({ state: 'present' })
  expect(await next.making.ensure(wanted, next.context)).toMatchObject({ changed: false })
  await next.clusters.doors.open('second')
  expect(entered.at(-1)).toContain('token-b:of-the-operator')

  const last = await engine(3)
  await last.making.remove(wanted, last.context)
  await last.access.remove(wanted, last.context)
  expect(await standin.things()).toEqual([])
  expect(await namesAt(home)).toEqual(before)
  expect([await findCluster(db, 'second'), await findNotes(db, keys, 'second')]).toEqual([undefined, undefined])
  expect(await last.making.observe(wanted, last.context)).toMatchObject({ state: 'absent' })
  expect(await last.access.observe(wanted, last.context)).toMatchObject({ state: 'absent' })
})

test('what can’t be had is refused before anything is touched', async () => {
  const before = await namesAt(home)
  const { access, making, context } = await engine(1)
  const given = handed
  const cases: { wish?: object; handed?: RancherHandover; error: object }[] = [
    { handed: { ...given, backend: undefined, env: {}, main: {}, token: '' }, error: { code: 'clusters-by-operator' } },
    { handed: { ...given, variables: { ...given.variables, linode: null } }, error: { code: 'clusters-by-operator' } },
    { wish: { type: 'huge' }, error: { code: 'node-type-unknown', details: { right: 'small, g6-standard-6' } } },
    { wish: { role: 'control' }, error: { code: 'cluster-invalid', details: { field: 'role' } } },
    { wish: { name: 'a'.repeat(26) }, error: { code: 'cluster-invalid', details: { field: 'name' } } },
    { wish: { credential: { ...own, provider: 'azure' } }, error: { code: 'credential-invalid' } },
  ]
  for (const { wish = {}, handed: other = given, error } of cases) {
    handed = other
    const wanted = { ...order, ...wish }
    await expect(access.ensure(wanted, context)).rejects.toMatchObject(error)
    await expect(making.ensure({ ...wanted, links: [] }, context)).rejects.toMatchObject(error)
    // So that it can be taken back.
    expect(await making.remove({ ...wanted, links: [] }, context)).toMatchObject({ changed: false })
    expect(await making.observe({ ...wanted, links: [] }, context)).toMatchObject({ state: 'absent' })
    expect(await findCluster(db, wanted.name)).toBeUndefined()
  }
  expect([await standin.calls(), await namesAt(home)]).toEqual([[], before])
})

test('when the site goes, what its service ordered goes with it, and nothing of others', async () => {
  rancher.ordered.set('acme-second', 'acme').set('acme-test-second', 'acme-test')
  const step = orderedClustersAction({ rancher, token: () => 'token-a', sleep: async () => {} })
  const wanted = { url: 'https://rancher.example.com', site: 'acme' }
  expect(await step.observe(wanted, createTestContext())).toMatchObject({ state: 'present', detail: 'acme-second' })
  expect(await step.remove(wanted, createTestContext())).toMatchObject({ changed: true })
  expect(await step.observe(wanted, createTestContext())).toMatchObject({ state: 'absent' })
  expect([[...rancher.ordered.keys()], rancher.cleared]).toEqual([['acme-test-second'], ['acme']])
})
