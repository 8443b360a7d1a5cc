import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseKeyRing } from '../base/key-ring.ts'
import { listVersions } from '../clusters/state-rows.ts'
import { createStateStore, rootLock, type StateStore } from '../clusters/terraform-states.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { adoptPlainState, type Move, plainMove } from './plain-state.ts'

const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const user = { root: 'cluster', task: 1, fencing: 1, holder: 'step cluster of command 1' }
const state = (serial: number, lineage = 'l1', name = 'a') =>
  JSON.stringify({ version: 4, serial, lineage, resources: [{ mode: 'managed', type: 't', name, instances: [{}] }] })

const moves: { why: string; plain: string; kept: string | undefined; move: Move }[] = [
  { why: 'the first time it is written', plain: state(3), kept: undefined, move: 'write' },
  { why: 'killed before the file was deleted, only that is left', plain: state(3), kept: state(3), move: 'there' },
  { why: 'what an older program added is written, too', plain: state(4), kept: state(3), move: 'write' },
  { why: 'a file that is older is not thrown away', plain: state(2), kept: state(3), move: 'refuse' },
  {
    why: 'another content of the same count is for people',
    plain: state(3, 'l1', 'b'),
    kept: state(3),
    move: 'refuse',
  },
  { why: 'a state of other things is for people', plain: state(9, 'l2'), kept: state(3), move: 'refuse' },
]
for (const { why, plain, kept, move } of moves) test(why, () => expect(plainMove(plain, kept)).toBe(move))

let folder: string
let db: Db
let states: StateStore
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-plain-'))
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  await db
    .insertInto('locks')
    .values({ name: rootLock('cluster'), task_id: 1, fencing: 1, taken_at: 1 })
    .execute()
  states = createStateStore(db, keys, () => 1)
})
afterEach(async () => {
  await db.destroy()
  rmSync(folder, { recursive: true, force: true })
})

const put = (name: string, text: string) => writeFileSync(join(folder, name), text)
const has = (name: string) => existsSync(join(folder, name))
const main = (backend: object) => JSON.stringify({ terraform: { required_version: 'x', backend }, module: { a: {} } })
const backend = () => JSON.parse(readFileSync(join(folder, 'main.tf.json'), 'utf8')).terraform.backend as unknown

test('a plain state and the one before it become versions, the root asks for it, the files go', async () => {
  put('main.tf.json', main({ local: { path: 'terraform.tfstate' } }))
  put('terraform.tfstate', state(3))
  put('terraform.tfstate.backup', state(2))
  expect(await adoptPlainState(folder, states, user)).toBe(true)
  expect(await states.read('cluster')).toBe(state(3))
  expect((await listVersions(db, 'cluster')).map(({ serial }) => serial)).toEqual([3, 2])
  expect(backend()).toEqual({ http: {} })
  expect([has('terraform.tfstate'), has('terraform.tfstate.backup')]).toEqual([false, false])
  expect(await adoptPlainState(folder, states, user)).toBe(false)
  expect((await listVersions(db, 'cluster')).length).toBe(2)
})

test('killed between any two lines, the move is continued', async () => {
  put('main.tf.json', main({ local: {} }))
  put('terraform.tfstate', state(3))
  const killed = new Error('killed')
  const dying = (at: keyof StateStore): StateStore => ({
    ...states,
    [at]: async () => {
      throw killed
    },
  })
  for (const at of ['read', 'lock', 'write'] as const) {
    await expect(adoptPlainState(folder, dying(at), user)).rejects.toBe(killed)
    expect([has('terraform.tfstate'), backend()]).toEqual([true, { local: {} }])
  }
  // After the write, before anything of the folder: the dead one still has the lock.
  await states.lock(user, 'dead', '{}')
  await states.write('cluster', state(3), 'dead')
  expect(await adoptPlainState(folder, states, user)).toBe(true)
  expect([has('terraform.tfstate'), backend()]).toEqual([false, { http: {} }])
  expect((await listVersions(db, 'cluster')).length).toBe(1)
})

test('what is not read back the same keeps its file', async () => {
  put('main.tf.json', main({ http: {} }))
  put('terraform.tfstate', state(3))
  const forgetful = { ...states, read: async () => undefined }
  await expect(adoptPlainState(folder, forgetful, user)).rejects.toMatchObject({ code: 'state-not-written' })
  expect(has('terraform.tfstate')).toBe(true)
})

test('two states are told, and neither is touched', async () => {
  put('main.tf.json', main({ http: {} }))
  put('terraform.tfstate', state(3))
  await adoptPlainState(folder, states, user)
  put('terraform.tfstate', state(9, 'l2'))
  await expect(adoptPlainState(folder, states, user)).rejects.toMatchObject({ kind: 'conflict', code: 'two-states' })
  expect([await states.read('cluster'), has('terraform.tfstate')]).toEqual([state(3), true])
})

test('a root with a backend of its own, and one that never was applied, are left alone', async () => {
  put('main.tf.json', main({ s3: {} }))
  put('terraform.tfstate', state(3))
  expect(await adoptPlainState(folder, states, user)).toBe(false)
  expect([has('terraform.tfstate'), backend()]).toEqual([true, { s3: {} }])
  put('main.tf.json', main({ local: {} }))
  put('terraform.tfstate', '')
  expect(await adoptPlainState(folder, states, user)).toBe(false)
  expect(backend()).toEqual({ http: {} })
})
