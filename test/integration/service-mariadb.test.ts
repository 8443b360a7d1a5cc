import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { type Service, startService } from '../journeys/house.ts'
import { startMariadb, type TestMariadb } from '../support/mariadb.ts'

const values = parse(readFileSync(resolve(import.meta.dirname, '../../charts/omegaml-system/values.yaml'), 'utf8')) as {
  mysql: { apiRights: Record<string, string[]> }
}

let mariadb: TestMariadb
let databases: { api: Db; engine: Db }
let service: Service
let admin: ReturnType<Service['as']>

beforeAll(async () => {
  mariadb = await startMariadb()
  await mariadb.sql(
    "CREATE USER cloudmgr@'%' IDENTIFIED BY 'engine-of-tests'",
    "CREATE USER omegaweb@'%' IDENTIFIED BY 'api-of-tests'",
  )
})
afterAll(async () => await mariadb?.stop())

/** Users and rights as the chart makes them. */
beforeEach(async () => {
  await mariadb.sql('DROP DATABASE IF EXISTS cloudmgr', 'CREATE DATABASE cloudmgr')
  await mariadb.sql("GRANT ALL PRIVILEGES ON cloudmgr.* TO cloudmgr@'%'", "GRANT SELECT ON cloudmgr.* TO omegaweb@'%'")
  const engine = openDatabase(mariadb.as('cloudmgr', 'engine-of-tests', 'cloudmgr'))
  await migrate(engine)
  for (const [table, rights] of Object.entries(values.mysql.apiRights)) {
    await mariadb.sql(`GRANT ${rights.join(', ')} ON cloudmgr.${table} TO omegaweb@'%'`)
  }
  databases = { engine, api: openDatabase(mariadb.as('omegaweb', 'api-of-tests', 'cloudmgr')) }
  service = await startService(databases)
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
})
afterEach(async () => {
  await service.close()
  await databases.api.destroy()
  await databases.engine.destroy()
})

async function signUp(name: string) {
  const { status, body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  expect(status).toBe(201)
  await service.ended(body.command)
  return service.as(name, body.apikey as string)
}

test('the API with its own rights and the engine with its own deliver, rotate and remove an account', async () => {
  const alice = await signUp('alice')
  expect((await alice.get('/api/v1/config/')).status).toBe(200)

  const rotated = (await alice.post('/api/v2/accounts/alice/credentials/rotate')).body
  await service.ended(rotated.command)
  expect((await service.as('alice', rotated.apikey).get('/api/v1/config/')).status).toBe(200)
  expect((await admin.post('/api/v2/deployments/ensure')).body.commands).toHaveLength(2)

  const { body } = await admin.delete('/api/v2/accounts/alice')
  await service.ended(body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
  await signUp('alice')
})

test('a name that two ask for at once is given to one', async () => {
  const wish = { name: 'alice', email: 'alice@example.org' }
  const answers = await Promise.all(Array.from({ length: 8 }, async () => await admin.post('/api/v2/accounts', wish)))
  expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, ...Array<number>(7).fill(409)])
})

test('the same order sent many times at once is one order', async () => {
  const wish = { name: 'alice', email: 'alice@example.org' }
  const send = async () => await admin.post('/api/v2/accounts', wish, { 'idempotency-key': 'one' })
  const answers = await Promise.all(Array.from({ length: 8 }, send))
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.command)
  expect(new Set(made).size).toBe(1)
  expect((await send()).body.command).toBe(made[0])
})

test('the API can’t write tasks, outputs or the schema', async () => {
  const { api } = databases
  const forbidden = [
    async () => await api.updateTable('tasks').set({ state: 'ready' }).execute(),
    async () => await api.deleteFrom('task_output').execute(),
    async () => await api.deleteFrom('audit_log').execute(),
    async () => await api.schema.createTable('mine').addColumn('id', 'integer').execute(),
  ]
  for (const attempt of forbidden) await expect(attempt()).rejects.toMatchObject({ errno: 1142 })
})
