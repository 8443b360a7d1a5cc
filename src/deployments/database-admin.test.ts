import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Account } from '../accounts/account.ts'
import { startHouse, type TestHouse, testSite } from '../api/testing.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { Deployments } from './deployments.ts'
import { findDeployment, updateDeployment } from './store.ts'

const ring = (name: string) => parseKeyRing(`${name}:${randomBytes(32).toString('base64')}`, 'the test')
const [keys, engineKeys] = [ring('s1'), ring('e1')]

let house: TestHouse
let alice: Account
let engine: Deployments
let api: Deployments

beforeEach(async () => {
  house = await startHouse()
  const wish = { name: 'alice', email: 'a@example.org', role: 'user', rights: [], passwordHash: null } as const
  alice = (await house.deps.accounts.create(house.db, wish)).account
  const parts = { db: house.db, keys, site: testSite, clock: house.deps.clock }
  engine = new Deployments({ ...parts, engineKeys })
  api = new Deployments(parts)
})
afterEach(async () => await house.close())

const adminSeenBy = async (one: Deployments) =>
  (await one.storedSettings(house.db, alice.id, 'database', 'docs'))?.admin
const adminInRow = async () => {
  const row = await findDeployment(house.db, alice.id, 'database', 'docs')
  const text = keys.open(row?.sealed ?? '', `settings of database for account ${alice.id}`)
  return (JSON.parse(text) as { admin: { user: string; password?: string; sealed?: string } }).admin
}

test('the engine reads the administrator of an own database, and who has the API’s key ring does not', async () => {
  await engine.ensurePending(house.db, alice, 'database', 'docs')
  const { password = '' } = (await adminSeenBy(engine)) ?? {}
  expect(password).toMatch(/^[A-Za-z0-9]{32}$/)
  const inRow = await adminInRow()
  expect(Object.keys(inRow)).toEqual(['user', 'sealed'])
  expect(() => keys.open(inRow.sealed ?? '', `administrator of a database of account ${alice.id}`)).toThrow(
    /key e1 is not in the key ring/,
  )
  expect(Object.keys((await adminSeenBy(api)) ?? {})).toEqual(['user', 'sealed'])
  // What the API changes in the row leaves it as it is.
  await api.renewPasswords(house.db, alice, 'database', 'docs')
  expect((await adminSeenBy(engine))?.password).toBe(password)
  // Repeated, the same one: the volume knows no other.
  await engine.ensurePending(house.db, alice, 'database', 'docs')
  expect((await adminSeenBy(engine))?.password).toBe(password)
})

test('an administrator can’t be made without the engine’s keys', async () => {
  await expect(api.ensurePending(house.db, alice, 'database', 'docs')).rejects.toMatchObject({
    code: 'engine-keys-missing',
  })
})

test('what rows of before hold open is sealed when the engine starts, or makes sure of it', async () => {
  const write = async (): Promise<void> => {
    await engine.ensurePending(house.db, alice, 'database', 'docs')
    const row = await findDeployment(house.db, alice.id, 'database', 'docs')
    const context = `settings of database for account ${alice.id}`
    const settings = JSON.parse(keys.open(row?.sealed ?? '', context)) as object
    const before = { ...settings, admin: { user: 'admin', password: 'of before' } }
    await updateDeployment(house.db, row?.id ?? 0, { sealed: keys.seal(JSON.stringify(before), context) }, 0)
  }
  for (const seal of [() => engine.sealAdmins(), () => engine.ensurePending(house.db, alice, 'database', 'docs')]) {
    await write()
    expect(await adminSeenBy(engine)).toEqual({ user: 'admin', password: 'of before' })
    await seal()
    expect((await adminInRow()).password).toBeUndefined()
    expect(await adminSeenBy(engine)).toEqual({ user: 'admin', password: 'of before' })
  }
  expect(await engine.sealAdmins()).toBe(0)
})
