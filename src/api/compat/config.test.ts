import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Account } from '../../accounts/account.ts'
import type { Role, Right } from '../../accounts/account.ts'
import { createGroup, removeMember, setMember } from '../group-cases.ts'
import { markRemoving } from '../../accounts/store.ts'
import { signedInAs, startHouse, type TestHouse } from '../testing.ts'

let house: TestHouse
const keys = new Map<string, string>()

/** An account that was delivered its plan, as the engine would leave it. */
async function settled(name: string, role: Role = 'user', rights: Right[] = []): Promise<Account> {
  const { accounts, deployments } = house.deps
  const { account, apikey } = await house.db
    .transaction()
    .execute((tx) => accounts.create(tx, { name, email: `${name}@example.org`, role, rights, passwordHash: null }))
  keys.set(name, apikey)
  const plan = rights.includes('runtime:serve') ? 'shared-runtime' : role === 'user' ? 'omegaml' : undefined
  if (plan !== undefined) {
    await deployments.ensurePending(house.db, account, plan)
    await deployments.settle(house.db, account.id, plan, { outcome: 'completed' })
  }
  return account
}

beforeEach(async () => {
  house = await startHouse()
  await settled('alice')
  await settled('bobby')
  await settled('admin', 'admin')
  await settled('omworker', 'machine', ['runtime:serve'])
  await settled('jyadmin', 'machine', ['config:impersonate'])
})
afterEach(async () => await house.close())

interface Ask {
  readonly as: string
  readonly url: string
  readonly side?: 'public' | 'internal'
  readonly headers?: Record<string, string>
}

async function ask({ as, url, side = 'public', headers = {} }: Ask) {
  const app = side === 'public' ? house.open : house.inside
  const answer = await app.inject({ url, headers: { ...signedInAs(as, keys.get(as) ?? 'wrong'), ...headers } })
  const body = answer.json()
  // oxlint-disable-next-line typescript/no-explicit-any -- as deep as the contract is
  return { status: answer.statusCode, body, data: body.objects?.[0]?.data as Record<string, any> }
}

test('the answer has the shape that the client reads', async () => {
  const { status, body } = await ask({ as: 'alice', url: '/api/v1/config/' })
  expect(status).toBe(200)
  expect(Object.keys(body)).toEqual(['meta', 'objects'])
  expect(body.meta).toEqual({ limit: 20, next: null, offset: 0, previous: null, total_count: 1 })
  expect(body.objects).toHaveLength(1)
  expect(Object.keys(body.objects[0])).toEqual(['resource_uri', 'data'])
  expect(body.objects[0].resource_uri).toBe('')
})

test('from outside the public hosts are named', async () => {
  const { data } = await ask({ as: 'alice', url: '/api/v1/config/' })
  expect(data['OMEGA_MONGO_URL']).toMatch(/^mongodb:\/\/\w{32}:\w{32}@mongo\.omega\.localhost:27018\/\w{32}$/)
  expect(data['OMEGA_CELERY_CONFIG'].BROKER_URL).toMatch(
    /^amqp:\/\/alice\w{12}:\w{32}@broker\.omega\.localhost:5671\/omegaml$/,
  )
  expect(data['OMEGA_APIKEY']).toBe(keys.get('alice'))
  expect(Object.keys(data).filter((key) => key.startsWith('JUPYTER_'))).toEqual([])
})

