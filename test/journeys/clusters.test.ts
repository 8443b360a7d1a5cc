import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { findCluster } from '../../src/clusters/cluster-rows.ts'
import { makeSiteServices } from '../support/site-services.ts'
import { type Answer, type Service, startService } from './house.ts'

/** Clusters beside the site's own: ordered by an admin, used by accounts that are put there. */
let service: Service
let admin: ReturnType<Service['as']>
let alice: ReturnType<Service['as']>

const services = 'omegaml-services'

beforeEach(async () => {
  service = await startService()
  const { kubernetes } = service.outside
  await makeSiteServices(kubernetes, services, (name) => name)
  const address = { type: 'InternalIP', address: '10.231.1.11' }
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { addresses: [address] },
  })
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  const account = await admin.post('/api/v2/accounts', { name: 'alice', email: 'alice@example.org' })
  await service.ended(account.body.command)
  alice = service.as('alice', account.body.apikey)
})
afterEach(async () => await service.close())

type Caller = Pick<ReturnType<Service['as']>, 'post' | 'get'>

async function order(caller: Caller, plan: string, phase: string, params: object, account?: string): Promise<Answer> {
  return await caller.post('/api/v2/orders', { plan, phase, params, ...(account === undefined ? {} : { account }) })
}

async function delivered(...wish: Parameters<typeof order>): Promise<void> {
  const answer = await order(...wish)
  expect(answer).toMatchObject({ status: 201 })
  await service.ended(answer.body.id)
  const { body } = await wish[0].get(`/api/v2/commands/${answer.body.id}`)
  expect(body).toMatchObject({ state: 'done' })
}

async function withSecond(): Promise<void> {
  await delivered(admin, 'cluster', 'install', { name: 'second' })
  await delivered(admin, 'tenant', 'install', { cluster: 'second' }, 'alice')
}

const inSecond = () => {
  const found = service.beside.get('second')
  if (found === undefined) throw new Error('nobody went into cluster second')
  return found
}

const namesOf = async (kind: string, namespace: string, apiVersion = 'v1') =>
  (await service.outside.kubernetes.list({ apiVersion, kind }, { namespace })).map(({ metadata }) => metadata.name)

test('a cluster has the site’s services under the same names, and its credentials lie in the rows encrypted', async () => {
  await delivered(admin, 'cluster', 'install', { name: 'second' })
  expect(await findCluster(service.db, 'second')).toMatchObject({ state: 'ready', address: '10.0.3.1' })
  const row = await service.db.selectFrom('clusters').select(['kubeconfig', 'observer']).executeTakeFirstOrThrow()
  expect([row.kubeconfig, row.observer].every((text) => text?.startsWith('v1.') === true)).toBe(true)
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', name: 'rabbitmq', namespace: services }
  expect(await inSecond().kubernetes.find(slice)).toMatchObject({
    endpoints: [{ addresses: ['10.0.3.1'] }],
    ports: [{ port: 5672 }],
  })
  // At home a way in, from the nodes' network alone.
  expect(await namesOf('Service', services)).toContain('cluster-second-mongodb')
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    name: 'cluster-second-omegaweb',
    namespace: services,
  }
  expect(await service.outside.kubernetes.find(policy)).toMatchObject({
    spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.231.1.0/24' } }], ports: [{ port: 'omegaweb' }] }] },
  })
})

