import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testSite } from '../../src/api/testing.ts'
import { AppError } from '../../src/base/errors.ts'
import { findCluster } from '../../src/clusters/cluster-rows.ts'
import { createFakeCluster } from './fake-outside.ts'
import { makeSiteServices } from '../support/site-services.ts'
import { type Service, startService } from './house.ts'

/** A cluster beside the site's own where the site is at Hetzner: what is otherwise there than on the local cloud. */
let service: Service
let admin: ReturnType<Service['as']>
let alice: ReturnType<Service['as']>
let second: ReturnType<typeof createFakeCluster>
const services = 'omegaml-services'

beforeEach(async () => {
  service = await startService(undefined, { ...testSite, provider: 'hcloud' })
  const { kubernetes } = service.outside
  await makeSiteServices(kubernetes, services, (name) => name)
  const spec = { podCIDR: '10.42.0.0/24' }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'omega-control-1' }, spec })
  second = createFakeCluster()
  service.beside.set('second', second)
  const status = { conditions: [{ type: 'Ready', status: 'True' }] }
  await second.kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'control-1' }, status })
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  const account = await admin.post('/api/v2/accounts', { name: 'alice', email: 'alice@example.org' })
  await service.ended(account.body.command)
  alice = service.as('alice', account.body.apikey)
})
afterEach(async () => await service.close())

async function ordered(caller: typeof admin, order: object) {
  const answer = await caller.post('/api/v2/orders', { phase: 'install', ...order })
  expect(answer).toMatchObject({ status: 201 })
  await service.ended(answer.body.id)
  return (await caller.get(`/api/v2/commands/${answer.body.id}`)).body
}

test('a runtime and a volume there work as on the local cloud, and a pool is refused with what to do', async () => {
  const done = { state: 'done' }
  expect(await ordered(admin, { plan: 'cluster', params: { name: 'second', size: 1 } })).toMatchObject(done)
  expect(await ordered(admin, { plan: 'tenant', params: { cluster: 'second' }, account: 'alice' })).toMatchObject(done)
  const file = join(service.roots, 'cluster-second', 'terraform.tfvars.json')
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ network_id: 11, subnet_range: '10.0.128.0/24' })
  const links = (await findCluster(service.db, 'second'))?.links ?? {}
  expect(Object.keys(links)).toEqual(['5672', '8080', '27017'])

  const params = { name: 'data', size: 1, cluster: 'second' }
  expect(await ordered(alice, { plan: 'storage', params })).toMatchObject(done)
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-data', namespace: 'om-alice' }
  expect((await second.kubernetes.find(claim))?.['spec']).not.toHaveProperty('storageClassName')
  const runtime = { plan: 'runtime', params: { cluster: 'second', storage: 'data' } }
  expect(await ordered(alice, runtime)).toMatchObject(done)
  const ports = [27017, 5672, 8080].map((port) => ({ protocol: 'TCP', port: links[port] }))
  expect(second.helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({
    networkPolicies: { extraEgress: [{ to: [{ ipBlock: { cidr: '10.0.1.11/32' } }], ports }] },
  })
  const pool = await ordered(alice, { plan: 'nodepool', params: { name: 'gpu', cluster: 'second' } })
  expect(pool).toMatchObject({ state: 'failed', message: expect.stringContaining('change its size instead') })
})

test('after down and up it is made again, and what accounts have there waits for it and comes back', async () => {
  await ordered(admin, { plan: 'cluster', params: { name: 'second', size: 1 } })
  await ordered(admin, { plan: 'tenant', params: { cluster: 'second' }, account: 'alice' })
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' }
  await second.kubernetes.delete(namespace)
  second.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'it is being made'))
  service.outside.terraform.lose(join(service.roots, 'cluster-second'), 'module.cluster')
  expect(await admin.post('/api/v2/deployments/ensure')).toMatchObject({ status: 202 })
  const commandOf = async (plan: string) => {
    const { id } = await service.db
      .selectFrom('commands')
      .select('id')
      .where('plan', '=', plan)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirstOrThrow()
    return Number(id)
  }
  const [cluster, tenant] = [await commandOf('cluster'), await commandOf('tenant')]
  const waiting = async (id: number) => JSON.stringify((await admin.get(`/api/v2/commands/${id}`)).body)
  await expect.poll(async () => await waiting(cluster), { timeout: 10_000 }).toContain('it is being made')
  await expect.poll(async () => await waiting(tenant), { timeout: 10_000 }).toContain('it is being made')

  second.kubernetes.failWith(undefined)
  for (const id of [cluster, tenant]) {
    await service.ended(id)
    expect((await admin.get(`/api/v2/commands/${id}`)).body).toMatchObject({ state: 'done' })
  }
  expect(await second.kubernetes.find(namespace)).toBeDefined()
  expect(service.outside.terraform.filledRoots()).toContain('cluster-second')
})
