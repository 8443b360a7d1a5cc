import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRabbitmq, type TestRabbitmq } from '../../../test/support/rabbitmq.ts'
import { createRabbitmq } from '../rabbitmq/http.ts'
import { amqpContract, messageOf } from './contract-suite.ts'
import { createAmqp } from './driver.ts'

let server: TestRabbitmq
const amqp = createAmqp()
const everything = { configure: '.*', write: '.*', read: '.*' }

beforeAll(async () => {
  server = await startRabbitmq()
  const admin = createRabbitmq(server.admin)
  await admin.ensureVhost('v')
  for (const [user, rights] of [
    ['alice', everything],
    ['guest2', { configure: '^$', write: '^$', read: '^$' }],
  ] as const) {
    await admin.ensureUser(user, 'secretWord')
    await admin.ensurePermissions('v', user, rights)
  }
  await admin.ensurePermissions('v', server.admin.user, everything)
})
afterAll(() => server?.stop())

const access = (user: string, password = 'secretWord', port = server.amqp.port) => ({
  url: `amqp://${user}:${password}@127.0.0.1:${port}/v`,
  tls: false,
})

/** Looked at as an administrator, and put back. */
async function lying(queue: string): Promise<string[]> {
  const { url, user, password } = server.admin
  const response = await fetch(`${url}/api/queues/v/${queue}/get`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
    body: JSON.stringify({ count: 10, ackmode: 'ack_requeue_true', encoding: 'auto' }),
  })
  return ((await response.json()) as { payload: string }[]).map(({ payload }) => payload)
}

amqpContract(() => ({ amqp, access: access('alice'), stranger: access('alice', 'wrongWord'), lying }))

test('who has no right on the queue is forbidden, a broker that is away unavailable', async () => {
  const refused = amqp.send(access('guest2'), 'other', messageOf('x'))
  await expect(refused).rejects.toMatchObject({ kind: 'forbidden', code: 'broker-forbidden' })
  const away = amqp.send(access('alice', 'secretWord', 1), 'other', messageOf('x'))
  await expect(away).rejects.toMatchObject({ kind: 'unavailable', code: 'broker-unreachable' })
})