test('a runtime on the second cluster finds its namespace, its way out and nothing of the site’s own cluster', async () => {
  await withSecond()
  await delivered(alice, 'runtime', 'install', { cluster: 'second' })
  expect(service.outside.helm.valuesOf('runtime-worker', 'om-alice')).toBeUndefined()
  const ports = [27017, 5672, 8080].map((port) => ({ protocol: 'TCP', port }))
  expect(inSecond().helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({
    networkPolicies: {
      dnsCidrs: ['10.0.3.1/32'],
      extraEgress: [{ to: [{ ipBlock: { cidr: '10.0.3.1/32' } }], ports }],
    },
  })
  const secret = { apiVersion: 'v1', kind: 'Secret', name: 'runtime-worker', namespace: 'om-alice' }
  expect(await inSecond().kubernetes.find(secret)).toBeDefined()
  expect(await service.outside.kubernetes.find(secret)).toBeUndefined()

  await delivered(alice, 'runtime', 'remove', {})
  await delivered(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' }
  expect(await inSecond().kubernetes.find(namespace)).toBeUndefined()
  expect(await service.outside.kubernetes.find(namespace)).toBeDefined()
})

test('a cluster that somebody uses stays, and who does is told', async () => {
  await withSecond()
  await delivered(alice, 'runtime', 'install', { cluster: 'second' })
  const refused = await order(admin, 'cluster', 'remove', { name: 'second' })
  expect(refused).toMatchObject({ status: 409, body: { code: 'service-in-use' } })
  expect(refused.body.detail ?? refused.body.title).toContain('tenant second of account alice')
  const placed = await order(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
  expect(placed).toMatchObject({ status: 409, body: { details: { usedBy: ['runtime worker'] } } })

  await delivered(alice, 'runtime', 'remove', {})
  await delivered(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
  await delivered(admin, 'cluster', 'remove', { name: 'second' })
  expect(await findCluster(service.db, 'second')).toBeUndefined()
  expect((await namesOf('Service', services)).filter((name) => name.startsWith('cluster-'))).toEqual([])
  expect(service.outside.terraform.filledRoots()).not.toContain('cluster-second')
})

test('one that is lost goes although it is used, and what was there goes after it', async () => {
  await withSecond()
  await delivered(alice, 'storage', 'install', { name: 'data', size: 1, cluster: 'second' })
  await delivered(alice, 'runtime', 'install', { cluster: 'second', storage: 'data' })
  await delivered(admin, 'cluster', 'remove', { name: 'second', force: true })
  service.beside.get('second')?.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'gone'))
  const volumes = () => service.outside.terraform.filledRoots().filter((root) => root.includes('storage-data'))
  expect(volumes()).toHaveLength(1)
  await delivered(alice, 'runtime', 'remove', {})
  await delivered(alice, 'storage', 'remove', { name: 'data' })
  expect(volumes()).toEqual([])
  await delivered(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
})

test('orders that can’t be are refused, with what would be right', async () => {
  const cases = [
    {
      caller: alice,
      plan: 'cluster',
      params: { name: 'mine' },
      code: 'plan-not-orderable',
      why: 'clusters are for admins',
    },
    {
      caller: alice,
      plan: 'runtime',
      params: { cluster: 'second' },
      code: 'need-missing',
      why: 'she is not put there',
    },
    {
      caller: admin,
      plan: 'tenant',
      params: { cluster: 'third' },
      code: 'need-missing',
      account: 'alice',
      why: 'there is none',
    },
    { caller: admin, plan: 'cluster', params: { name: 'Second!' }, code: 'order-invalid', why: 'it is no name' },
    {
      caller: admin,
      plan: 'cluster',
      params: { name: 'x', size: 0 },
      code: 'order-invalid',
      why: 'it needs a machine',
    },
  ]
  for (const { caller, plan, params, code, account, why } of cases)
    expect((await order(caller, plan, 'install', params, account)).body, why).toMatchObject({ code })
})

test('a service stays on the cluster that it was ordered on', async () => {
  await withSecond()
  await delivered(alice, 'runtime', 'install', {})
  const moved = await order(alice, 'runtime', 'update', { cluster: 'second' })
  expect(moved).toMatchObject({ status: 400, body: { errors: [{ field: 'params.cluster' }] } })
})

test('the name of the site’s own cluster is taken', async () => {
  const { body } = await order(admin, 'cluster', 'install', { name: 'omega' })
  await service.ended(body.id)
  const command = await admin.get(`/api/v2/commands/${body.id}`)
  expect(command.body).toMatchObject({ state: 'failed' })
  expect(command.body.message).toContain('choose another name')
})

test('a volume on the second cluster is mounted by runtimes there, and by no notebook', async () => {
  await withSecond()
  await delivered(alice, 'storage', 'install', { name: 'data', size: 1, cluster: 'second' })
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-data', namespace: 'om-alice' }
  expect(await inSecond().kubernetes.find(claim)).toBeDefined()
  expect(await service.outside.kubernetes.find(claim)).toBeUndefined()
  const config = await alice.get('/api/v1/config/?view=1')
  expect(JSON.stringify(config.body)).not.toContain('storage-data')
  const apart = await order(alice, 'runtime', 'install', { storage: 'data' })
  expect(apart.body.errors).toMatchObject([{ field: 'params.cluster' }])
  await delivered(alice, 'runtime', 'install', { storage: 'data', cluster: 'second' })
})

const poolRoot = 'nodepool-alice-gpu'
const machinesOf = async () => {
  const text = await readFile(join(service.roots, poolRoot, 'terraform.tfvars.json'), 'utf8')
  return JSON.parse(text) as { cluster: string; machines: Record<string, object> }
}

test('a pool on the second cluster joins its machines there, grows, shows them to its account, and goes', async () => {
  await withSecond()
  await delivered(alice, 'nodepool', 'install', { name: 'gpu', role: 'gpu', cluster: 'second' })
  expect(await machinesOf()).toMatchObject({
    cluster: 'second',
    machines: { 'alice-gpu-1': { role: 'gpu', labels: { 'omegaml.io/pool': 'alice-gpu' } } },
  })
  await delivered(alice, 'nodepool', 'update', { name: 'gpu', size: 2 })
  expect(await machinesOf()).toMatchObject({ cluster: 'second', machines: { 'alice-gpu-2': {} } })
  const moved = await order(alice, 'nodepool', 'update', { name: 'gpu', cluster: null })
  expect(moved).toMatchObject({ status: 400, body: { errors: [{ field: 'params.cluster' }] } })

  // Who has machines there keeps the place, and the place keeps the cluster.
  const placed = await order(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
  expect(placed).toMatchObject({ status: 409, body: { details: { usedBy: ['nodepool gpu'] } } })
  await delivered(alice, 'nodepool', 'remove', { name: 'gpu' })
  expect(service.outside.terraform.filledRoots()).not.toContain(poolRoot)
  await delivered(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
  await delivered(admin, 'cluster', 'remove', { name: 'second' })
})

test('nothing is ordered on a cluster that is not there, is being removed, or is lost', async () => {
  await withSecond()
  const refusal = async (params: object) => {
    const { body } = await order(alice, 'nodepool', 'install', { name: 'more', ...params })
    return [body.code, body.detail]
  }
  const text = 'nodepool more needs tenant third, which account alice does not have: an admin has to order it first'
  expect(await refusal({ cluster: 'third' })).toEqual(['need-missing', text])
  expect((await refusal({ cluster: 'Second.X' }))[1]).toContain('cluster "Second.X"')
  await delivered(alice, 'nodepool', 'install', { name: 'gpu', cluster: 'second' })

  const forced = await order(admin, 'cluster', 'remove', { name: 'second', force: true })
  const gone = 'nodepool more needs cluster second, which nobody has: an admin has to order it first'
  expect(await refusal({ cluster: 'second' })).toEqual(['need-missing', gone])
  await service.ended(forced.body.id)
  expect(await refusal({ cluster: 'second' })).toEqual(['need-missing', gone])
  // What was there is in nobody's way.
  await delivered(alice, 'nodepool', 'remove', { name: 'gpu' })
  await delivered(admin, 'tenant', 'remove', { cluster: 'second' }, 'alice')
})

test('an order that waits while its cluster is taken away ends, and says why', async () => {
  await withSecond()
  await service.engine.stop()
  const waiting = await order(alice, 'nodepool', 'install', { name: 'late', cluster: 'second' })
  await order(admin, 'cluster', 'remove', { name: 'second', force: true })
  await service.db.deleteFrom('clusters').execute()
  await service.restart()
  await service.ended(waiting.body.id)
  const { body } = await alice.get(`/api/v2/commands/${waiting.body.id}`)
  expect(body).toMatchObject({ state: 'failed', message: expect.stringContaining('there is no cluster second') })
  expect(service.outside.terraform.filledRoots()).not.toContain('nodepool-alice-late')
})
