import { BSON, GridFSBucket, MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestMongod } from '../../../test/support/mongod.ts'
import { startMongod } from '../../../test/support/mongod.ts'
import { mongodbContract, mongoSizesContract } from './contract-suite.ts'
import { createMongodb, createMongoSizes } from './driver.ts'

let server: TestMongod
beforeAll(async () => {
  server = await startMongod()
})
afterAll(() => server?.stop())

mongodbContract(() => createMongodb(server.admin))
mongoSizesContract(() => ({
  mongodb: createMongodb(server.admin),
  sizes: createMongoSizes(),
  server: `${server.admin.host}:${server.admin.port}`,
}))

describe('a real server', () => {
  test('a user writes to its own database and nowhere else', async () => {
    const mongodb = createMongodb(server.admin)
    await mongodb.ensureUser({ user: 'uBob', password: 'secretBob', databases: ['dBob'] })
    const client = new MongoClient(
      `mongodb://uBob:secretBob@${server.admin.host}:${server.admin.port}/?authSource=admin`,
    )
    try {
      await client.db('dBob').collection('a').insertOne({ a: 1 })
      await expect(client.db('dAlice').collection('a').insertOne({ a: 1 })).rejects.toMatchObject({ code: 13 })
      await expect(client.db('admin').command({ usersInfo: 1 })).rejects.toMatchObject({ code: 13 })
      await mongodb.dropDatabase('dBob')
      expect(await client.db('dBob').collection('a').countDocuments()).toBe(0)
    } finally {
      await client.close()
    }
  })

  test('what an account stored counts, its indexes too', async () => {
    const { host, port } = server.admin
    await createMongodb(server.admin).ensureUser({ user: 'uDan', password: 'secretDan', databases: ['dDan'] })
    const client = new MongoClient(`mongodb://uDan:secretDan@${host}:${port}/?authSource=admin`)
    try {
      await client
        .db('dDan')
        .collection('a')
        .insertOne({ a: 'x'.repeat(100_000) })
      await client.db('dDan').collection('a').createIndex({ a: 1 })
    } finally {
      await client.close()
    }
    const login = { server: `${host}:${port}`, user: 'uDan', password: 'secretDan', database: 'dDan' }
    // A collection and two indexes: files of 4 KiB at least.
    expect(await createMongoSizes().databaseBytes(login)).toBeGreaterThanOrEqual(3 * 4096)
  })

  test('a store is copied with its indexes, completed when repeated, and what differs is told or replaced', async () => {
    const mongodb = createMongodb(server.admin)
    const { host, port, user, password } = server.admin
    const client = new MongoClient(`mongodb://${user}:${password}@${host}:${port}/?authSource=admin`)
    try {
      const [from, to] = [client.db('copyFrom'), client.db('copyTo')]
      const many = Array.from({ length: 450 }, (_, n) => ({ n, text: 'x'.repeat(50), when: new Date(n) }))
      await from.collection('omegaml.a').insertMany(many)
      await from.collection('omegaml.a').createIndex({ n: 1 }, { unique: true, name: 'byNumber' })
      await from.collection<{ _id: string }>('b').insertOne({ _id: 'one' })
      const copy = async (replace: boolean) => await mongodb.copyDatabase('copyFrom', 'copyTo', { replace })
      const names = async () => (await to.collection('omegaml.a').indexes()).map(({ name }) => name)

      const none = { replaced: 0, differing: 0 }
      expect(await copy(false)).toEqual([
        { name: 'b', documents: 1, added: 1, ...none },
        { name: 'omegaml.a', documents: 450, added: 450, ...none },
      ])
      expect(await names()).toEqual(['_id_', 'byNumber'])
      expect(await to.collection('omegaml.a').findOne({ n: 7 })).toEqual(
        await from.collection('omegaml.a').findOne({ n: 7 }),
      )

      await to.collection('omegaml.a').deleteMany({ n: { $gte: 400 } })
      await to.collection('omegaml.a').updateOne({ n: 3 }, { $set: { text: 'other' } })
      expect((await copy(false))[1]).toMatchObject({ added: 50, replaced: 0, differing: 1 })
      expect((await copy(true))[1]).toMatchObject({ added: 0, replaced: 1, differing: 0 })
      expect((await copy(false))[1]).toMatchObject({ added: 0, ...none })
    } finally {
      await client.close()
    }
  })

  test('a full volume is told as such, and what was asked for is done once there is room', async () => {
    const { host, port, user, password } = server.admin
    const client = new MongoClient(`mongodb://${user}:${password}@${host}:${port}/?authSource=admin`)
    const data = { errorCode: 14_031, failCommands: ['createUser'] }
    const access = { user: 'uFull', password: 'secretFull', databases: ['dFull'] }
    try {
      await client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data })
      const full = { kind: 'unavailable', code: 'mongodb-full', message: expect.stringContaining('its volume is full') }
      await expect(createMongodb(server.admin).ensureUser(access)).rejects.toMatchObject(full)
      expect(await createMongodb(server.admin).ensureUser(access)).toBe(true)
    } finally {
      await client.close()
    }
  })

  test('a database is kept as files in another store, whole and once, and read back as it was', async () => {
    const { host, port, user, password } = server.admin
    const mongodb = createMongodb(server.admin)
    await mongodb.ensureUser({ user: 'uEve', password: 'secretEve', databases: ['dEve'] })
    const store = { server: `${host}:${port}`, user: 'uEve', password: 'secretEve', database: 'dEve' }
    const client = new MongoClient(`mongodb://${user}:${password}@${host}:${port}/?authSource=admin`)
    try {
      // More than a piece of a file: 255 KiB.
      const many = Array.from({ length: 450 }, (_, n) => ({ n, text: 'x'.repeat(2_000), when: new Date(n) }))
      await client.db('dumpFrom').collection('omegaml.a').insertMany(many)
      await client.db('dumpFrom').collection('omegaml.a').createIndex({ n: 1 }, { unique: true, name: 'byNumber' })
      for (const _again of [1, 2])
        expect(await mongodb.dumpDatabase('dumpFrom', store, 'x/1', {})).toEqual([
          { name: 'omegaml.a', documents: 450 },
        ])
      const bucket = new GridFSBucket(client.db('dEve'), { bucketName: 'dumps' })
      const files = (await bucket.find().toArray()).map(({ filename }) => filename)
      expect(files.toSorted()).toEqual(['x/1/omegaml.a.bson', 'x/1/omegaml.a.metadata.json'])
      const read = async (name: string) => Buffer.concat(await bucket.openDownloadStreamByName(name).toArray())
      const content = await read('x/1/omegaml.a.bson')
      const documents: unknown[] = []
      for (let at = 0; at < content.length; at += content.readInt32LE(at))
        documents.push(BSON.deserialize(content.subarray(at, at + content.readInt32LE(at))))
      expect(documents).toEqual(await client.db('dumpFrom').collection('omegaml.a').find().toArray())
      const about = JSON.parse((await read('x/1/omegaml.a.metadata.json')).toString()) as { indexes: object[] }
      expect(about.indexes).toMatchObject([{ name: '_id_' }, { name: 'byNumber', unique: true }])

      const foreign = { ...store, database: 'dBob' }
      const refused = { kind: 'forbidden', code: 'mongodb-forbidden' }
      await expect(mongodb.dumpDatabase('dumpFrom', foreign, 'x/1', {})).rejects.toMatchObject(refused)
    } finally {
      await client.close()
    }
  })

  test('a wrong administrator is forbidden, a silent server unavailable', async () => {
    const wrong = createMongodb({ ...server.admin, password: 'wrong' })
    await expect(wrong.listUsers()).rejects.toMatchObject({ kind: 'forbidden', code: 'mongodb-forbidden' })
    const dead = createMongodb({ ...server.admin, port: 1 })
    await expect(dead.listUsers()).rejects.toMatchObject({ kind: 'unavailable', code: 'mongodb-unreachable' })
  }, 20_000)
})
