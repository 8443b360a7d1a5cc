import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../accounts/account.ts'
import { signedInAs, startHouse, type TestHouse } from './testing.ts'

interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by scripts/openapi.ts and compared by the checks
const document = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../docs/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, object>>
}
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
/** Of the document, so that a new route is tried as well. */
const operations: readonly Operation[] = Object.entries(document.paths).flatMap(([path, found]) =>
  methods.filter((method) => method.toLowerCase() in found).map((method) => ({ method, path })),
)

/** Bodies that are in order, so that it is the caller who is refused. */
const bodies: Readonly<Record<string, object>> = {
  'POST /api/v2/accounts': { name: 'carla', email: 'carla@example.org' },
  'PATCH /api/v2/accounts/{name}': { role: 'user' },
  'POST /api/v2/accounts/{name}/password': { current: 'a password of mine', new: 'another password of mine' },
  'POST /api/v2/accounts/{name}/email': { email: 'x@example.org' },
  'POST /api/v2/accounts/{name}/keys': { name: 'stolen' },
  'POST /api/v2/groups': { name: 'band', owner: 'alice' },
  'PUT /api/v2/groups/{name}/members/{account}': { role: 'member' },
  'POST /api/v2/orders': { plan: 'omegaml', phase: 'install', account: 'alice' },
  'POST /api/v2/signing-keys/rotate': {},
  'POST /api/v2/orphans/mend': { ids: [1] },
  'POST /api/v2/drift/mend': { ids: [1] },
  'POST /api/v2/states/{root}/restore': { version: 1 },
  'POST /api/v2/bootstrap': {
    admin: { email: 'admin@example.org', apikey: 'x'.repeat(32) },
    omworker: { apikey: 'x'.repeat(32) },
    jyadmin: { apikey: 'x'.repeat(32) },
  },
}

/** What whoever comes may ask: the way in, and what a sign-in page shows. */
const open = [
  'GET /api/v2/site',
  'POST /api/v2/session',
  'POST /api/v2/signup',
  'POST /api/v2/signup/confirm',
  'POST /api/v2/signup/resend',
  'POST /api/v2/password/forgot',
  'POST /api/v2/password/reset',
]
/** What every account may ask and do: lists show the caller's own things, plans are for all to read. */
const everybodys = [
  'GET /api/v2/clusters',
  'GET /api/v2/groups',
  'GET /api/v2/commands',
  'GET /api/v2/deployments',
  'GET /api/v2/plans',
  'GET /api/v2/plans/{name}',
]
/** A session's own routes, which a key does not open. */
const sessions = ['GET /api/v2/session', 'DELETE /api/v2/session']

let house: TestHouse
const keys: Record<string, string> = {}
let things: Record<string, string>

beforeAll(async () => {
  house = await startHouse()
  const { db, accounts, deployments } = house.deps
  const make = async (name: string, role: Role = 'user') => {
    const wanted = { name, email: `${name}@example.org`, role, rights: [], passwordHash: null }
    const { account, apikey } = await db.transaction().execute((tx) => accounts.create(tx, wanted))
    keys[name] = apikey
    return account
  }
  const alice = await make('alice')
  await make('bobby')
  await make('steve', 'staff')
  await make('root', 'admin')
  await deployments.ensurePending(db, alice, 'omegaml')
  await deployments.settle(db, alice.id, 'omegaml', { outcome: 'completed' })
  const ask = async (who: string, method: 'POST' | 'GET', url: string, payload?: object) => {
    const headers = signedInAs(who, keys[who] ?? '')
    const answer = await house.open.inject({ method, url, headers, ...(payload ? { payload } : {}) })
    expect(answer.statusCode, answer.body).toBeLessThan(300)
    return answer.json()
  }
  const command = await ask('alice', 'POST', '/api/v2/orders', {
    plan: 'runtime',
    phase: 'install',
    params: { label: 'a' },
  })
  await ask('root', 'POST', '/api/v2/groups', { name: 'alices', owner: 'alice' })
  const key = await ask('alice', 'POST', '/api/v2/accounts/alice/keys', { name: 'second' })
  const { deployments: rows } = await ask('alice', 'GET', '/api/v2/deployments')
  things = {
    '/accounts/{name}': '/accounts/alice',
    '/groups/{name}': '/groups/alices',
    '/members/{account}': '/members/bobby',
    '/plans/{name}': '/plans/runtime',
    '/keys/{id}': `/keys/${key.id}`,
    '/commands/{id}': `/commands/${command.id}`,
    '/deployments/{id}': `/deployments/${rows[0].id}`,
    '/mails/{id}': '/mails/1',
    '/pods/{pod}': '/pods/jupyter-alice',
    '{root}': 'nodepool-alice-own',
    '{version}': '1',
  }
})
afterAll(async () => await house.close())

function urlOf({ path }: Operation): string {
  const url = Object.entries(things).reduce((text, [name, value]) => text.replace(name, value), path)
  expect(url, 'a path parameter that this test has no thing of alice’s for').not.toContain('{')
  return url
}

async function knock(operation: Operation, headers: Record<string, string> = {}) {
  const { method } = operation
  const payload = bodies[nameOf(operation)] ?? (method === 'GET' ? undefined : {})
  return await house.open.inject({ method, url: urlOf(operation), headers, ...(payload ? { payload } : {}) })
}

const nameOf = ({ method, path }: Operation) => `${method} ${path}`

test('alice’s own things are there to be tried for', async () => {
  const asked = operations.filter(
    ({ path, method }) => method === 'GET' && /\/(accounts|groups|commands|deployments)\/\{\w+\}$/.test(path),
  )
  expect(asked).toHaveLength(4)
  for (const operation of asked)
    expect((await knock(operation, signedInAs('alice', keys['alice'] ?? ''))).statusCode, nameOf(operation)).toBe(200)
})

describe('who shows no credentials', () => {
  for (const operation of operations.filter((one) => !open.includes(nameOf(one))))
    test(`is refused ${nameOf(operation)}`, async () => {
      expect((await knock(operation)).statusCode).toBe(401)
    })
})

for (const who of ['bobby', 'steve']) {
  describe(who === 'bobby' ? 'another account' : 'staff without a right', () => {
    const closed = operations.filter((one) => ![...open, ...everybodys, ...sessions].includes(nameOf(one)))
    for (const operation of closed)
      test(`is refused ${nameOf(operation)} of alice`, async () => {
        const answer = await knock(operation, signedInAs(who, keys[who] ?? ''))
        expect([401, 403, 404], answer.body).toContain(answer.statusCode)
        expect(answer.body).not.toContain('alice@example.org')
      })

    test('sees nothing of alice in lists', async () => {
      for (const operation of operations.filter(
        (one) => nameOf(one).startsWith('GET') && everybodys.includes(nameOf(one)),
      )) {
        const answer = await knock(operation, signedInAs(who, keys[who] ?? ''))
        expect(answer.statusCode, nameOf(operation)).toBe(200)
        expect(answer.body, nameOf(operation)).not.toContain('alice')
      }
    })
  })
}

test('nothing of it is on the internal port, whoever asks', async () => {
  for (const operation of operations) {
    const { method } = operation
    const payload = bodies[nameOf(operation)] ?? (method === 'GET' ? undefined : {})
    const headers = signedInAs('root', keys['root'] ?? '')
    const answer = await house.inside.inject({
      method,
      url: urlOf(operation),
      headers,
      ...(payload ? { payload } : {}),
    })
    expect(answer.statusCode, nameOf(operation)).toBe(404)
  }
})