test('from inside the hosts of the cluster are named, and what the spawner needs', async () => {
  const { data } = await ask({ as: 'alice', url: '/api/v1/config/?view=1', side: 'internal' })
  expect(data['OMEGA_MONGO_URL']).toMatch(/@mongodb\.omegaml-services\.svc\.cluster\.local:27017\//)
  expect(data['JUPYTER_NAMESPACE']).toBe('om-alice')
})

const paths = [
  '/api/v1/config',
  '/api/v1/config/',
  '//api/v1/config/',
  '/api//v1//config/',
  '/api/v1/config/?qualifier=default',
]
for (const url of paths) {
  test(`answered at ${url}`, async () => expect((await ask({ as: 'alice', url })).status).toBe(200))
}

const table: (Ask & { status: number; user?: string; why: string })[] = [
  { as: 'alice', url: '/api/v1/config/?view=1', status: 403, why: 'internal hosts are told inside only' },
  { as: 'alice', url: '/api/v1/config/?view=TRUE', status: 403, why: 'whichever word for yes is used' },
  { as: 'alice', url: '/api/v1/config/?view=0', status: 200, why: 'no in-cluster view is asked for' },
  { as: 'alice', url: '/api/v1/config/?user=bobby', status: 403, why: 'another’s config on the public port' },
  { as: 'jyadmin', url: '/api/v1/config/?user=alice&view=1', status: 403, why: 'not even machines on the public port' },
  {
    as: 'alice',
    side: 'internal',
    url: '/api/v1/config/?view=1',
    status: 200,
    user: 'alice',
    why: 'workers ask with a user’s key',
  },
  { as: 'alice', side: 'internal', url: '/api/v1/config/?user=bobby', status: 403, why: 'a user reads its own only' },
  { as: 'alice', side: 'internal', url: '/api/v1/config/?user=nobody', status: 403, why: 'nor learns who exists' },
  {
    as: 'alice',
    side: 'internal',
    url: '/api/v1/config/?user=alice',
    status: 200,
    user: 'alice',
    why: 'one’s own name is no impersonation',
  },
  { as: 'admin', side: 'internal', url: '/api/v1/config/?user=alice', status: 403, why: 'people never impersonate' },
  {
    as: 'omworker',
    side: 'internal',
    url: '/api/v1/config/?user=alice',
    status: 403,
    why: 'a machine without the right',
  },
  {
    as: 'jyadmin',
    side: 'internal',
    url: '/api/v1/config/?user=alice&view=1',
    status: 200,
    user: 'alice',
    why: 'JupyterHub starts a server',
  },
  {
    as: 'jyadmin',
    side: 'internal',
    url: '/api/v1/config/?user=admin&view=1',
    status: 403,
    why: 'never for admins’ accounts',
  },
  { as: 'jyadmin', side: 'internal', url: '/api/v1/config/?user=nobody', status: 404, why: 'a user that there is not' },
  { as: 'admin', url: '/api/v1/config/', status: 404, why: 'admins have no deployment' },
  { as: 'jyadmin', url: '/api/v1/config/', status: 404, why: 'nor has the hub’s machine account' },
  { as: 'alice', url: '/api/v1/config/?qualifier=other', status: 404, why: 'an unknown qualifier in the query' },
  {
    as: 'alice',
    url: '/api/v1/config/',
    headers: { qualifier: 'other' },
    status: 404,
    why: 'an unknown qualifier in the header',
  },
  { as: 'alice', url: '/api/v1/config/?qualifier=team:special', status: 404, why: 'a group that there is not' },
  { as: 'alice', url: '/api/v1/config/?qualifier=__proto__', status: 404, why: 'a word that every object knows' },
  {
    as: 'alice',
    url: '/api/v1/config/?qualifier=None',
    status: 200,
    user: 'alice',
    why: 'None is how Python says nothing',
  },
  {
    as: 'alice',
    url: '/api/v1/config/?qualifier=',
    headers: { qualifier: 'default' },
    status: 200,
    why: 'an empty qualifier is the default',
  },
  { as: 'nobody', url: '/api/v1/config/', status: 401, why: 'nobody of that name' },
]
for (const { status, user, why, ...asked } of table) {
  test(`${status}: ${why}`, async () => {
    const answer = await ask(asked)
    expect(answer.status).toBe(status)
    if (user !== undefined) expect(answer.data['OMEGA_USERID']).toBe(user)
  })
}

const bad: { authorization?: string; why: string }[] = [
  { why: 'no header' },
  { authorization: 'ApiKey alice', why: 'no key' },
  { authorization: 'ApiKey alice:', why: 'an empty key' },
  { authorization: 'ApiKey alice:wrong', why: 'a wrong key' },
  { authorization: 'ApiKey alice:wr:ong', why: 'a key with a colon' },
  { authorization: 'Bearer a.b.c', why: 'a token of nobody' },
  { authorization: `ApiKey ${'a'.repeat(5000)}:x`, why: 'an endless name' },
]
for (const { why, ...headers } of bad) {
  test(`401: ${why}`, async () => {
    const answer = await house.open.inject({ url: '/api/v1/config/', headers })
    expect(answer.statusCode).toBe(401)
    expect(answer.json().error.kind).toBe('unauthenticated')
  })
}

test('one account’s key with another’s name is refused', async () => {
  const headers = signedInAs('bobby', keys.get('alice') ?? '')
  expect((await house.open.inject({ url: '/api/v1/config/', headers })).statusCode).toBe(401)
})

test('failures of an address end in 429, its right keys still pass', async () => {
  for (let n = 0; n < 60; n += 1) await ask({ as: 'nobody', url: '/api/v1/config/' })
  expect((await ask({ as: 'nobody', url: '/api/v1/config/' })).status).toBe(429)
  expect((await ask({ as: 'alice', url: '/api/v1/config/' })).status).toBe(200)
})

test('reading for another is written down', async () => {
  await ask({ as: 'jyadmin', side: 'internal', url: '/api/v1/config/?user=alice&view=1' })
  const rows = await house.db.selectFrom('audit_log').select(['actor', 'action', 'subject']).execute()
  expect(rows).toEqual([{ actor: 'jyadmin', action: 'config.impersonate', subject: 'alice' }])
})

test('the shared worker may command nobody, and takes the common queue', async () => {
  const { data } = await ask({ as: 'omworker', url: '/api/v1/config/?view=1', side: 'internal' })
  expect(data['OMEGA_CELERY_CONFIG']).toMatchObject({
    CELERY_ENABLE_REMOTE_CONTROL: false,
    CELERY_DEFAULT_QUEUE: 'default',
  })
})

test('a key that another process revoked works three seconds longer at most', async () => {
  await ask({ as: 'alice', url: '/api/v1/config/' })
  await house.db.deleteFrom('api_keys').execute()
  house.time.now += 3_001
  expect((await ask({ as: 'alice', url: '/api/v1/config/' })).status).toBe(401)
})

test('an account being removed gets nothing any more', async () => {
  const alice = await house.deps.accounts.get(house.db, 'alice')
  await markRemoving(house.db, alice.id)
  expect((await ask({ as: 'alice', url: '/api/v1/config/' })).status).toBe(401)
})

test('a deployment made sure of again serves all the time, and when that fails', async () => {
  const alice = await house.deps.accounts.get(house.db, 'alice')
  await house.deps.deployments.ensurePending(house.db, alice, 'omegaml')
  expect((await ask({ as: 'alice', url: '/api/v1/config/' })).status).toBe(200)
  await house.deps.deployments.settle(house.db, alice.id, 'omegaml', { outcome: 'failed', message: 'no' })
  expect((await ask({ as: 'alice', url: '/api/v1/config/' })).status).toBe(200)
})

test('ping and health need no sign-in', async () => {
  expect((await house.open.inject('/api/v1/ping')).json()).toEqual({ ping: '2026-11-24T08:00:00.000Z' })
  for (const url of ['/healthz', '/readyz']) expect((await house.inside.inject(url)).statusCode).toBe(200)
})

test('the internal port has no accounts, orders or pages', async () => {
  for (const url of ['/', '/api/v2/accounts', '/api/v2/commands', '/api/v2/bootstrap', '/api/v2/openapi.json']) {
    expect((await house.inside.inject({ url, headers: signedInAs('admin', keys.get('admin') ?? '') })).statusCode).toBe(
      404,
    )
  }
})

test('the public port has no wake stream', async () => {
  expect((await house.open.inject('/internal/wake')).statusCode).toBe(404)
})

test('userid and key as Basic are taken on the client’s paths, not on ours', async () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  const ask = async (url: string, text: string) => (await house.open.inject({ url, headers: basic(text) })).statusCode
  const right = `alice:${keys.get('alice')}`
  expect(await ask('/api/v1/config/', right)).toBe(200)
  expect(await ask('/api/v1/config/', 'alice:wrong')).toBe(401)
  expect(await ask('/api/v1/config/', 'alice')).toBe(401)
  expect(await ask('//api/v2/accounts/alice', right)).toBe(401)
})

test('the qualifiers to choose from are one’s own and one’s groups', async () => {
  const admin = await house.deps.accounts.get(house.db, 'admin')
  const { group } = await createGroup(house.deps, admin, { name: 'team' })
  await createGroup(house.deps, admin, { name: 'others' })
  await setMember(house.deps, admin, group, { account: 'alice', role: 'member' })
  const qualifiers = async () => (await ask({ as: 'alice', url: '/api/v1/config/' })).data['OMEGA_QUALIFIERS']
  expect(await qualifiers()).toEqual(['default', 'team'])
  await removeMember(house.deps, admin, group, 'alice')
  expect(await qualifiers()).toEqual(['default'])
})
