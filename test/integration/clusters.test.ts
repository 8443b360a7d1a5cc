import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cluster, type ClusterInput, clusterParts } from '../../src/actions/cluster.ts'
import { clusterAccess } from '../../src/actions/cluster-access.ts'
import { helmRelease } from '../../src/actions/helm-release.ts'
import { kubernetesApply } from '../../src/actions/kubernetes-apply.ts'
import { onCluster } from '../../src/actions/on-cluster.ts'
import { bound, createTestContext } from '../../src/actions/testing.ts'
import { createHelmCli } from '../../src/adapters/helm/cli.ts'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { testSite } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { findCluster, openAccess } from '../../src/clusters/cluster-rows.ts'
import type { Door } from '../../src/clusters/doors.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import type { StateBackend } from '../../src/clusters/state-backend.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { placeValues } from '../../src/deployments/place-values.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from '../support/fake-local-cloud.ts'
import { startEngineStates } from '../support/engine-states.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { needProgram } from '../support/programs.ts'
import { makeSiteServices } from '../support/site-services.ts'

/** A second cluster: two real API servers, the real OpenTofu, Helm and provider; a local cloud that keeps what it is told. */
const project = resolve(import.meta.dirname, '../..')
const ring = () => parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const keys = { engine: ring(), settings: ring() }
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
  size: 1,
  domain: 'second.omega.localhost',
  pullSecrets: [],
  image: 'registry.example.org/nginx:1',
  links: [{ port: 5672, node: 30_672 }],
}

let folder: string
let home: TestCluster
let second: TestCluster
let cloud: FakeLocalCloud
let db: Db
let tofu: string
let mirror: string
const engines: StateBackend[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-clusters-'))
  const starting = [startCluster(), startCluster()] as const
  await Promise.allSettled(starting)
  ;[home, second] = await Promise.all(starting)
  const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
  tofu = paths.tofu
  mirror = (await writeMirror(join(folder, 'mirror'), paths['terraform-provider-localcloud'])).folder
  cloud = await startFakeLocalCloud(join(folder, 'api.sock'), await readFile(second.kubeconfig, 'utf8'))
  await makeSiteServices(home.kubernetes, services)
})
afterAll(async () => {
  for (const engine of engines) await engine.stop()
  await cloud?.close()
  await db?.destroy()
  for (const one of [home, second]) await one?.stop()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await db?.destroy()
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  cloud.things.clear()
  cloud.failing.clear()
})

/** A new engine with an empty folder, as after the loss of its pod; it has claimed the task anew. */
async function engine(fencing: number) {
  const states = await startEngineStates(db, keys.engine, { root: 'cluster-second', fencing })
  engines.push(states)
  const own = await mkdtemp(join(folder, 'engine-'))
  const program = needProgram('helm')
  const enter = (kubeconfig: string, name: string): Door => {
    const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
    return { kubernetes, helm: createHelmCli({ program, folder: join(own, name), kubeconfig, kubernetes }) }
  }
  const clusters = clusterParts({ db, keys, enter: (name) => enter(second.kubeconfig, name) })
  const parts = {
    ...enter(home.kubeconfig, 'home'),
    clusters,
    clock: systemClock,
    manifests: join(project, 'catalog/manifests'),
    charts: join(project, 'charts'),
    roots: {
      terraform: createTerraformCli({ program: tofu, folder: join(own, 'cli'), mirror }),
      states,
      provider: {
        provider: loadProvider(join(project, 'catalog/providers'), 'local'),
        site: { cluster: 'omega', endpoint: cloud.endpoint, ca: '' },
        env: {},
      },
      folder: join(own, 'roots'),
      modules: join(project, 'terraform'),
    },
  }
  const context = createTestContext()
  return { action: cluster(parts), parts, context: { ...context, task: { ...context.task, fencing } } }
}

const ordered = () => [...cloud.things.keys()].toSorted()

test('a cluster is ordered with what belongs into it, found unchanged by another engine, grown, and removed', async () => {
  const first = await engine(1)
  expect(await first.action.ensure(wanted, first.context)).toMatchObject({ changed: true })
  expect(ordered()).toEqual(['/v1/clusters/second', '/v1/clusters/second/machines/second-1'])
  expect(cloud.things.get('/v1/clusters/second')).toMatchObject({ links: [{ port: 5672, node: 30_672 }] })
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', name: 'rabbitmq', namespace: services }
  expect(await second.kubernetes.find(slice)).toMatchObject({ endpoints: [{ addresses: ['10.0.0.1'] }] })

  const next = await engine(2)
  expect(await next.action.ensure(wanted, next.context)).toMatchObject({ changed: false })
  expect(await next.action.observe(wanted, next.context)).toMatchObject({ state: 'present' })
  await second.kubernetes.delete(slice)
  expect(await next.action.observe(wanted, next.context)).toMatchObject({ state: 'different' })
  await next.action.ensure({ ...wanted, size: 2 }, next.context)
  expect(await second.kubernetes.find(slice)).toBeDefined()
  expect(ordered()).toContain('/v1/clusters/second/machines/second-2')

  const last = await engine(3)
  await last.action.remove(wanted, last.context)
  expect(ordered()).toEqual([])
  expect(await last.action.observe(wanted, last.context)).toMatchObject({ state: 'absent' })
  expect(await findCluster(db, 'second')).toBeUndefined()
})

