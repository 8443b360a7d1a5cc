import { resolve } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { execa } from 'execa'
import { createMongodb } from '../../src/adapters/mongodb/driver.ts'
import { createRabbitmq } from '../../src/adapters/rabbitmq/http.ts'
import { siteWith } from '../../src/api/testing.ts'
import { outcomeOf } from '../e2e/client.ts'
import { expectRefused, type Outcome } from '../e2e/intruder.ts'
import { type Service, startService } from '../journeys/house.ts'
import { startMongod, type TestMongod } from '../support/mongod.ts'
import { startRabbitmq, type TestRabbitmq } from '../support/rabbitmq.ts'

/** The list of attacks by an account with valid credentials, on a real MongoDB, a real RabbitMQ and the API's public side. */
let mongod: TestMongod
let rabbit: TestRabbitmq
let service: Service
let apiUrl: string

beforeAll(async () => {
  mongod = await startMongod()
  rabbit = await startRabbitmq()
  const real = { mongodb: createMongodb(mongod.admin), rabbitmq: createRabbitmq(rabbit.admin) }
  const mongo = `${mongod.admin.host}:${mongod.admin.port}`
  const broker = `${rabbit.amqp.host}:${rabbit.amqp.port}`
  const hosts = {
    mongo: { publicHost: mongo, internalHost: mongo },
    broker: { publicHost: broker, internalHost: broker },
  }
  service = await startService(undefined, siteWith(hosts), undefined, { real })
  await service.open.listen({ host: '127.0.0.1', port: 0 })
  apiUrl = `http://127.0.0.1:${(service.open.server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await service?.close()
  await rabbit?.stop()
  await mongod?.stop()
})

async function make(admin: ReturnType<Service['as']>, name: string): Promise<string> {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  return body.apikey as string
}

test('an account on the shared runtime is refused everything of another’s, by those who should refuse it', async () => {
  const { body } = await service.bootstrap()
  const admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  const [anna, boris] = [await make(admin, 'anna'), await make(admin, 'boris')]
  const { data } = (await service.as('boris', boris).get('/api/v1/config/?view=1')).body.objects[0]
  const name = (url: string) => new URL(url).pathname.slice(1)
  const env = {
    USERID: 'anna',
    APIKEY: anna,
    API_URL: apiUrl,
    VICTIM: 'boris',
    VICTIM_DATABASE: name(data.OMEGA_MONGO_URL),
    VICTIM_VHOST: name(data.OMEGA_CELERY_CONFIG.BROKER_URL),
  }
  const python = process.env['CLOUDMGR_TEST_PYTHON'] ?? 'python3'
  const program = resolve(import.meta.dirname, '../e2e/intruder.py')
  const done = await execa(python, [program], {
    env: { PATH: process.env['PATH'], ...env },
    extendEnv: false,
    reject: false,
  })
  const outcome = outcomeOf<Outcome>('intruder.py', done)
  expect(Object.keys(outcome).length).toBeGreaterThan(70)
  expectRefused(outcome)
}, 120_000)
