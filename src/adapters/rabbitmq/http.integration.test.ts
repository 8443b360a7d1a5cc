import { afterAll, beforeAll, expect, test } from 'vitest'
import { consumeFrom } from '../../../test/support/amqp.ts'
import type { TestRabbitmq } from '../../../test/support/rabbitmq.ts'
import { startRabbitmq } from '../../../test/support/rabbitmq.ts'
import { rabbitmqContract, rabbitmqMonitorContract } from './contract-suite.ts'
import { createRabbitmq, createRabbitmqMonitor } from './http.ts'

let server: TestRabbitmq
beforeAll(async () => {
  server = await startRabbitmq()
  // As the site's broker gets it from its definitions: a tag, and no right on any vhost.
  await createRabbitmq(server.admin).ensureUser(observer.user, observer.password, ['monitoring'])
})
afterAll(() => server?.stop())

const observer = { user: 'observer', password: 'observer-of-tests' }
const everything = { configure: '.*', write: '.*', read: '.*' }

rabbitmqContract(() => createRabbitmq(server.admin))
rabbitmqMonitorContract(() => ({
  broker: createRabbitmq(server.admin),
  monitor: createRabbitmqMonitor({ ...server.admin, ...observer }),
  consume: async (vhost, queues) => {
    const { user, password } = server.admin
    await createRabbitmq(server.admin).ensurePermissions(vhost, user, everything)
    return await consumeFrom({ ...server.amqp, user, password, vhost }, queues)
  },
}))

test('the observer sees consumers, but neither queues, messages, users nor definitions', async () => {
  await createRabbitmq(server.admin).ensureVhost('seen')
  const asObserver = createRabbitmq({ ...server.admin, ...observer })
  await expect(asObserver.listQueues('seen')).rejects.toMatchObject({ kind: 'forbidden' })
  await expect(asObserver.listUsers()).rejects.toMatchObject({ kind: 'forbidden' })
  await expect(asObserver.ensureQueue('seen', 'q')).rejects.toMatchObject({ kind: 'forbidden' })
  const authorization = `Basic ${Buffer.from(`${observer.user}:${observer.password}`).toString('base64')}`
  for (const path of ['/api/definitions', '/api/exchanges/seen', '/api/policies/seen'])
    expect((await fetch(`${server.admin.url}${path}`, { headers: { authorization } })).status, path).toBe(401)
})

test('a wrong administrator is forbidden, a silent server unavailable, a wrong definition refused', async () => {
  const wrong = createRabbitmq({ ...server.admin, password: 'wrong' })
  await expect(wrong.listVhosts()).rejects.toMatchObject({ kind: 'forbidden', code: 'rabbitmq-forbidden' })
  const dead = createRabbitmq({ ...server.admin, url: 'http://127.0.0.1:1' })
  await expect(dead.listVhosts()).rejects.toMatchObject({ kind: 'unavailable', code: 'rabbitmq-unreachable' })
  const broker = createRabbitmq(server.admin)
  await broker.ensureVhost('refused')
  const policy = { name: 'p', pattern: '(', definition: { nonsense: true }, applyTo: 'queues', priority: 0 } as const
  await expect(broker.ensurePolicy('refused', policy)).rejects.toMatchObject({
    kind: 'invalid',
    code: 'rabbitmq-refused',
  })
})
