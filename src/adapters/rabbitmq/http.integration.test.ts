import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestRabbitmq } from '../../../test/support/rabbitmq.ts'
import { startRabbitmq } from '../../../test/support/rabbitmq.ts'
import { rabbitmqContract } from './contract-suite.ts'
import { createRabbitmq } from './http.ts'

let server: TestRabbitmq
beforeAll(async () => {
  server = await startRabbitmq()
})
afterAll(() => server?.stop())

rabbitmqContract(() => createRabbitmq(server.admin))

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
