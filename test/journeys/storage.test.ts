import { afterEach, beforeEach, expect, test } from 'vitest'
import { signedInAs, testSite } from '../../src/api/testing.ts'
import type { SiteFacts } from '../../src/deployments/site-facts.ts'
import { type Answer, type Service, startService } from './house.ts'

/** What accounts store: volumes, the home of their notebooks, database servers of their own. */
let service: Service
let admin: ReturnType<Service['as']>
let alice: Awaited<ReturnType<typeof signUp>>

beforeEach(async () => await start())
afterEach(async () => await service.close())

async function start(site: SiteFacts = testSite): Promise<void> {
  service = await startService(undefined, site)
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  alice = await signUp('alice')
}

async function signUp(name: string) {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  return { ...service.as(name, body.apikey), apikey: body.apikey as string }
}

type Caller = Pick<ReturnType<Service['as']>, 'post' | 'get'>

async function order(caller: Caller, body: object): Promise<Answer> {
  return await caller.post('/api/v2/orders', body)
}

/** Ordered, and worked off; the command as it ended. */
async function ended(caller: Caller, body: object) {
  const answer = await order(caller, body)
  expect(answer).toMatchObject({ status: 201 })
  await service.ended(answer.body.id)
  return (await caller.get(`/api/v2/commands/${answer.body.id}`)).body
}

async function delivered(caller: Caller, body: object) {
  const command = await ended(caller, body)
  expect(command).toMatchObject({ state: 'done' })
  return command
}

/** As from inside the cluster, or from outside. */
async function configOf(qualifier = 'default', where: 'inside' | 'outside' = 'inside'): Promise<Answer> {
  const url = where === 'inside' ? '/api/v1/config/?view=1' : '/api/v1/config/'
  return await service.anybody.get(url, { ...signedInAs('alice', alice.apikey), qualifier })
}

async function storageOf() {
  return (await configOf()).body.objects[0].data.CLUSTER_STORAGE
}

async function find(kind: string, name: string, namespace?: string) {
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into objects of every kind
  return (await service.outside.kubernetes.find({ apiVersion: 'v1', kind, name, namespace })) as any
}

