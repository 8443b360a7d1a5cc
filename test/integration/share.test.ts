import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createMongodb } from '../../src/adapters/mongodb/driver.ts'
import { createRabbitmq } from '../../src/adapters/rabbitmq/http.ts'
import { siteWith } from '../../src/api/testing.ts'
import { type Service, startService } from '../journeys/house.ts'
import { type AmqpLogin, consumeFrom, sendTo, sendToExisting } from '../support/amqp.ts'
import { startMongod, type TestMongod } from '../support/mongod.ts'
import { startRabbitmq, type TestRabbitmq } from '../support/rabbitmq.ts'

/** What a share lets do, tried by the other account with what its config tells it: real MongoDB, real RabbitMQ. */
type Caller = ReturnType<Service['as']>

let mongod: TestMongod
let rabbit: TestRabbitmq
let service: Service
let admin: Caller
let alice: Caller
let bobby: Caller

beforeAll(async () => {
  mongod = await startMongod()
  rabbit = await startRabbitmq()
})
afterAll(async () => {
  await mongod?.stop()
  await rabbit?.stop()
})

beforeEach(async () => {
  const real = { mongodb: createMongodb(mongod.admin), rabbitmq: createRabbitmq(rabbit.admin) }
  const mongo = `${mongod.admin.host}:${mongod.admin.port}`
  const broker = `${rabbit.amqp.host}:${rabbit.amqp.port}`
  const site = siteWith({
    mongo: { publicHost: mongo, internalHost: mongo },
    broker: { publicHost: broker, internalHost: broker },
  })
  service = await startService(undefined, site, undefined, { real })
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  ;[alice, bobby] = [await make('alice'), await make('bobby')]
})
afterEach(async () => {
  for (const name of ['alice', 'bobby']) await admin.delete(`/api/v2/accounts/${name}`)
  await settled()
  await service.close()
})

async function make(name: string): Promise<Caller> {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  return service.as(name, body.apikey)
}

async function settled(): Promise<void> {
  const rows = await service.db.selectFrom('commands').select('id').execute()
  for (const { id } of rows) await service.ended(Number(id))
}

async function order(caller: Caller, wish: object): Promise<void> {
  const { status, body } = await caller.post('/api/v2/orders', wish)
  expect(status).toBe(201)
  await settled()
  expect((await admin.get(`/api/v2/commands/${body.id}`)).body).toMatchObject({ state: 'done' })
}
const share = async (phase: string, params: object = {}) =>
  await order(alice, { plan: 'share', phase, params: { with: 'bobby', ...params } })

async function configOf(caller: Caller, qualifier = 'default') {
  const { status, body } = await caller.get(`/api/v1/config/?view=1&qualifier=${qualifier}`)
  expect(status).toBe(200)
  const { data } = body.objects[0]
  const celery = data.OMEGA_CELERY_CONFIG as { BROKER_URL: string; CELERY_DEFAULT_QUEUE: string }
  return { mongo: String(data.OMEGA_MONGO_URL), queue: celery.CELERY_DEFAULT_QUEUE, broker: loginOf(celery.BROKER_URL) }
}

function loginOf(url: string): AmqpLogin {
  const { username: user, password, pathname } = new URL(url)
  return { ...rabbit.amqp, user, password, vhost: pathname.slice(1) }
}

/** As the client connects: the user lies in `admin`. */
async function withStore<T>(url: string, use: (client: MongoClient, database: string) => Promise<T>): Promise<T> {
  const client = new MongoClient(`${url}?authSource=admin&directConnection=true`, { serverSelectionTimeoutMS: 5_000 })
  try {
    return await use(client, new URL(url).pathname.slice(1))
  } finally {
    await client.close()
  }
}
const write = async (url: string, what: string) =>
  await withStore(url, async (client, database) => await client.db(database).collection('omegaml').insertOne({ what }))
const read = async (url: string) =>
  await withStore(url, async (client, database) =>
    (await client.db(database).collection('omegaml').find().toArray()).map(({ what }) => String(what)),
  )
const FORBIDDEN = { code: 13 }
/** A connection whose user was dropped: nobody, or the command needs somebody. */
const GONE = { code: expect.toSatisfy((code) => [11, 13, 18].includes(Number(code))) }
const SIGN_IN_FAILED = { code: 18 }
/** The broker ends the channel, or the connection. */
const REFUSED = /sent method (20\.40|10\.50)|closed the connection|ECONNRESET/

async function messagesIn(vhost: string, queue: string): Promise<number> {
  const { url, user, password } = rabbit.admin
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const where = `${url}/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(queue)}/get`
  const body = JSON.stringify({ count: 100, ackmode: 'ack_requeue_true', encoding: 'auto' })
  const headers = { authorization, 'content-type': 'application/json' }
  const answer = await fetch(where, { method: 'POST', headers, body })
  return ((await answer.json()) as unknown[]).length
}

