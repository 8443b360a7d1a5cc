import { afterEach, expect, test } from 'vitest'
import type { Role } from '../accounts/account.ts'
import { limitOf } from './limits.ts'
import { signedInAs, siteWith, startHouse, type TestHouse } from './testing.ts'

const routes: { method: string; route: string; limit: string }[] = [
  { method: 'GET', route: '/api/v1/config', limit: 'config' },
  { method: 'POST', route: '/api/v2/orders', limit: 'orders' },
  { method: 'POST', route: '/admin/api/v2/service/command', limit: 'orders' },
  { method: 'POST', route: '/api/v2/commands/:id/retry', limit: 'orders' },
  { method: 'DELETE', route: '/api/v2/accounts/:name/keys/:id', limit: 'orders' },
  { method: 'GET', route: '/api/v2/commands', limit: 'commands' },
  { method: 'GET', route: '/api/v2/commands/:id/events', limit: 'commands' },
  { method: 'GET', route: '/admin/api/v2/service/command/:id', limit: 'commands' },
  { method: 'GET', route: '/api/v2/accounts/:name/status', limit: 'status' },
  { method: 'GET', route: '/apps/omops/dashboard/api/v1/logs/:pod', limit: 'status' },
  { method: 'GET', route: '/api/v2/accounts/:name', limit: 'requests' },
  { method: 'GET', route: '/api/v2/plans', limit: 'requests' },
]
for (const { method, route, limit } of routes)
  test(`${method} ${route} counts as ${limit}`, () => expect(limitOf(method, route)).toBe(limit))

let opened: TestHouse | undefined
afterEach(async () => {
  await opened?.close()
  opened = undefined
})

async function open(limits: object) {
  const house = await startHouse({ site: siteWith({ limits }) })
  opened = house
  return async (name: string, role: Role = 'user') => {
    const wish = { name, email: `${name}@example.org`, role, rights: [], passwordHash: null }
    const { apikey } = await house.db.transaction().execute(async (tx) => await house.deps.accounts.create(tx, wish))
    return async (url: string, method: 'GET' | 'POST' = 'GET') =>
      await house.open.inject({ method, url, headers: signedInAs(name, apikey) })
  }
}

test('one account’s requests are its own: others go on, and so do its other kinds', async () => {
  const person = await open({ commands: 2 })
  const [alice, bobby] = [await person('alice'), await person('bobby')]
  for (let n = 0; n < 2; n += 1) expect((await alice('/api/v2/commands')).statusCode).toBe(200)
  const answer = await alice('/api/v2/commands')
  expect(answer.statusCode).toBe(429)
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  expect(answer.json()).toMatchObject({
    code: 'too-many-requests',
    details: { limit: 'commands', max: 2, windowSeconds: 60, retryAfterSeconds: expect.any(Number) },
  })
  expect((await bobby('/api/v2/commands')).statusCode).toBe(200)
  expect((await alice('/api/v2/accounts/alice')).statusCode).toBe(200)
})

test('the client’s paths keep its shape', async () => {
  const person = await open({ config: 1 })
  const alice = await person('alice')
  await alice('/api/v1/config/')
  const answer = await alice('/api/v1/config/')
  expect([answer.statusCode, answer.json().error.details.limit]).toEqual([429, 'config'])
  expect(answer.headers['retry-after']).toMatch(/^\d+$/)
})

test('admins and machines are not counted, and zero is no limit', async () => {
  const person = await open({ requests: 1, commands: 0 })
  for (const role of ['admin', 'machine'] as const) {
    const one = await person(role === 'admin' ? 'chief' : 'robot', role)
    for (let n = 0; n < 3; n += 1) expect((await one('/api/v2/plans')).statusCode).toBe(200)
  }
  const alice = await person('alice')
  for (let n = 0; n < 3; n += 1) expect((await alice('/api/v2/commands')).statusCode).toBe(200)
})
