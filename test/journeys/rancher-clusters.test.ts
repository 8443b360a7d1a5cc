import { afterEach, beforeEach, expect, test } from 'vitest'
import { testSite } from '../../src/api/testing.ts'
import { findCluster } from '../../src/clusters/cluster-rows.ts'
import type { RancherHandover } from '../../src/clusters/ordered-pools.ts'
import { rancherEnv, rancherRoot } from '../../src/clusters/rancher-root.ts'
import { createFakeCluster } from './fake-outside.ts'
import { makeSiteServices } from '../support/site-services.ts'
import { type Service, startService } from './house.ts'

/** Clusters beside the site's own where a Rancher orders the machines. */
const services = 'omegaml-services'
let service: Service
let handed: RancherHandover
let admin: ReturnType<Service['as']>
let alice: ReturnType<Service['as']>

beforeEach(async () => {
  handed = handover()
  service = await startService(undefined, { ...testSite, provider: 'rancher' }, undefined, { rancher: () => handed })
  const { kubernetes } = service.outside
  await makeSiteServices(kubernetes, services, (name) => name)
  const second = createFakeCluster()
  service.beside.set('second', second)
  const status = { conditions: [{ type: 'Ready', status: 'True' }] }
  for (const name of ['n-1', 'n-2'])
    await second.kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name }, status })
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  const account = await admin.post('/api/v2/accounts', { name: 'alice', email: 'alice@example.org' })
  await service.ended(account.body.command)
  alice = service.as('alice', account.body.apikey)
})
afterEach(async () => await service.close())

function handover(): RancherHandover {
  const pools = [
    { name: 'control', role: 'control', machineType: 'm6i.large', size: 3 },
    { name: 'everything', role: 'worker', machineType: 'm6i.2xlarge', size: 3 },
  ]
  const url = 'https://rancher.example.org'
  const { main, variables } = rancherRoot(
    { name: 'omega', domain: 'omega.example.org', kubernetesVersion: '1.35.8', pools, volumes: {} },
    { url, driver: 'amazonec2', machine: {}, credentialName: 'of-the-site', distribution: 'rke2', modules: '' },
  )
  const env = rancherEnv({ token: 'token-a:b' })
  return { main, variables, backend: { name: 's3', settings: {} }, env, url, token: 'token-a:b' }
}

type Caller = Pick<ReturnType<Service['as']>, 'post' | 'get'>

/** How the order ended, and why. */
async function ended(caller: Caller, plan: string, phase: string, params: object, account?: string) {
  const order = { plan, phase, params, ...(account === undefined ? {} : { account }) }
  const answer = await caller.post('/api/v2/orders', order)
  expect(answer.body).toMatchObject({ id: expect.any(Number) })
  await service.ended(answer.body.id)
  return (await caller.get(`/api/v2/commands/${answer.body.id}`)).body
}

async function delivered(...wish: Parameters<typeof ended>): Promise<void> {
  expect(await ended(...wish)).toMatchObject({ state: 'done' })
}

const homeNames = async (kind: string, apiVersion = 'v1') =>
  (await service.outside.kubernetes.list({ apiVersion, kind }, { namespace: services }))
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith('cluster-'))

test('an account’s runtime and volume on a cluster that was ordered with a credential of its own', async () => {
  await delivered(alice, 'credential', 'install', { name: 'gold', key: 'AKIA', secret: 'of-the-account' })
  await delivered(admin, 'cluster', 'install', { name: 'second', credential: 'gold' }, 'alice')
  expect(await findCluster(service.db, 'second')).toMatchObject({
    state: 'ready',
    provider: 'rancher',
    address: undefined,
    apiServer: 'https://rancher.example.org/k8s/clusters/c-m-abcdefgh',
  })
  await delivered(admin, 'tenant', 'install', { cluster: 'second' }, 'alice')
  await delivered(alice, 'storage', 'install', { name: 'data', size: 1, cluster: 'second' })
  await delivered(alice, 'runtime', 'install', { cluster: 'second', storage: 'data' })
  const there = service.beside.get('second')
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-data', namespace: 'om-alice' }
  expect(await there?.kubernetes.find(claim)).toBeDefined()
  // Its pods find the services in the cluster itself, by the rules that they have anyway.
  expect(there?.helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({ networkPolicies: { extraEgress: [] } })
  const pool = await ended(alice, 'nodepool', 'install', { name: 'gpu', cluster: 'second' })
  expect(pool).toMatchObject({ state: 'failed', message: expect.stringContaining('plan cluster') })

  await delivered(alice, 'nodepool', 'remove', { name: 'gpu' })
  await delivered(alice, 'runtime', 'remove', {})
  await delivered(alice, 'storage', 'remove', { name: 'data' })
  await delivered(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
  await delivered(admin, 'cluster', 'remove', { name: 'second' }, 'alice')
  expect(await findCluster(service.db, 'second')).toBeUndefined()
  expect(service.outside.terraform.filledRoots()).not.toContain('cluster-second')
  const left = ['Service', 'Secret'].map((kind) => homeNames(kind))
  expect([...(await Promise.all(left)), await homeNames('Deployment', 'apps/v1')]).toEqual([[], [], []])
})

test('where the operator handed over no token the order fails, says why, and leaves nothing', async () => {
  handed = { ...handed, main: {}, env: {}, backend: undefined, token: '' }
  const order = await ended(admin, 'cluster', 'install', { name: 'second' })
  expect(order).toMatchObject({ state: 'failed', message: expect.stringContaining('with a shared backend in `state`') })
  expect([await findCluster(service.db, 'second'), await homeNames('Service')]).toEqual([undefined, []])
  // Away with the order itself, too.
  await delivered(admin, 'cluster', 'remove', { name: 'second' })
})

test('after `down` and `up` the cluster is made anew, and what lies on it waits for that', async () => {
  await delivered(admin, 'cluster', 'install', { name: 'second' })
  await delivered(admin, 'tenant', 'install', { cluster: 'second' }, 'alice')
  await delivered(alice, 'runtime', 'install', { cluster: 'second' })
  for (const kind of ['Service', 'Secret'])
    for (const name of await homeNames(kind))
      await service.outside.kubernetes.delete({ apiVersion: 'v1', kind, name, namespace: services })
  await service.outside.kubernetes.delete({ apiVersion: 'v1', kind: 'Service', name: 'mongodb', namespace: services })
  expect(await admin.post('/api/v2/deployments/ensure', {})).toMatchObject({ status: 202 })
  const state = async () => (await findCluster(service.db, 'second'))?.state
  await expect.poll(state, { timeout: 20_000 }).toBe('making')
  await service.outside.kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mongodb', namespace: services },
    spec: { selector: { 'app.kubernetes.io/component': 'mongodb' }, ports: [{ port: 27017, targetPort: 'mongodb' }] },
  })
  await expect.poll(state, { timeout: 20_000 }).toBe('ready')
  expect(await homeNames('Secret')).toEqual(['cluster-second'])
})
