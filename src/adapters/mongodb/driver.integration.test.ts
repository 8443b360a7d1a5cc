import { MongoClient } from 'mongodb'
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

  test('a wrong administrator is forbidden, a silent server unavailable', async () => {
    const wrong = createMongodb({ ...server.admin, password: 'wrong' })
    await expect(wrong.listUsers()).rejects.toMatchObject({ kind: 'forbidden', code: 'mongodb-forbidden' })
    const dead = createMongodb({ ...server.admin, port: 1 })
    await expect(dead.listUsers()).rejects.toMatchObject({ kind: 'unavailable', code: 'mongodb-unreachable' })
  }, 20_000)
})
