import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, type Service, startService } from './house.ts'

/** What people and programs send wrong: each answer says which field, and what is right. The client's: om-cloud.test.ts. */
let service: Service
let admin: ReturnType<Service['as']>
let alice: ReturnType<Service['as']>

beforeAll(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  const account = await admin.post('/api/v2/accounts', { name: 'alice', email: 'alice@example.org' })
  await service.ended(account.body.command)
  alice = service.as('alice', account.body.apikey)
})
afterAll(async () => await service.close())

const order = async (plan: unknown, params: unknown, phase = 'install') =>
  await alice.post('/api/v2/orders', { plan, phase, params })

const said = ({ body }: Answer): string => body.detail

const names: { what: string; send: (name: string) => Promise<Answer>; right: RegExp }[] = [
  {
    what: 'an account',
    send: async (name) => await admin.post('/api/v2/accounts', { name, email: 'x@example.org' }),
    right: /name ".*" can't be used: right is 3 to 30 lower-case letters and digits, beginning with a letter/,
  },
  {
    what: 'a group',
    send: async (name) => await admin.post('/api/v2/groups', { name }),
    right: /name ".*" can't be used: right is 3 to 30 lower-case letters and digits, beginning with a letter/,
  },
  {
    what: 'a node pool',
    send: async (name) => await order('nodepool', { name }),
    right: /name ".*" is not usable: up to 15 lower-case letters, digits and hyphens, beginning with a letter/,
  },
  {
    what: 'a runtime',
    send: async (name) => await order('runtime', { label: name }),
    right: /label ".*" is not usable: lower-case letters, digits and hyphens, 30 at most/,
  },
  {
    what: 'a storage',
    send: async (name) => await order('storage', { name }),
    right: /name ".*" is not usable: lower-case letters, digits and hyphens, 30 at most/,
  },
]
for (const { what, send, right } of names) {
  test(`${what} in upper case, with a dot, of 64 characters, or as a mail address is refused with what is right`, async () => {
    for (const name of ['Alice', 'a.b', 'x'.repeat(64), 'a@example.org', 'a b', 'ä']) {
      const answer = await send(name)
      expect([name, answer.status]).toEqual([name, 400])
      expect(said(answer)).toMatch(right)
    }
  })
}

test('a plan or account of such a name is not there, and what may have been meant is told', async () => {
  for (const name of ['Runtime', 'run.time', 'x'.repeat(64)])
    expect(await order(name, {})).toMatchObject({ status: 404 })
  expect(said(await order('runtimes', {}))).toBe('there is no plan "runtimes"; did you mean runtime?')
  expect(said(await order('xyz', {}))).not.toMatch(/orphan|comparison/)
  expect(said(await admin.get('/api/v2/accounts/Alice'))).toBe('there is no account "Alice"; did you mean alice?')
})

const orders: { why: string; send: () => Promise<Answer>; status: number; says: RegExp }[] = [
  {
    why: 'an unknown phase',
    send: async () => await order('runtime', {}, 'instal'),
    status: 400,
    says: /phase: right is install, update, remove, suspend or resume; did you mean install\?/,
  },
  {
    why: 'no plan',
    send: async () => await order(undefined, {}),
    status: 400,
    says: /plan: is missing; right is a text/,
  },
  {
    why: 'parameters as one text',
    send: async () => await order('runtime', 'size=1'),
    status: 400,
    says: /params: right is names with values/,
  },
  {
    why: 'a wrong type',
    send: async () => await order('runtime', { size: 'two' }),
    status: 400,
    says: /size "two" must be a whole number/,
  },
  {
    why: 'an unknown parameter',
    send: async () => await order('runtime', { sise: 2 }),
    status: 400,
    says: /sise is not a parameter of this plan; did you mean size\?/,
  },
  {
    why: 'a megabyte',
    send: async () => await order('runtime', { image: 'x'.repeat(1_000_000) }),
    status: 413,
    says: /larger than 64 KB, which is the most that is taken/,
  },
  {
    why: 'somebody else’s account',
    send: async () =>
      await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install', account: 'admin', params: {} }),
    status: 403,
    says: /account "admin" is not yours/,
  },
]
for (const { why, send, status, says } of orders) {
  test(`an order with ${why} is refused`, async () => {
    const answer = await send()
    expect(said(answer)).toMatch(says)
    expect(answer.status).toBe(status)
  })
}

test('of very many mistakes twenty are told, and how many more there are', async () => {
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`k${index}`, 1]))
  const { status, body } = await order('runtime', many)
  expect([status, body.errors.length, JSON.stringify(body).length < 20_000]).toEqual([400, 20, true])
  expect((await order('runtime', many, 'remove')).status).toBe(400)
})

test('an empty provider, as the client sends it, counts as none', async () => {
  const typed = { offering: 'runtime', phase: 'install', params: 'size=1,provider=' }
  const answer = await alice.post('/admin/api/v2/service/command', typed)
  expect(answer.status).toBe(201)
  await service.ended(answer.body.id)
})

test('a key or a name with a colon signs nobody in, and says no more than that', async () => {
  for (const [user, key] of [
    ['alice', 'with:colon'],
    ['al:ice', 'key'],
  ] as const) {
    const answer = await service.as(user, key).get('/api/v2/accounts/alice')
    expect(answer).toMatchObject({ status: 401, body: { code: 'credentials-wrong' } })
    expect(said(answer)).toBe('the user id or the API key is wrong')
  }
})