test('a volume of its own is mounted into notebooks and workers beside the site’s, grows, and goes when nobody uses it', async () => {
  const shared = { name: 'base', persistentVolumeClaim: { claimName: 'base' } }
  const storage = { volumes: [shared], volumeMounts: [{ name: 'base', mountPath: '/base' }] }
  await service.close()
  await start({ ...testSite, provider: 'existing', storage })

  await delivered(alice, { plan: 'storage', phase: 'install', params: { name: 'data', size: 5 } })
  await delivered(alice, { plan: 'storage', phase: 'install', params: { name: 'fast', class: 'ssd' } })
  const { volumes, volumeMounts } = await storageOf()
  expect(volumes.map(({ name }: { name: string }) => name)).toEqual(['base', 'home', 'storage-data', 'storage-fast'])
  expect(volumeMounts.at(2)).toEqual({ name: 'storage-data', mountPath: '/mnt/data' })
  const claim = async (name: string) => await find('PersistentVolumeClaim', name, 'om-alice')
  expect((await claim('storage-fast')).spec.storageClassName).toBe('ssd')
  expect((await claim('storage-data')).spec).not.toHaveProperty('storageClassName')

  await delivered(alice, { plan: 'storage', phase: 'update', params: { name: 'data', size: 9 } })
  expect((await claim('storage-data')).spec.resources.requests.storage).toBe('9Gi')
  const tooMuch = await order(alice, { plan: 'storage', phase: 'update', params: { name: 'data', size: 95 } })
  expect(tooMuch.body).toMatchObject({ code: 'quota-reached', errors: [{ field: 'storage' }] })

  await delivered(alice, { plan: 'runtime', phase: 'install', params: { storage: 'data' } })
  expect(service.outside.helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({
    volumes: [{ claim: 'storage-data', mountPath: '/mnt/data' }],
  })
  const removal = { plan: 'storage', phase: 'remove', params: { name: 'data' } }
  expect((await order(alice, removal)).body).toMatchObject({ details: { usedBy: ['runtime worker'] } })
  await delivered(alice, { plan: 'runtime', phase: 'remove' })
  await delivered(alice, removal)
  expect(await claim('storage-data')).toBeUndefined()
})

test('notebooks have a home on a volume of the account’s own, as large as the site says or an admin orders; a group has none', async () => {
  const sizeOf = async (account: string) =>
    (await find('PersistentVolumeClaim', 'home', `om-${account}`))?.spec.resources.requests.storage
  expect(await sizeOf('alice')).toBe('5Gi')
  expect(await storageOf()).toEqual({
    volumes: [{ name: 'home', persistentVolumeClaim: { claimName: 'home' } }],
    volumeMounts: [{ name: 'home', mountPath: '/home/jovyan' }],
  })
  await delivered(admin, { plan: 'omegaml', phase: 'update', account: 'alice', params: { home: 12 } })
  expect(await sizeOf('alice')).toBe('12Gi')
  await delivered(admin, { plan: 'omegaml', phase: 'update', account: 'alice', params: { home: 0 } })
  expect(await sizeOf('alice')).toBeUndefined()
  expect(await storageOf()).toEqual({ volumes: [], volumeMounts: [] })

  const group = await admin.post('/api/v2/groups', { name: 'team', owner: 'alice' })
  await service.ended(group.body.command)
  expect(await sizeOf('g-team')).toBeUndefined()
})

test('on the local cloud a volume is ordered of the cloud, and its claim is bound to it', async () => {
  await delivered(alice, { plan: 'storage', phase: 'install', params: { name: 'data', size: 5 } })
  const { spec } = await find('PersistentVolumeClaim', 'storage-data', 'om-alice')
  const volume = await find('PersistentVolume', spec.volumeName)
  expect(volume.spec).toMatchObject({
    local: { path: `/mnt/volumes/${spec.volumeName}` },
    claimRef: { name: 'storage-data', namespace: 'om-alice' },
    storageClassName: spec.storageClassName,
  })

  const smaller = await order(alice, { plan: 'storage', phase: 'update', params: { name: 'data', size: 2 } })
  expect(smaller.body).toMatchObject({
    code: 'order-invalid',
    errors: [{ field: 'params.size', value: 2, problem: expect.stringContaining('5 or more') }],
  })
  await delivered(alice, { plan: 'storage', phase: 'update', params: { name: 'data', size: 8 } })
  expect((await find('PersistentVolume', spec.volumeName)).spec.capacity.storage).toBe('8Gi')

  await delivered(alice, { plan: 'storage', phase: 'remove', params: { name: 'data' } })
  expect(await find('PersistentVolumeClaim', 'storage-data', 'om-alice')).toBeUndefined()
  expect(await find('PersistentVolume', spec.volumeName)).toBeUndefined()
})

const host = 'database-docs.om-alice.svc'
const database = { plan: 'database', params: { name: 'docs' } }

/** The account's user, password, host and database of a qualifier. */
async function loginOf(qualifier: string, where?: 'inside' | 'outside') {
  const answer = await configOf(qualifier, where)
  return new URL(answer.body.objects[0].data.OMEGA_MONGO_URL)
}

test('kind mongodb is a database server of the account’s own, reached by its qualifier from inside the cluster', async () => {
  const command = await delivered(alice, {
    plan: 'storage',
    phase: 'install',
    params: { kind: 'mongodb', name: 'docs', memory: 2, size: 20 },
  })
  expect(command).toMatchObject({ plan: 'database', instance: 'docs' })
  expect(service.outside.helm.valuesOf('database-docs', 'om-alice')).toMatchObject({
    volumes: { mongodb: null, mysql: null, rabbitmq: null },
    mongodb: { enabled: true, running: true, memoryGb: 2, claim: 'database-docs', adminSecret: 'database-docs' },
  })
  const login = await loginOf('docs')
  expect(login.host).toBe(`${host}:27017`)
  const server = service.servers.get(host)
  expect(await server?.canLogin(login.username, login.password)).toBe(true)
  expect(await server?.findUser(login.username)).toMatchObject({ databases: [login.pathname.slice(1)] })
  // Nothing outside reaches it; its password must not go to the site's server instead.
  expect((await loginOf('docs', 'outside')).host).toBe(`${host}:27017`)
  // Tasks go as ever; the main store is where it was.
  const [own, main] = [await configOf('docs'), await configOf()]
  const urlOf = ({ body }: Answer) => body.objects[0].data.OMEGA_CELERY_CONFIG.BROKER_URL
  expect(urlOf(own)).toBe(urlOf(main))
  expect((await loginOf('default')).host).not.toBe(login.host)

  const { data } = await find('Secret', 'database-docs', 'om-alice')
  const administrator = Buffer.from(data.password, 'base64').toString()
  const rows = JSON.stringify([
    await service.db.selectFrom('commands').selectAll().execute(),
    await service.db.selectFrom('deployments').selectAll().execute(),
    await service.db.selectFrom('task_output').selectAll().execute(),
  ])
  for (const secret of [administrator, login.password]) expect(rows).not.toContain(secret)

  await delivered(alice, { ...database, phase: 'update', params: { name: 'docs', rotate: true } })
  expect((await loginOf('docs')).password).not.toBe(login.password)
  expect(await server?.canLogin(login.username, login.password)).toBe(false)
})

test('a qualifier leads to one database', async () => {
  const asked = async (params: object) => (await order(alice, { ...database, phase: 'install', params })).body
  expect(await asked({ name: 'default' })).toMatchObject({ code: 'qualifier-taken' })
  await delivered(alice, { ...database, phase: 'install', params: { name: 'docs', qualifier: 'lab' } })
  expect(await asked({ name: 'lab' })).toMatchObject({
    code: 'qualifier-taken',
    errors: [{ field: 'params.qualifier', problem: expect.stringContaining('database docs') }],
  })
  expect((await configOf('docs')).status).toBe(404)
  expect((await loginOf('lab')).host).toBe(`${host}:27017`)
  const { status, body } = await order(alice, { plan: 'storage', phase: 'install', params: { name: 'x', memory: 2 } })
  expect([status, body.code]).toEqual([400, 'order-invalid'])
})

test('a suspended database runs nothing, is told of to nobody, and comes back with its data and passwords', async () => {
  await delivered(alice, { ...database, phase: 'install' })
  const before = String(await loginOf('docs'))
  await delivered(alice, { ...database, phase: 'suspend' })
  expect(service.outside.helm.valuesOf('database-docs', 'om-alice')).toMatchObject({ mongodb: { running: false } })
  expect((await configOf('docs')).status).toBe(404)
  expect(await find('PersistentVolumeClaim', 'database-docs', 'om-alice')).toBeDefined()
  await delivered(alice, { ...database, phase: 'resume' })
  expect(String(await loginOf('docs'))).toBe(before)
  await delivered(alice, { ...database, phase: 'remove' })
  expect(await find('PersistentVolumeClaim', 'database-docs', 'om-alice')).toBeUndefined()
})

test('a removal keeps a last copy in the account’s own store when asked to, and says where', async () => {
  await delivered(alice, { ...database, phase: 'install' })
  const name = (await loginOf('docs')).pathname.slice(1)
  service.servers.get(host)?.collection(name, 'omegaml.data').set('1', { a: 1 }).set('2', { a: 2 })
  const command = await delivered(alice, {
    plan: 'storage',
    phase: 'remove',
    params: { kind: 'mongodb', name: 'docs', dump: true },
  })
  const { message } = command.steps.find(({ step }: { step: string }) => step === 'server')
  expect(message).toContain(`2 documents of 1 collections are kept as files database-docs/${command.id}/…`)
  const store = (await loginOf('default')).pathname.slice(1)
  expect(service.servers.get(host)?.dumps.get(`${store}/database-docs/${command.id}/omegaml.data.bson`)).toHaveLength(2)
  expect(await service.outside.helm.list('om-alice')).toEqual([])
  expect(await find('Secret', 'database-docs', 'om-alice')).toBeUndefined()
  expect((await configOf('docs')).status).toBe(404)
})

test('an account goes with its databases, volumes and home', async () => {
  await delivered(alice, { ...database, phase: 'install' })
  await delivered(alice, { plan: 'storage', phase: 'install', params: { name: 'data' } })
  const { body } = await admin.delete('/api/v2/accounts/alice')
  await service.ended(body.command)
  const volumes = await service.outside.kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
  expect(volumes).toEqual([])
  expect(await service.outside.helm.list('om-alice')).toEqual([])
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})
