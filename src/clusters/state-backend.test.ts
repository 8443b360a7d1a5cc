import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseKeyRing } from '../base/key-ring.ts'
import { silentLog } from '../base/log.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { StateBackend, type StateCredential } from './state-backend.ts'
import { createStateStore, rootLock } from './terraform-states.ts'

const root = 'nodepool-alice-gpu'
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
let db: Db
let backend: StateBackend

beforeEach(async () => {
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  backend = new StateBackend({ states: createStateStore(db, keys, () => 1), log: silentLog })
  await backend.start()
})
afterEach(async () => {
  await backend.stop()
  await db.destroy()
})

/** The engine gives a task the lock of the root, as it does before it runs the action. */
async function claimed(task: number, fencing: number): Promise<StateCredential> {
  await db.deleteFrom('locks').execute()
  await db
    .insertInto('locks')
    .values({ name: rootLock(root), task_id: task, fencing, taken_at: 1 })
    .execute()
  return backend.credentialFor({ root, task, fencing })
}

/** What Terraform sends. */
async function ask({ env }: StateCredential, method: string, body?: object, query = '') {
  const basic = Buffer.from(`${env['TF_HTTP_USERNAME']}:${env['TF_HTTP_PASSWORD']}`).toString('base64')
  const answer = await fetch(`${env['TF_HTTP_ADDRESS']}${query}`, {
    method,
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, text: await answer.text() }
}

test('a state is kept by version, encrypted, and read again', async () => {
  const run = await claimed(1, 1)
  expect((await ask(run, 'GET')).status).toBe(204)
  expect((await ask(run, 'LOCK', { ID: 'one', Who: 'engine' })).status).toBe(200)
  const outputs = { password: { value: 'geheim' } }
  for (const serial of [1, 2]) expect((await ask(run, 'POST', { serial, outputs }, '?ID=one')).status).toBe(200)
  expect((await ask(run, 'UNLOCK', { ID: 'one' })).status).toBe(200)
  expect(await ask(run, 'GET')).toEqual({ status: 200, text: JSON.stringify({ serial: 2, outputs }) })
  const versions = await db.selectFrom('terraform_state_versions').selectAll().execute()
  expect(versions.map(({ version }) => version)).toEqual([1, 2])
  expect(JSON.stringify(versions)).not.toMatch(/geheim|password/)
})

test('the next run takes over the lock of one that was killed, which then can’t write any more', async () => {
  const dead = await claimed(1, 1)
  await ask(dead, 'LOCK', { ID: 'dead' })
  const next = await claimed(1, 2)
  expect((await ask(next, 'LOCK', { ID: 'next' })).status).toBe(200)
  expect((await ask(dead, 'POST', { serial: 9 }, '?ID=dead')).status).toBe(409)
  expect((await ask(dead, 'LOCK', { ID: 'again' })).status).toBe(423)
  expect((await ask(next, 'POST', { serial: 1 }, '?ID=next')).status).toBe(200)
  expect((await ask(next, 'GET')).text).toBe('{"serial":1}')
})

test('a run that hung while another one began and finished can’t write either', async () => {
  const hanging = await claimed(1, 1)
  await ask(hanging, 'LOCK', { ID: 'hanging' })
  const next = await claimed(1, 2)
  await ask(next, 'LOCK', { ID: 'next' })
  await ask(next, 'POST', { serial: 1 }, '?ID=next')
  await ask(next, 'UNLOCK', { ID: 'next' })
  expect((await ask(hanging, 'POST', { serial: 9 }, '?ID=hanging')).status).toBe(409)
  expect((await ask(hanging, 'UNLOCK', { ID: 'hanging' })).status).toBe(200)
  expect((await ask(next, 'GET')).text).toBe('{"serial":1}')
})

test('a run that is not the root’s is told who holds it', async () => {
  await ask(await claimed(1, 1), 'LOCK', { ID: 'holder', Who: 'engine' })
  const stranger = backend.credentialFor({ root, task: 7, fencing: 1 })
  expect(await ask(stranger, 'LOCK', { ID: 'x' })).toEqual({ status: 423, text: '{"ID":"holder","Who":"engine"}' })
})

test('a credential is good for its root and until its run has ended', async () => {
  const run = await claimed(1, 1)
  await ask(run, 'POST', { serial: 1 })
  const other = backend.credentialFor({ root: 'nodepool-bob-gpu', task: 2, fencing: 1 })
  expect((await ask(other, 'GET')).status).toBe(204)
  run.end()
  expect((await ask(run, 'GET')).status).toBe(401)
})

test('who finds a root locked is told which task has it', async () => {
  await claimed(1, 1)
  const run = backend.credentialFor({ root, task: 1, fencing: 1, holder: 'step nodes of command 3' })
  await ask(run, 'LOCK', { ID: 'one', Info: '' })
  const stranger = backend.credentialFor({ root, task: 7, fencing: 1 })
  expect((await ask(stranger, 'LOCK', { ID: 'x' })).text).toContain('step nodes of command 3')
})

test('what could not be written is told to whoever started the run, until it could', async () => {
  const run = await claimed(1, 1)
  await sql`create trigger full before insert on terraform_state_versions
    begin select raise(abort, 'database or disk is full'); end`.execute(db)
  expect((await ask(run, 'POST', { serial: 1 })).status).toBe(503)
  expect(run.refused()).toMatchObject({ kind: 'unavailable', code: 'state-not-written' })
  await sql`drop trigger full`.execute(db)
  expect((await ask(run, 'POST', { serial: 1 })).status).toBe(200)
  expect(run.refused()).toBeUndefined()
})
