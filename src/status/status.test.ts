import { expect, test } from 'vitest'
import { createFakeMongodb } from '../adapters/mongodb/fake.ts'
import { createFakeRabbitmq } from '../adapters/rabbitmq/fake.ts'
import { openDatabase } from '../db/database.ts'
import type { Qualifier } from '../deployments/settings.ts'
import { parseSiteFacts } from '../deployments/site-facts.ts'
import { AccountStatus } from './status.ts'

const hub = 'http://hub.omega.localhost'
const site = parseSiteFacts(
  {
    domain: 'omega.localhost',
    publicUrl: hub,
    notebookUrl: hub,
    internalUrl: hub,
    mongo: { publicHost: 'mongo.omega.localhost:27018', internalHost: 'mongodb:27017' },
    broker: { publicHost: 'broker.omega.localhost:5671', internalHost: 'rabbitmq:5672', vhost: 'omegaml' },
    images: { runtime: 'r' },
  },
  'the test',
)
const shared: Qualifier = {
  mongodbname: 'dAlice',
  mongouser: 'uAlice',
  mongopassword: 'pAlice',
  brokervhost: 'omegaml',
}
const own: Qualifier = { ...shared, brokervhost: 'alice', 'mongohost.in': 'mongodb.om-alice:27017' }
const clock = { now: () => 0, sleep: async () => {} }
const db = openDatabase('sqlite::memory:')

test('an own runtime is asked for in its own vhost, with names and labels; a shared one without', async () => {
  const broker = createFakeRabbitmq()
  for (const vhost of ['omegaml', 'alice']) {
    await broker.ensureVhost(vhost)
    broker.setConsumers(vhost, [
      { queue: 'default', connection: 'a' },
      { queue: 'gpu', connection: 'a' },
      { queue: `celery@${vhost}-0.celery.pidbox`, connection: 'a' },
    ])
  }
  const status = new AccountStatus({ db, clock, site, broker })
  expect(await status.workers(own)).toEqual([{ name: 'celery@alice-0', queues: ['default', 'gpu'] }])
  expect(await status.workers(shared)).toEqual([{ name: 'celery@shared-1', queues: ['default'] }])
  expect(await status.workers()).toEqual(await status.workers(shared))
})

test('the database is asked where it is: the site’s, or the account’s own server', async () => {
  const asked: string[] = []
  const mongodb = createFakeMongodb()
  await mongodb.ensureUser({ user: 'uAlice', password: 'pAlice', databases: ['dAlice'] })
  const databases = {
    databaseBytes: async (login: Parameters<typeof mongodb.databaseBytes>[0]) => {
      asked.push(login.server)
      return await mongodb.databaseBytes(login)
    },
  }
  const status = new AccountStatus({ db, clock, site, databases })
  for (const qualifier of [shared, own]) expect(await status.databaseBytes(qualifier)).toBe(0)
  expect(asked).toEqual(['mongodb:27017', 'mongodb.om-alice:27017'])
})
