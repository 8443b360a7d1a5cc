import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseKeyRing } from '../base/key-ring.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import type { Account, Role } from './account.ts'
import { Accounts } from './accounts.ts'
import { deleteKey, listKeys } from './key-store.ts'
import { closeSession, closeSessionsOf, csrfMatches, findSession, openSession } from './sessions.ts'
import { deleteAccount, findAccount, updateAccount } from './store.ts'
import { sweep } from './sweep.ts'
import { dropTokens, issueToken, newestToken, useToken } from './tokens.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

let db: Db
let accounts: Accounts
let alice: Account
let apikey: string
const time = { now: Date.parse('2026-11-24T08:00:00Z') }
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')

async function make(name: string, role: Role = 'user', state: Account['state'] = 'active') {
  const wanted = { name, email: `${name}@example.org`, role, rights: [], passwordHash: null, state }
  return await accounts.create(db, wanted)
}

beforeEach(async () => {
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  time.now = Date.parse('2026-11-24T08:00:00Z')
  accounts = new Accounts({ db, keys, clock: { now: () => time.now, sleep: async () => {} } })
  ;({ account: alice, apikey } = await make('alice'))
})
afterEach(async () => await db.destroy())

test('several keys work, each with its own end; the first is the one that is told', async () => {
  const short = await accounts.addKey(db, alice, { name: 'ci', expiresAt: time.now + HOUR })
  const long = await accounts.addKey(db, alice, { name: 'laptop', expiresAt: undefined })
  for (const key of [apikey, short, long]) expect((await accounts.signIn('alice', key)).id).toBe(alice.id)
  time.now += HOUR
  await expect(accounts.signIn('alice', short)).rejects.toMatchObject({ kind: 'unauthenticated' })
  for (const key of [apikey, long]) expect((await accounts.signIn('alice', key)).id).toBe(alice.id)
  expect(await accounts.apiKeyOf(alice)).toBe(apikey)
})

test('only the first key is kept so that it can be told again', async () => {
  await accounts.addKey(db, alice, { name: 'ci', expiresAt: undefined })
  const rows = await db.selectFrom('api_keys').select(['label', 'key_encrypted']).orderBy('id').execute()
  expect(rows.map((row) => [row.label, row.key_encrypted === ''])).toEqual([
    ['default', false],
    ['ci', true],
  ])
})

test('a rotated first key leaves the others alone', async () => {
  const other = await accounts.addKey(db, alice, { name: 'ci', expiresAt: undefined })
  const fresh = await accounts.rotateKey(db, alice)
  await expect(accounts.signIn('alice', apikey)).rejects.toMatchObject({ kind: 'unauthenticated' })
  for (const key of [fresh, other]) expect((await accounts.signIn('alice', key)).id).toBe(alice.id)
})

test('a revoked key ends once the account is read anew', async () => {
  const other = await accounts.addKey(db, alice, { name: 'ci', expiresAt: undefined })
  await accounts.signIn('alice', other)
  const [, row] = await listKeys(db, alice.id)
  await deleteKey(db, row?.id ?? 0)
  accounts.forget('alice')
  await expect(accounts.signIn('alice', other)).rejects.toMatchObject({ kind: 'unauthenticated' })
})

const badKeys: { label: string; expiresAt?: number; code: string }[] = [
  { label: 'default', code: 'api-key-exists' },
  { label: '', code: 'key-name-invalid' },
  { label: 'a\nb', code: 'key-name-invalid' },
  { label: 'ci', expiresAt: 0, code: 'key-expiry-invalid' },
]
for (const { label, expiresAt, code } of badKeys) {
  test(`no key ${JSON.stringify(label)}: ${code}`, async () => {
    await expect(accounts.addKey(db, alice, { name: label, expiresAt: expiresAt })).rejects.toMatchObject({ code })
  })
}

test('the last use of a key is written coarsely, and never moved back', async () => {
  const lastUse = async () => (await listKeys(db, alice.id))[0]?.lastUsedAt
  await accounts.signIn('alice', apikey)
  expect(await lastUse()).toBeUndefined()
  await accounts.writeLastUse()
  const first = time.now
  expect(await lastUse()).toBe(first)
  time.now += 60_000
  await accounts.signIn('alice', apikey)
  await accounts.writeLastUse()
  expect(await lastUse()).toBe(first)
  time.now += 300_000
  await accounts.signIn('alice', apikey)
  await accounts.writeLastUse()
  expect(await lastUse()).toBe(time.now)
})

for (const state of ['unconfirmed', 'waiting-approval', 'disabled', 'removing'] as const) {
  test(`an account that is ${state} signs in neither by key nor by session`, async () => {
    const { id } = await openSession(db, alice, time.now)
    await updateAccount(db, alice.id, { state })
    await expect(accounts.signIn('alice', apikey)).rejects.toMatchObject({ kind: 'unauthenticated' })
    expect(await findSession(db, id, time.now)).toBeUndefined()
  })
}

