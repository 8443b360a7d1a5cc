import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { startCluster, type TestCluster } from '../../test/support/kube-apiserver.ts'
import { needProgram } from '../../test/support/programs.ts'
import { createHelmCli } from '../adapters/helm/cli.ts'
import { createFakeRabbitmq } from '../adapters/rabbitmq/fake.ts'
import { silentLog } from '../base/log.ts'
import { Scaler } from './scaler.ts'

const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-scaler-'))
let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'om-alice' } })
})
afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const values = { shared: false, accountSecret: 'runtime-worker', queues: ['worker'], defaultTasks: true, replicas: 1 }

test('the chart’s runtime sleeps and wakes; orders change neither, and a suspended one stays as it is', async () => {
  const { kubernetes, kubeconfig } = cluster
  const helm = createHelmCli({ program: needProgram('helm'), folder, kubeconfig, kubernetes })
  const order = async (change: object) => {
    const chart = resolve('charts/omegaml-worker')
    await helm.upgrade({ name: 'runtime-worker', namespace: 'om-alice', chart, values: { ...values, ...change } })
  }
  const deployment = async () =>
    await kubernetes.find({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'om-alice', name: 'runtime-worker' })
  const replicas = async () => ((await deployment())?.['spec'] as { replicas: number } | undefined)?.replicas
  const broker = createFakeRabbitmq()
  await broker.ensureVhost('v')
  const tasks = (ready: number) => broker.setLoads('v', [{ queue: 'default', ready, unacknowledged: 0 }])
  const clock = createFakeClock()
  const scaler = new Scaler({ kubernetes, broker, vhostOf: async () => 'v', clock, log: silentLog })
  const pass = async (minutes: number) => {
    for (let passed = 0; passed < minutes; passed += 1) {
      await scaler.look()
      clock.advance(60_000)
    }
    await scaler.look()
  }

  await order({ sleepMinutes: 5 })
  await pass(4)
  expect(await replicas()).toBe(1)
  await pass(2)
  expect(await replicas()).toBe(0)

  await order({ sleepMinutes: 5, concurrency: 3 })
  expect(await replicas()).toBe(0)
  tasks(1)
  await pass(1)
  expect(await replicas()).toBe(1)
  await order({ sleepMinutes: 5, concurrency: 4 })
  expect(await replicas()).toBe(1)

  await order({ replicas: 0 })
  await pass(10)
  expect(await replicas()).toBe(0)

  tasks(0)
  await order({ sleepMinutes: 5 })
  expect(await replicas()).toBe(1)
  await pass(1)
  expect(await replicas()).toBe(1)
})
