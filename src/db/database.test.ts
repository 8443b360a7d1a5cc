import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Db, openDatabase } from './database.ts'
import { isDiskFull } from './dialect.ts'
import { migrate, pendingMigrations } from './migrate.ts'
import * as accounts from './migrations/001-accounts.ts'
import { inTransaction } from './transaction.ts'

let folder: string
let file: string
const open: Db[] = []
const database = () => {
  const db = openDatabase(`sqlite:${file}`)
  open.push(db)
  return db
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-db-'))
  file = join(folder, 'test.db')
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((db) => db.destroy()))
  rmSync(folder, { recursive: true, force: true })
})

test('migrations run once, also when several processes ask at the same time', async () => {
  const program = resolve(import.meta.dirname, '../main.ts')
  const env = { CLOUDMGR_DATABASE_URL: `sqlite:${file}` }
  const ask = () => promisify(execFile)(process.execPath, [program, 'migrate'], { env })
  const said = (await Promise.all([ask(), ask(), ask()])).map(({ stdout, stderr }) => stdout + stderr)
  expect(said.filter((text) => text.includes('001-accounts'))).toHaveLength(1)
  expect(await pendingMigrations(database())).toEqual([])
})

test('a schema that a newer program has changed is left alone', async () => {
  const db = database()
  await migrate(db)
  await sql`insert into kysely_migration (name, timestamp) values ('999-future', '')`.execute(db)
  expect(await migrate(db)).toEqual([])
})

test('a schema that a newer program has changed so that this one can’t work with it is refused by name', async () => {
  const db = database()
  await migrate(db)
  await sql`insert into kysely_migration (name, timestamp) values ('999-future-breaking', '')`.execute(db)
  const refusal = expect.objectContaining({ kind: 'conflict', code: 'schema-newer' })
  await expect(migrate(db)).rejects.toEqual(refusal)
  // The pods' wait for their schema ends at once: it would wait in vain.
  const env = { CLOUDMGR_DATABASE_URL: `sqlite:${file}` }
  const program = resolve(import.meta.dirname, '../main.ts')
  const waiting = promisify(execFile)(process.execPath, [program, 'migrate', '--wait'], { env })
  await expect(waiting).rejects.toMatchObject({ stderr: expect.stringContaining('999-future-breaking') })
})

test('deployments of before are kept, several of a plan become possible, and the version before goes on writing', async () => {
  const db = database()
  await accounts.up(db)
  await sql`insert into accounts (id, name, email, role, rights, status, created_at)
    values (7, 'alice', 'a@b.org', 'user', '[]', 'active', 0)`.execute(db)
  const write = (plan: string) =>
    sql`insert into deployments (account_id, plan, status, settings_encrypted, created_at, updated_at)
      values (7, ${plan}, 5, 'sealed', 1, 1)`.execute(db)
  await write('omegaml')
  await migrate(db)
  await write('other')
  const one = { account_id: 7, plan: 'runtime', status: 5, ready_at: null, message: null } as const
  const times = { settings_encrypted: null, created_at: 2, updated_at: 2 }
  for (const instance of ['cpu', 'gpu'])
    await db
      .insertInto('deployments')
      .values({ ...one, ...times, instance })
      .execute()
  await expect(
    db
      .insertInto('deployments')
      .values({ ...one, ...times, instance: 'cpu' })
      .execute(),
  ).rejects.toThrow(/UNIQUE/)
  const rows = await db.selectFrom('deployments').select(['plan', 'instance', 'settings_encrypted']).execute()
  expect(rows.map(({ plan, instance }) => `${plan}/${instance}`)).toEqual([
    'omegaml/',
    'other/',
    'runtime/cpu',
    'runtime/gpu',
  ])
  expect(rows[0]?.settings_encrypted).toBe('sealed')
})

for (const value of [new Date(0), undefined, true, {}]) {
  test(`SQLite is not given a ${value instanceof Date ? 'Date' : typeof value}, which it would store as something else`, async () => {
    await expect(sql`select ${sql.val(value)} as v`.execute(database())).rejects.toMatchObject({ code: 'not-bindable' })
  })
}

test('the database file is its owner’s alone', async () => {
  await migrate(database())
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('SQLite’s kept statements see a column that was added, also by another process', async () => {
  const path = join(folder, 'columns.db')
  const [one, other] = [openDatabase({ kind: 'sqlite', path }), openDatabase({ kind: 'sqlite', path })]
  try {
    await migrate(one)
    await one.insertInto('settings').values({ name: 'a', value: 'b' }).execute()
    const all = () => one.selectFrom('settings').selectAll().execute()
    const columns = async () => Object.keys((await all())[0] ?? {})
    expect(await columns()).toEqual(['name', 'value'])
    await other.schema.alterTable('settings').addColumn('later', 'text').execute()
    expect(await columns()).toEqual(['name', 'value', 'later'])
    await one.schema.alterTable('settings').addColumn('last', 'text').execute()
    expect(await columns()).toEqual(['name', 'value', 'later', 'last'])
  } finally {
    await Promise.all([one.destroy(), other.destroy()])
  }
})

test('transactions of two connections that read before they write wait for each other', async () => {
  const [a, b] = [database(), database()]
  await migrate(a)
  await a.insertInto('settings').values({ name: 'n', value: '0' }).execute()
  const increase = (db: Db) =>
    db.transaction().execute(async (tx) => {
      const { value } = await tx.selectFrom('settings').selectAll().executeTakeFirstOrThrow()
      await tx
        .updateTable('settings')
        .set({ value: String(Number(value) + 1) })
        .execute()
    })
  for (let round = 0; round < 10; round += 1) await increase(a)
  await Promise.all([increase(a), increase(a)])
  await increase(b)
  expect((await b.selectFrom('settings').selectAll().executeTakeFirstOrThrow()).value).toBe('13')
})

test('a URL that is none is refused without being quoted: it may hold a password', () => {
  const url = 'postgres://user:geheim@host/db'
  expect(() => openDatabase(url)).toThrow(expect.objectContaining({ code: 'database-url-invalid' }))
  expect(() => openDatabase(url)).not.toThrow(/geheim/)
})

test('a full disk is told as such, and nothing of the transaction stays', async () => {
  const db = database()
  await migrate(db)
  await sql`pragma max_page_count = 1`.execute(db)
  const version = { root: 'r', state: 'x'.repeat(3_000), created_at: 1 }
  const writing = inTransaction(db, async (tx) => {
    for (let one = 0; one < 1_000; one += 1)
      await tx
        .insertInto('terraform_state_versions')
        .values({ ...version, version: one })
        .execute()
  })
  expect(isDiskFull(await writing.catch((error: unknown) => error))).toBe(true)
  expect(await db.selectFrom('terraform_state_versions').select('id').execute()).toEqual([])
})