test('a group account never signs in, whatever lies in the rows', async () => {
  const { account, apikey: key } = await make('team', 'group')
  await expect(accounts.signIn('team', key)).rejects.toMatchObject({ kind: 'unauthenticated' })
  expect(await findSession(db, (await openSession(db, account, time.now)).id, time.now)).toBeUndefined()
})

test('a session lasts while it is used, a month at most, and is not written each time', async () => {
  const { id, expiresAt } = await openSession(db, alice, time.now)
  expect(expiresAt).toBe(time.now + 12 * HOUR)
  time.now += 60_000
  await findSession(db, id, time.now)
  expect(await db.selectFrom('sessions').select('expires_at').execute()).toEqual([{ expires_at: expiresAt }])
  for (let hours = 0; hours < 29 * 24; hours += 11) {
    time.now += 11 * HOUR
    expect(await findSession(db, id, time.now)).toBeDefined()
  }
  time.now += 2 * DAY
  expect(await findSession(db, id, time.now)).toBeUndefined()
})

test('an unused session ends', async () => {
  const { id } = await openSession(db, alice, time.now)
  time.now += 12 * HOUR
  expect(await findSession(db, id, time.now)).toBeUndefined()
})

test('neither the cookie nor the token lies in the database, and the token is the session’s own', async () => {
  const session = await openSession(db, alice, time.now)
  const other = await openSession(db, alice, time.now)
  const rows = JSON.stringify(await db.selectFrom('sessions').selectAll().execute())
  for (const secret of [session.id, session.csrfToken]) expect(rows).not.toContain(secret)
  expect((await findSession(db, session.id, time.now))?.csrfToken).toBe(session.csrfToken)
  expect([session.csrfToken, other.csrfToken, ''].map((sent) => csrfMatches(session, sent))).toEqual([
    true,
    false,
    false,
  ])
})

test('a closed session ends, and with the account’s all of them', async () => {
  const [one, two, three] = [
    await openSession(db, alice, time.now),
    await openSession(db, alice, time.now),
    await openSession(db, alice, time.now),
  ]
  await closeSession(db, one.id)
  expect(await findSession(db, one.id, time.now)).toBeUndefined()
  expect(await findSession(db, two.id, time.now)).toBeDefined()
  await closeSessionsOf(db, alice.id)
  for (const { id } of [two, three]) expect(await findSession(db, id, time.now)).toBeUndefined()
})

test('a token works once, typed with blanks around it too', async () => {
  const token = await issueToken(db, { accountId: alice.id, purpose: 'confirm-mail', detail: { a: 1 }, now: time.now })
  expect(token).toMatch(/^[A-Za-z0-9]{20}$/)
  expect(await newestToken(db, alice.id, 'confirm-mail')).toEqual({ a: 1 })
  expect(await useToken(db, 'confirm-mail', ` ${token}\n`, time.now)).toEqual({ accountId: alice.id, detail: { a: 1 } })
  await expect(useToken(db, 'confirm-mail', token, time.now)).rejects.toMatchObject({ code: 'token-invalid' })
})

test('a token is good for its purpose and its time only', async () => {
  const wish = { accountId: alice.id, purpose: 'reset-password', now: time.now } as const
  const [token, late, dropped] = [await issueToken(db, wish), await issueToken(db, wish), await issueToken(db, wish)]
  await expect(useToken(db, 'confirm-mail', token, time.now)).rejects.toMatchObject({ code: 'token-invalid' })
  await useToken(db, 'reset-password', token, time.now)
  await expect(useToken(db, 'reset-password', late, time.now + HOUR)).rejects.toMatchObject({ code: 'token-invalid' })
  await dropTokens(db, alice.id, 'reset-password')
  await expect(useToken(db, 'reset-password', dropped, time.now)).rejects.toMatchObject({ code: 'token-invalid' })
})

test('what is over is swept; who confirmed stays', async () => {
  await make('slow', 'user', 'unconfirmed')
  time.now += 4 * DAY
  await make('fresh', 'user', 'unconfirmed')
  await openSession(db, alice, time.now - DAY)
  await issueToken(db, { accountId: alice.id, purpose: 'reset-password', now: time.now - DAY })
  time.now += 4 * DAY
  const session = await openSession(db, alice, time.now)
  await sweep(db, time.now)
  expect(await findAccount(db, 'slow')).toBeUndefined()
  for (const name of ['fresh', 'alice']) expect(await findAccount(db, name)).toBeDefined()
  expect(await findSession(db, session.id, time.now)).toBeDefined()
  const count = async (table: 'sessions' | 'one_time_tokens') =>
    (await db.selectFrom(table).select('id').execute()).length
  expect([await count('sessions'), await count('one_time_tokens')]).toEqual([1, 0])
})

test('what belongs to an account goes with it', async () => {
  await openSession(db, alice, time.now)
  await issueToken(db, { accountId: alice.id, purpose: 'change-mail', now: time.now })
  await accounts.addKey(db, alice, { name: 'ci', expiresAt: undefined })
  await deleteAccount(db, alice.id)
  for (const table of ['sessions', 'one_time_tokens', 'api_keys', 'accounts'] as const) {
    expect(await db.selectFrom(table).select('id').execute()).toEqual([])
  }
})
