import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { type Answer, type Service, startService } from './house.ts'

let service: Service
let admin: ReturnType<Service['as']>

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
})
afterEach(async () => await service.close())

async function signUp(name: string) {
  const { status, body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  expect(status).toBe(201)
  await service.ended(body.command)
  return { ...service.as(name, body.apikey), apikey: body.apikey as string, command: body.command as number }
}

async function configOf(caller: { get: (url: string) => Promise<Answer> }) {
  return (await caller.get('/api/v1/config/?view=1')).body.objects[0].data
}

test('an account is ordered, delivered, and answered with its config', async () => {
  const alice = await signUp('alice')
  expect((await alice.get('/api/v2/accounts/alice')).body).toMatchObject({
    userid: 'alice',
    status: 'active',
    role: 'user',
  })

  const config = await configOf(alice)
  expect(config).toMatchObject({ OMEGA_USERID: 'alice', OMEGA_APIKEY: alice.apikey, JUPYTER_NAMESPACE: 'om-alice' })
  expect(config.OMEGA_CELERY_CONFIG).toMatchObject({
    CELERY_DEFAULT_QUEUE: 'q-alice',
    CELERY_DEFAULT_EXCHANGE: 'x-alice',
  })

  const { username, password, pathname } = new URL(config.OMEGA_MONGO_URL)
  expect(await service.outside.mongodb.canLogin(username, password)).toBe(true)
  expect((await service.outside.mongodb.findUser(username))?.databases).toEqual([pathname.slice(1)])
  const broker = new URL(config.OMEGA_CELERY_CONFIG.BROKER_URL)
  expect(await service.outside.rabbitmq.canLogin(broker.username, broker.password)).toBe(true)
  expect((await service.outside.rabbitmq.findPermissions('omegaml', broker.username))?.read).toMatch(/^\^\(x-alice\|/)
  expect(await service.outside.jupyterhub.findUser('alice')).toBeDefined()
})

test('the namespace is closed and restricted', async () => {
  await signUp('alice')
  const { kubernetes } = service.outside
  const namespace = await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' })
  expect(namespace?.metadata.labels).toMatchObject({
    'omegaml.io/account': 'alice',
    'pod-security.kubernetes.io/enforce': 'restricted',
  })
  const policies = await kubernetes.list(
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
    { namespace: 'om-alice' },
  )
  expect(policies.map((policy) => policy.metadata.name).sort()).toEqual(['allow-in', 'allow-out', 'default-deny'])
})

test('nothing secret lies in orders, steps or their output', async () => {
  const alice = await signUp('alice')
  const { body } = await admin.get(`/api/v2/commands/${alice.command}`)
  expect(body).toMatchObject({ plan: 'signup', phase: 'install', state: 'done', status: 5, account: 'alice' })
  expect(body.steps.map((step: { step: string }) => step.step)).toEqual([
    'service',
    'database',
    'broker',
    'namespace',
    'home',
    'notebook',
  ])
  const config = await configOf(alice)
  const rows = JSON.stringify([
    body,
    await service.db.selectFrom('commands').selectAll().execute(),
    await service.db.selectFrom('tasks').selectAll().execute(),
    await service.db.selectFrom('deployments').selectAll().execute(),
    await service.db.selectFrom('audit_log').selectAll().execute(),
  ])
  const secrets = [
    alice.apikey,
    new URL(config.OMEGA_MONGO_URL).password,
    new URL(config.OMEGA_CELERY_CONFIG.BROKER_URL).password,
  ]
  for (const secret of secrets) expect(rows).not.toContain(secret)
})

test('a removed account leaves nothing, and its name is free again', async () => {
  const alice = await signUp('alice')
  const config = await configOf(alice)
  const removal = await admin.delete('/api/v2/accounts/alice')
  expect(removal).toMatchObject({ status: 202, body: { userid: 'alice', status: 'removing' } })
  expect((await alice.get('/api/v1/config/')).status).toBe(401)
  await service.ended(removal.body.command)

  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
  const { mongodb, rabbitmq, jupyterhub, kubernetes } = service.outside
  const database = new URL(config.OMEGA_MONGO_URL)
  expect(await mongodb.findUser(database.username)).toBeUndefined()
  expect(mongodb.dropped).toContain(database.pathname.slice(1))
  expect(await rabbitmq.hasUser(new URL(config.OMEGA_CELERY_CONFIG.BROKER_URL).username)).toBe(false)
  expect(await jupyterhub.findUser('alice')).toBeUndefined()
  expect(await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' })).toBeUndefined()

  const again = await signUp('alice')
  expect((await configOf(again)).OMEGA_MONGO_URL).not.toBe(config.OMEGA_MONGO_URL)
})

test('rotation ends the old key at once and the old passwords with its order', async () => {
  const alice = await signUp('alice')
  const before = await configOf(alice)
  const { status, body } = await alice.post('/api/v2/accounts/alice/credentials/rotate')
  expect(status).toBe(200)
  expect((await alice.get('/api/v1/config/')).status).toBe(401)
  await service.ended(body.command)

  const after = await configOf(service.as('alice', body.apikey))
  const [old, fresh] = [new URL(before.OMEGA_MONGO_URL), new URL(after.OMEGA_MONGO_URL)]
  expect([fresh.username, fresh.pathname]).toEqual([old.username, old.pathname])
  expect(await service.outside.mongodb.canLogin(old.username, old.password)).toBe(false)
  expect(await service.outside.mongodb.canLogin(fresh.username, fresh.password)).toBe(true)
})

test('made sure of again, what was lost outside is there again, with the same credentials', async () => {
  const alice = await signUp('alice')
  const config = await configOf(alice)
  const { username, password } = new URL(config.OMEGA_MONGO_URL)
  await service.outside.mongodb.dropUser(username)
  const { status, body } = await admin.post('/api/v2/deployments/ensure')
  expect(status).toBe(202)
  for (const { id } of body.commands) await service.ended(id)
  expect(await service.outside.mongodb.canLogin(username, password)).toBe(true)
  expect(await configOf(alice)).toEqual(config)
})

test('a failed delivery says why, is continued, and then serves', async () => {
  service.outside.kubernetes.failWith(new AppError('forbidden', 'kubernetes-forbidden', 'no rights'))
  const alice = await signUp('alice')
  expect((await alice.get('/api/v2/accounts/alice')).body).toMatchObject({
    status: 'failed',
    statusDetail: /no rights/,
  })
  expect((await alice.get('/api/v1/config/')).status).toBe(404)

  service.outside.kubernetes.failWith(undefined)
  expect((await admin.post(`/api/v2/commands/${alice.command}/retry`)).status).toBe(202)
  await service.ended(alice.command)
  expect((await alice.get('/api/v1/config/')).status).toBe(200)
})

test('a failed delivery is undone; the account stays', async () => {
  service.outside.kubernetes.failWith(new AppError('forbidden', 'kubernetes-forbidden', 'no rights'))
  const alice = await signUp('alice')
  service.outside.kubernetes.failWith(undefined)
  const { status, body } = await admin.post(`/api/v2/commands/${alice.command}/undo`)
  expect(status).toBe(202)
  await service.ended(body.id)
  expect(await service.outside.mongodb.listUsers()).toHaveLength(1)
  expect((await alice.get('/api/v2/accounts/alice')).body.status).toBe('removed')
})

test('two accounts share a database of accounts and nothing else', async () => {
  const [alice, bobby] = [await signUp('alice'), await signUp('bobby')]
  const [one, other] = [await configOf(alice), await configOf(bobby)]
  expect(one.OMEGA_MONGO_URL).not.toBe(other.OMEGA_MONGO_URL)
  for (const url of [
    '/api/v2/accounts/bobby',
    '/api/v2/accounts/bobby/credentials',
    '/api/v2/commands?account=bobby',
  ]) {
    expect((await alice.get(url)).status).toBe(403)
  }
  expect((await alice.get(`/api/v2/commands/${bobby.command}`)).status).toBe(404)
  expect((await alice.delete('/api/v2/accounts/bobby')).status).toBe(403)
  expect((await alice.post('/api/v2/accounts/bobby/credentials/rotate')).status).toBe(403)
  expect(
    (await alice.get('/api/v2/commands')).body.commands.map(
      ({ plan, id, issuedBy }: { plan: string; id: number; issuedBy?: number }) => [plan, issuedBy ?? id],
    ),
  ).toEqual([
    ['omegaml', alice.command],
    ['signup', alice.command],
  ])
})