test('the store is read and written, and no other; for reading it is read only', async () => {
  const own = await configOf(alice)
  await write(own.mongo, 'of alice')
  await share('install')
  const shared = await configOf(bobby, 'alice')
  expect(await read(shared.mongo)).toEqual(['of alice'])
  await write(shared.mongo, 'of bobby')
  expect(await read(own.mongo)).toEqual(['of alice', 'of bobby'])
  const others = new URL((await configOf(bobby)).mongo).pathname.slice(1)
  await withStore(shared.mongo, async (client) => {
    await expect(client.db(others).collection('omegaml').findOne()).rejects.toMatchObject(FORBIDDEN)
    await expect(client.db('admin').command({ usersInfo: 1 })).rejects.toMatchObject(FORBIDDEN)
  })
  await share('update', { access: 'read' })
  expect(await read(shared.mongo)).toHaveLength(2)
  await expect(write(shared.mongo, 'again')).rejects.toMatchObject(FORBIDDEN)
})

test('what is taken back ends at once, also for who is connected; the data stay', async () => {
  const own = await configOf(alice)
  await share('install')
  const { mongo, broker } = await configOf(bobby, 'alice')
  await write(mongo, 'of bobby')
  await withStore(mongo, async (client, database) => {
    await client.db(database).collection('omegaml').findOne()
    await share('remove')
    await expect(client.db(database).collection('omegaml').findOne()).rejects.toMatchObject(GONE)
  })
  await expect(read(mongo)).rejects.toMatchObject(SIGN_IN_FAILED)
  await expect(sendTo(broker, 'q-bobby.alice')).rejects.toThrow(REFUSED)
  expect(await read(own.mongo)).toEqual(['of bobby'])
})

test('on the shared vhost tasks go through a queue of the share’s own, and nobody else’s are seen', async () => {
  await share('install')
  const { broker, queue } = await configOf(bobby, 'alice')
  const before = await messagesIn(broker.vhost, 'default')
  await sendTo(broker, queue)
  await expect.poll(() => messagesIn(broker.vhost, 'default')).toBe(before + 1)
  for (const other of ['q-alice', 'q-bobby', 'default']) {
    await expect(sendTo(broker, other), other).rejects.toThrow(REFUSED)
    await expect(consumeFrom(broker, [other]), other).rejects.toThrow(REFUSED)
  }
  await expect(consumeFrom(broker, [queue])).rejects.toThrow(REFUSED)
})

test('on the giver’s own vhost tasks reach the giver’s workers, and the giver’s tasks can’t be read', async () => {
  await share('install')
  const shared = await configOf(bobby, 'alice')
  await order(admin, { plan: 'omegaml', phase: 'update', account: 'alice', params: { vhost: true } })
  const own = await configOf(alice)
  const { broker, queue } = await configOf(bobby, 'alice')
  expect(broker.vhost).toBe(own.broker.vhost)
  // Before any worker was there: it waits for the first one.
  await sendTo(broker, queue)
  await sendTo(own.broker, 'default', 'a task of alice')
  await expect.poll(() => messagesIn(broker.vhost, 'default')).toBe(2)
  await expect(consumeFrom(broker, ['default'])).rejects.toThrow(REFUSED)
  // A queue can't be emptied or deleted by who may not configure it; it may be sent to by name.
  await expect(sendTo(broker, 'default')).rejects.toThrow(REFUSED)
  await sendToExisting(broker, 'default')
  await expect(sendTo(shared.broker, 'q-bobby.alice')).rejects.toThrow(REFUSED)
})

test('with new credentials of who was given it the old ones end, and the giver’s removal ends it whole', async () => {
  await share('install')
  const before = await configOf(bobby, 'alice')
  const { body } = await bobby.post('/api/v2/accounts/bobby/credentials/rotate')
  await settled()
  bobby = service.as('bobby', body.apikey)
  const after = await configOf(bobby, 'alice')
  await expect(read(before.mongo)).rejects.toMatchObject(SIGN_IN_FAILED)
  expect(await read(after.mongo)).toEqual([])
  await expect(sendTo(before.broker, before.queue)).rejects.toThrow(REFUSED)
  await sendTo(after.broker, after.queue)

  await admin.delete('/api/v2/accounts/alice')
  await settled()
  await expect(read(after.mongo)).rejects.toMatchObject(SIGN_IN_FAILED)
  await expect(sendTo(after.broker, after.queue)).rejects.toThrow(REFUSED)
  expect((await bobby.get('/api/v1/config/?view=1&qualifier=alice')).status).toBe(404)
})
