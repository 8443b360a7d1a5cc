import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFakeAmqp, type FakeAmqp } from '../../src/adapters/amqp/fake.ts'
import { silentLog } from '../../src/base/log.ts'
import { repairBroker } from '../../src/schedules/broker-repair.ts'
import { RUN_EVERY_MS, runScheduledNotebooks } from '../../src/schedules/notebooks.ts'
import { type Service, startService } from './house.ts'

let service: Service
let admin: ReturnType<Service['as']>
let amqp: FakeAmqp

beforeEach(async () => {
  service = await startService()
  amqp = createFakeAmqp()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
})
afterEach(async () => await service.close())

async function signUp(name: string) {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  const caller = service.as(name, body.apikey)
  const order = async (plan: string, phase = 'install', params = {}) => {
    const answer = await caller.post('/api/v2/orders', { plan, phase, params })
    expect(answer).toMatchObject({ status: 201 })
    await service.ended(answer.body.id)
  }
  const brokerUrl = async () =>
    (await caller.get('/api/v1/config/?view=1')).body.objects[0].data.OMEGA_CELERY_CONFIG.BROKER_URL as string
  return { ...caller, apikey: body.apikey as string, order, brokerUrl }
}

const run = () => runScheduledNotebooks({ ...service.deps, amqp, log: silentLog })
const repair = () => repairBroker({ ...service.deps, broker: service.outside.rabbitmq, log: silentLog })

test('accounts with a schedule get their task once in a quarter of an hour, with their own key at their own broker', async () => {
  const [alice, bob] = [await signUp('alice'), await signUp('bob')]
  await signUp('carol')
  await alice.order('scheduler')
  await alice.order('runtime')
  await bob.order('scheduler')
  await Promise.all([run(), run()])
  const sent = new Map(amqp.sent.map((one) => [one.url, one]))
  expect([...sent.keys()].toSorted()).toEqual([await alice.brokerUrl(), await bob.brokerUrl()].toSorted())
  expect(amqp.sent).toHaveLength(2)
  const ours = sent.get(await alice.brokerUrl())
  expect(ours?.queue).toBe('default')
  expect(sent.get(await bob.brokerUrl())?.queue).toBe('q-bob')
  expect(ours?.message.headers['task']).toBe('omegaml.notebook.tasks.execute_scripts')
  expect(ours?.message.body.toString('latin1')).toContain(alice.apikey)
  // Headers are logged by workers.
  expect(JSON.stringify(ours?.message.headers)).not.toContain(alice.apikey)

  await run()
  expect(amqp.sent).toHaveLength(2)
  service.pass(RUN_EVERY_MS)
  await bob.order('scheduler', 'suspend')
  await run()
  expect(amqp.sent.map(({ queue }) => queue).slice(2)).toEqual(['default'])
})

test('an account whose broker refuses does not stop the others', async () => {
  const [alice, bob] = [await signUp('alice'), await signUp('bob')]
  for (const one of [alice, bob]) await one.order('scheduler')
  amqp.refuse(await alice.brokerUrl())
  await run()
  expect(amqp.sent.map(({ queue }) => queue)).toEqual(['q-bob'])
})

test('what the broker lost is ordered anew, and only that', async () => {
  const { rabbitmq } = service.outside
  const [alice, bob] = [await signUp('alice'), await signUp('bob')]
  await alice.order('runtime')
  const { pathname, username } = new URL(await alice.brokerUrl())
  const vhost = pathname.slice(1)
  const bobs = new URL(await bob.brokerUrl())
  const repairs = async () =>
    await service.db.selectFrom('commands').selectAll().where('requested_by', '=', 'broker-repair').execute()
  await repair()
  expect(await repairs()).toEqual([])

  await rabbitmq.deleteVhost(vhost)
  // Another engine sees the same.
  await Promise.all([repair(), repair()])
  const [command, ...more] = await repairs()
  expect(more).toEqual([])
  await service.ended(command?.id ?? 0)
  expect(await rabbitmq.findPermissions(vhost, username)).toEqual({ configure: '.*', write: '.*', read: '.*' })

  await rabbitmq.deleteUser(bobs.username)
  await repair()
  const second = (await repairs())[1]
  await service.ended(second?.id ?? 0)
  expect(await rabbitmq.canLogin(bobs.username, bobs.password)).toBe(true)
})
