import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { parse } from 'yaml'
import { type Db, openDatabase } from '../../../src/db/database.ts'
import { migrate, pendingMigrations } from '../../../src/db/migrate.ts'
import type { Manifest } from './helm.ts'
import { chartFolder, podsOf, render } from './helm.ts'
import { startMariadb, type TestMariadb } from '../../support/mariadb.ts'
import { mysqlScript } from './scripts.ts'

const passwords = { cloudmgr: "c'1", omegaweb: 'w\\2', jupyterhub: 'j3' }

describe('the migration Job’s scripts on a real MariaDB', () => {
  let mariadb: TestMariadb
  let api: Db
  let engine: Db

  const run = async (container: 'databases' | 'rights', values = {}): Promise<string> => {
    const [job] = podsOf(await render('omegaml-system', values)).filter(({ kind }) => kind === 'Job')
    assert.ok(job)
    const found = [...job.spec.initContainers, ...job.spec.containers].find(({ name }) => name === container)
    const fixed = found.env.filter((entry: Manifest) => entry.value !== undefined)
    return await mysqlScript(found.args[0], {
      ...Object.fromEntries(fixed.map(({ name, value }: Manifest) => [name, value])),
      HOST: '127.0.0.1',
      PORT: String(mariadb.port),
      ROOT_PASSWORD: mariadb.rootPassword,
      CLOUDMGR_PASSWORD: passwords.cloudmgr,
      OMEGAWEB_PASSWORD: passwords.omegaweb,
      JUPYTERHUB_PASSWORD: passwords.jupyterhub,
    })
  }
  const open = (user: keyof typeof passwords): Db => openDatabase(mariadb.as(user, passwords[user], 'cloudmgr'))

  beforeAll(async () => {
    mariadb = await startMariadb()
    await run('databases')
    engine = open('cloudmgr')
    api = open('omegaweb')
  })

  afterAll(async () => {
    await api?.destroy()
    await engine?.destroy()
    await mariadb?.stop()
  })

  test('the engine migrates, and the API sees when it is done', async () => {
    assert.ok((await pendingMigrations(api)).length > 0)
    await migrate(engine)
    assert.deepEqual(await pendingMigrations(api), [])
  })

  test('the API may write its own tables and reads the rest; tasks and locks are the engine’s', async () => {
    await run('rights')
    for (const table of ['accounts', 'api_keys', 'deployments']) await sql`DELETE FROM ${sql.table(table)}`.execute(api)
    await sql`UPDATE commands SET message = 'x' WHERE 1 = 0`.execute(api)
    for (const table of [
      'tasks',
      'task_output',
      'locks',
      'commands',
      'audit_log',
      'metric_samples',
      'kysely_migration',
    ]) {
      await assert.rejects(sql`DELETE FROM ${sql.table(table)}`.execute(api), /denied/, table)
      await sql`SELECT * FROM ${sql.table(table)}`.execute(api)
    }
    await assert.rejects(sql`UPDATE tasks SET state = 'done'`.execute(api), /denied/)
    await assert.rejects(sql`INSERT INTO locks (name, task_id) VALUES ('a', 'b')`.execute(api), /denied/)
    await assert.rejects(sql`CREATE TABLE mine (a INTEGER)`.execute(api), /denied/)
    await assert.rejects(sql`SELECT * FROM mysql.global_priv`.execute(api), /denied/)
  })

  test('every table the API may write exists: a misspelt one would take a right away without a word', async () => {
    const [tables, values] = [
      await sql<{ name: string }>`
      SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'cloudmgr'`.execute(engine),
      await defaults(),
    ]
    const names = tables.rows.map(({ name }) => name)
    for (const table of Object.keys(values)) assert.ok(names.includes(table), table)
  })

  test('a right that a version no longer gives is taken back', async () => {
    await run('rights', { mysql: { apiRights: { api_keys: ['INSERT'] } } })
    await assert.rejects(sql`DELETE FROM api_keys`.execute(api), /denied/)
    await run('rights')
    await sql`DELETE FROM api_keys`.execute(api)
  })

  test('run again, the users keep their passwords and rights', async () => {
    await run('databases')
    await run('rights')
    const again = open('omegaweb')
    await sql`DELETE FROM api_keys`.execute(again)
    await again.destroy()
  })
})

async function defaults(): Promise<Record<string, unknown>> {
  const values: Manifest = parse(await readFile(join(chartFolder('omegaml-system'), 'values.yaml'), 'utf8'))
  return values.mysql.apiRights
}
