import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Binary, Double, Long, MongoClient } from 'mongodb'
import { afterAll, beforeAll, test } from 'vitest'
import { startMariadb, type TestMariadb } from '../../support/mariadb.ts'
import { startMongod, type TestMongod } from '../../support/mongod.ts'
import type { Manifest } from './helm.ts'
import { podsOf, render } from './helm.ts'
import { mysqlScript } from './scripts.ts'

/** The containers of CronJobs `backup` and `restore`, one after the other, on real databases. */
let mongod: TestMongod
let mariadb: TestMariadb
let client: MongoClient
let dumps: string

beforeAll(async () => {
  dumps = mkdtempSync(join(tmpdir(), 'cloudmgr-dumps-'))
  ;[mongod, mariadb] = await Promise.all([startMongod(), startMariadb()])
  const { host, port, user: username, password } = mongod.admin
  client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true`, { auth: { username, password } })
  await mariadb.sql(
    'CREATE DATABASE cloudmgr',
    'CREATE DATABASE jupyterhub',
    'CREATE TABLE cloudmgr.accounts (name VARCHAR(40), secret BLOB)',
    "INSERT INTO cloudmgr.accounts VALUES ('älice', X'00FF27')",
  )
})

afterAll(async () => {
  await client?.close()
  await Promise.all([mongod?.stop(), mariadb?.stop()])
  rmSync(dumps, { recursive: true, force: true })
})

const values = { backups: { enabled: true, keep: 2 } }

async function run(job: 'backup' | 'restore', dump?: string): Promise<string> {
  const pod = podsOf(await render('omegaml-system', values)).find(({ owner }) => owner === job)
  assert.ok(pod)
  const [mysql] = pod.spec.initContainers
  const [mongodb] = pod.spec.containers
  const said = await mysqlScript(mysql.args[0], {
    ...envOf(mysql),
    CLOUDMGR_DUMPS: dumps,
    ...(dump === undefined ? {} : { CLOUDMGR_DUMP: dump }),
    HOST: '127.0.0.1',
    PORT: String(mariadb.port),
    ROOT_PASSWORD: mariadb.rootPassword,
  })
  const { host, port, user, password } = mongod.admin
  const env = {
    ...envOf(mongodb),
    CLOUDMGR_DUMPS: dumps,
    ...(dump === undefined ? {} : { CLOUDMGR_DUMP: dump }),
    CLOUDMGR_MONGODB_HOST: `${host}:${port}`,
    CLOUDMGR_MONGODB_USER: user,
    CLOUDMGR_MONGODB_PASSWORD: password,
    PATH: process.env['PATH'] ?? '',
  }
  const program = resolve(import.meta.dirname, '../../../src/main.ts')
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...mongodb.args], { env })
  return said + stdout + stderr
}

const envOf = ({ env }: Manifest): Record<string, string> =>
  Object.fromEntries(env.flatMap(({ name, value }: Manifest) => (value === undefined ? [] : [[name, value]])))

const dumped = () => readdirSync(dumps).toSorted()

test('what was dumped comes back byte by byte: rows, documents of every type, indexes, options; what came later is gone', async () => {
  const store = client.db('alice')
  await store.createCollection('odd/name', { capped: true, size: 100_000 })
  const documents = [
    {
      _id: 1,
      whole: new Double(3),
      long: Long.fromString('9007199254740993'),
      bytes: new Binary(Buffer.from([0, 255])),
    },
    { _id: 2, when: new Date(7), words: /a+b/i, nested: { list: [null, undefined, 'ä'] } },
  ] as object[]
  await store.collection('odd/name').insertMany(documents)
  const many = Array.from({ length: 3_000 }, (_, n) => ({ n, text: 'x'.repeat(500) }))
  await store.collection('fs.chunks').insertMany(many)
  await store.collection('fs.chunks').createIndex({ n: 1, text: -1 }, { unique: true, name: 'byNumber' })
  await store.createCollection('seen', { viewOn: 'fs.chunks', pipeline: [{ $match: { n: { $lt: 10 } } }] })
  const content = async () => ({
    odd: (await store.collection('odd/name').find({}, { raw: true }).toArray()).map(String),
    capped: (await store.collection('odd/name').options())['capped'],
    chunks: await store.collection('fs.chunks').countDocuments(),
    indexes: await store.collection('fs.chunks').indexes(),
    seen: await store.collection('seen').countDocuments(),
    collections: (await store.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).toSorted(),
  })
  const before = await content()
  assert.match(await run('backup'), /MySQL dumped[\s\S]*dump complete/)
  assert.equal(dumped().length, 1)

  await store.collection('fs.chunks').deleteMany({ n: { $gt: 5 } })
  await store.collection('later').insertOne({ a: 1 })
  await store.collection('odd/name').drop()
  await mariadb.sql("UPDATE cloudmgr.accounts SET secret = 'x'", 'CREATE TABLE cloudmgr.later (a INTEGER)')
  await mariadb.sql("INSERT INTO cloudmgr.accounts VALUES ('boris', '')")
  assert.match(await run('restore'), /MySQL restored[\s\S]*restore complete/)
  assert.deepEqual(await content(), before)
  // An error would say otherwise: exactly this row, and no later table.
  await mariadb.sql(
    "SELECT 1 / (COUNT(*) = 1 AND MAX(name) = 'älice' AND HEX(MAX(secret)) = '00FF27') INTO @x FROM cloudmgr.accounts",
    "BEGIN NOT ATOMIC IF @x IS NULL THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'rows differ'; END IF; END",
    "BEGIN NOT ATOMIC IF EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = 'later') THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a later table is there'; END IF; END",
  )
})

test('the newest are kept; an older one is restored by its name, an unknown one names those that are there', async () => {
  const [first = ''] = dumped()
  await client.db('alice').collection('fs.chunks').deleteMany({})
  await run('backup')
  await run('restore', first)
  assert.equal(await client.db('alice').collection('fs.chunks').countDocuments(), 3_000)
  await run('backup')
  assert.equal(dumped().length, 2)
  assert.equal(dumped().includes(first), false)
  await assert.rejects(run('restore', first), /there is no dump of MySQL called/)
})

test('what a dump that died left half done goes with the next, and is never restored', async () => {
  const [pod] = podsOf(await render('omegaml-system', values)).filter(({ owner }) => owner === 'backup')
  const env = { ...envOf(pod?.spec.initContainers[0]), CLOUDMGR_DUMPS: dumps, ROOT_PASSWORD: mariadb.rootPassword }
  await mysqlScript(pod?.spec.initContainers[0].args[0], { ...env, HOST: '127.0.0.1', PORT: String(mariadb.port) })
  assert.ok(dumped().includes(`.part-${hostname()}`))
  await run('backup')
  assert.equal(dumped().includes(`.part-${hostname()}`), false)
})

test('nothing is restored while the service works with the rows', async () => {
  await mariadb.sql("CREATE USER omegaweb@'%' IDENTIFIED BY 'w'", "GRANT ALL ON cloudmgr.* TO omegaweb@'%'")
  const { openDatabase } = await import('../../../src/db/database.ts')
  const { sql } = await import('kysely')
  const api = openDatabase(mariadb.as('omegaweb', 'w', 'cloudmgr'))
  try {
    await sql`SELECT 1`.execute(api)
    await assert.rejects(run('restore'), /scale their Deployments to 0 first/)
  } finally {
    await api.destroy()
  }
})
