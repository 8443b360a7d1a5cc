import { beforeEach, expect, test } from 'vitest'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../adapters/kubernetes/fake.ts'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import { refOf } from '../adapters/kubernetes/port.ts'
import { createFakeRabbitmq, type FakeRabbitmq } from '../adapters/rabbitmq/fake.ts'
import { silentLog } from '../base/log.ts'
import { Scaler } from './scaler.ts'

let kubernetes: FakeKubernetes
let broker: FakeRabbitmq
let clock: ReturnType<typeof createFakeClock>

beforeEach(async () => {
  kubernetes = createFakeKubernetes()
  broker = createFakeRabbitmq()
  clock = createFakeClock()
  for (const account of ['alice', 'bob']) {
    await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `om-${account}` } })
    await broker.ensureVhost(`vhost-of-${account}`)
  }
})

/** As the chart of workers writes it. */
function runtime(account: string, { sleepMinutes = 5, least = 1, revision = 1 } = {}): Manifest {
  const rules = { least, most: least, sleepMinutes, concurrency: 2, queues: ['worker', 'default'], revision }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'runtime-worker',
      namespace: `om-${account}`,
      labels: { 'cloudmgr.io/scaling': 'engine' },
      annotations: { 'cloudmgr.io/scaling': JSON.stringify(rules) },
    },
    spec: { replicas: 1 },
  }
}

const scaler = () =>
  new Scaler({ kubernetes, broker, vhostOf: async (account) => `vhost-of-${account}`, clock, log: silentLog })

async function replicas(account: string): Promise<number> {
  const found = await kubernetes.find(refOf(runtime(account)))
  return (found?.['spec'] as { replicas: number } | undefined)?.replicas ?? NaN
}

const tasks = (account: string, queue: string, ready: number, unacknowledged = 0) =>
  broker.setLoads(`vhost-of-${account}`, [{ queue, ready, unacknowledged }])

test('after its quiet time a runtime sleeps, also when the engine was restarted meanwhile, and a task wakes it', async () => {
  await kubernetes.apply(runtime('alice'))
  await scaler().look()
  clock.advance(4 * 60_000)
  await scaler().look()
  expect(await replicas('alice')).toBe(1)
  clock.advance(60_000)
  await scaler().look()
  expect(await replicas('alice')).toBe(0)
  tasks('alice', 'default', 1)
  await scaler().look()
  expect(await replicas('alice')).toBe(1)
})

test('an order that changes it begins the quiet time anew', async () => {
  await kubernetes.apply(runtime('alice'))
  await scaler().look()
  clock.advance(6 * 60_000)
  const { annotations } = runtime('alice', { revision: 2 }).metadata
  await kubernetes.change(refOf(runtime('alice')), { metadata: { annotations } })
  await scaler().look()
  expect(await replicas('alice')).toBe(1)
  clock.advance(5 * 60_000)
  await scaler().look()
  expect(await replicas('alice')).toBe(0)
})

test('a task that runs keeps it awake; other queues and other accounts do not', async () => {
  for (const account of ['alice', 'bob']) await kubernetes.apply(runtime(account))
  tasks('alice', 'worker', 0, 1)
  tasks('bob', '0a1b2c3d-reply', 3, 2)
  for (let minutes = 0; minutes < 7; minutes += 1) {
    await scaler().look()
    clock.advance(60_000)
  }
  expect([await replicas('alice'), await replicas('bob')]).toEqual([1, 0])
})

test('a runtime without rules is left alone: what was suspended never wakes', async () => {
  const { metadata } = runtime('alice')
  const suspended = {
    ...runtime('alice'),
    metadata: { ...metadata, labels: {}, annotations: {} },
    spec: { replicas: 0 },
  }
  await kubernetes.apply(suspended)
  tasks('alice', 'worker', 5)
  await scaler().look()
  expect(await replicas('alice')).toBe(0)
})

test('an order that changes it meanwhile wins', async () => {
  await kubernetes.apply(runtime('alice', { least: 2 }))
  tasks('alice', 'worker', 9)
  const changing = new Scaler({
    kubernetes: {
      ...kubernetes,
      change: async (ref, fields) => {
        await kubernetes.change(ref, { metadata: { labels: { 'cloudmgr.io/scaling': null } }, spec: { replicas: 0 } })
        await kubernetes.change(ref, fields)
      },
    },
    broker,
    vhostOf: async (account) => `vhost-of-${account}`,
    clock,
    log: silentLog,
  })
  await changing.look()
  expect(await replicas('alice')).toBe(0)
})

test('an account whose queues can’t be read does not keep the others from being woken', async () => {
  for (const account of ['alice', 'bob']) {
    await kubernetes.apply(runtime(account))
    await kubernetes.change(refOf(runtime(account)), { spec: { replicas: 0 } })
  }
  await broker.deleteVhost('vhost-of-alice')
  tasks('bob', 'worker', 1)
  await scaler().look()
  expect([await replicas('alice'), await replicas('bob')]).toEqual([0, 1])
})