test('what a killed engine had begun is finished by the next, or taken away by it', async () => {
  const dead = await engine(1)
  cloud.failing.set('/v1/clusters/second/machines/second-1', 'the power went')
  await expect(dead.action.ensure(wanted, dead.context)).rejects.toMatchObject({ kind: 'unavailable' })
  expect(await findCluster(db, 'second')).toMatchObject({ state: 'making' })
  await db.updateTable('terraform_states').set({ lock_id: 'dead' }).execute()
  const undoing = await engine(2)
  await undoing.action.remove(wanted, undoing.context)
  expect([ordered(), await findCluster(db, 'second')]).toEqual([[], undefined])

  cloud.failing.clear()
  const next = await engine(3)
  await next.action.ensure(wanted, next.context)
  expect(await findCluster(db, 'second')).toMatchObject({ state: 'ready' })
})

test('who looks may look at nodes, and at pods where a namespace lets it, and at no Secret', async () => {
  const { action, context, parts } = await engine(1)
  await action.ensure(wanted, context)
  expect(await openAccess(db, keys.engine, 'kubeconfig')).toHaveProperty('size', 1)
  const observer = (await openAccess(db, keys.settings, 'observer')).get('second') ?? ''
  await expect(openAccess(db, keys.settings, 'kubeconfig')).rejects.toMatchObject({ code: 'sealed-text-unreadable' })
  const file = join(folder, 'observer')
  await writeFile(file, observer, { mode: 0o600 })
  const looking = createKubernetes({ kubeconfigFile: file })
  const site = (await placeValues(db, testSite, 'second'))['site']
  const values = { namespace: 'om-alice', account: 'alice', site }
  const apply = onCluster(
    (door) => kubernetesApply({ ...parts, ...door }),
    parts,
    () => parts.clusters.doors,
  )
  const namespace = bound(apply, { cluster: 'second', file: 'account/namespace.yml', values })
  expect(await namespace.observe()).toMatchObject({ state: 'absent' })
  await namespace.ensure()
  expect(await looking.list({ apiVersion: 'v1', kind: 'Node' })).toEqual([])
  expect(await looking.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'om-alice' })).toEqual([])
  for (const where of [{ namespace: 'om-alice' }, { namespace: services }])
    await expect(looking.list({ apiVersion: 'v1', kind: 'Secret' }, where)).rejects.toMatchObject({ kind: 'forbidden' })
  await expect(looking.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: services })).rejects.toMatchObject({
    kind: 'forbidden',
  })
  await namespace.remove()
})

test('a release on the second cluster leaves the first alone, and is gone with its cluster', async () => {
  const { action, context, parts } = await engine(1)
  await action.ensure(wanted, context)
  for (const one of [home, second])
    await one.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'om-bob' } })
  const helm = onCluster(
    (door) => helmRelease({ ...parts, ...door }),
    parts,
    () => parts.clusters.doors,
  )
  const values = { shared: false, accountSecret: 'runtime-worker', queues: ['worker'] }
  const release = { release: 'runtime-worker', namespace: 'om-bob', chart: 'omegaml-worker', values, wait: false }
  const there = bound(helm, { ...release, cluster: 'second' })
  await there.ensure()
  expect(await there.observe()).toMatchObject({ state: 'present' })
  expect(await bound(helm, release).observe()).toMatchObject({ state: 'absent' })
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'runtime-worker', namespace: 'om-bob' }
  expect(await second.kubernetes.find(deployment)).toBeDefined()
  expect(await home.kubernetes.find(deployment)).toBeUndefined()
  expect(there.locks).not.toEqual(bound(helm, release).locks)

  await action.remove(wanted, context)
  expect(await there.observe()).toMatchObject({ state: 'absent' })
  expect(await there.remove()).toMatchObject({ changed: false })
  await expect(there.ensure()).rejects.toMatchObject({ code: 'cluster-unknown' })
})

test('the way to the site’s services is a node port each, for nodes’ networks alone, and goes', async () => {
  const { kubernetes } = home
  const { links: _links, ...order } = wanted
  const access = bound(clusterAccess({ kubernetes }), order)
  const { outputs } = await access.ensure()
  const links = outputs?.['links'] as { port: number; node: number }[]
  expect(links.map(({ port }) => port)).toEqual([27017, 5672, 8080])
  expect(links.every(({ node }) => node >= 30_000)).toBe(true)
  // There are no nodes: nobody comes in.
  const policies = await kubernetes.list({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' })
  expect(policies.map(({ spec }) => (spec as { ingress?: unknown[] }).ingress ?? [])).toEqual([[], [], []])
  expect(await access.ensure()).toMatchObject({ changed: false, outputs: { links } })
  expect(await access.observe()).toMatchObject({ state: 'present' })
  await access.remove()
  expect(await access.observe()).toMatchObject({ state: 'absent' })
})
