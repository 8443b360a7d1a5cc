import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Manifest } from '../../adapters/kubernetes/port.ts'
import { signedInAs } from '../testing.ts'
import { startStatusHouse, type StatusHouse } from '../testing-status.ts'

let house: StatusHouse
const keys = new Map<string, string>()

beforeEach(async () => {
  house = await startStatusHouse()
  keys.set('alice', await house.settled('alice'))
  keys.set('bobby', await house.settled('bobby'))
  keys.set('admin', await house.settled('admin', 'admin'))
  house.mongodb.setBytes((await house.qualifierOf('alice')).mongodbname, 8192)
})
afterEach(async () => await house.close())

async function ask(account: string, as: string) {
  const headers = signedInAs(as, keys.get(as) ?? '')
  const answer = await house.open.inject({ url: `/api/v2/accounts/${account}/status`, headers })
  return { status: answer.statusCode, body: answer.json() }
}

function server(ready: string, metadata: Partial<Manifest['metadata']> = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'jupyter', namespace: 'om-alice', labels: { component: 'singleuser-server' }, ...metadata },
    spec: { nodeName: 'n1' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
  }
}

test('pods, workers, bytes of the database and the notebook, for the account and for admins', async () => {
  await house.kubernetes.apply(server('True'))
  house.rabbitmq.setConsumers('omegaml', [{ queue: 'default', connection: 'a' }])
  const wanted = {
    userid: 'alice',
    pods: [{ name: 'jupyter', status: 'Running', ready: true, node: 'n1' }],
    workers: [{ name: 'celery@shared-1', queues: ['default'] }],
    database: { bytes: 8192 },
    notebook: 'running',
    problems: [],
  }
  expect(await ask('alice', 'alice')).toEqual({ status: 200, body: wanted })
  expect(await ask('alice', 'admin')).toEqual({ status: 200, body: wanted })
  expect((await ask('alice', 'bobby')).status).toBe(403)
})

test('of a pod that no node takes is told why', async () => {
  const pending = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'worker-1', namespace: 'om-alice' },
    spec: { containers: [{ resources: { requests: { cpu: '4' } } }] },
    status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes' }] },
  }
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status: { allocatable: { cpu: '2' } } }
  for (const object of [pending, node]) await house.kubernetes.apply(object)
  const waiting = 'no node fits (needs 4 cores, largest node has 2)'
  expect((await ask('alice', 'alice')).body.pods).toEqual([
    { name: 'worker-1', status: 'Pending', ready: false, waiting },
  ])
})

const notebooks: { pod: Manifest | undefined; notebook: string; why: string }[] = [
  { pod: undefined, notebook: 'stopped', why: 'there is no server' },
  { pod: server('False'), notebook: 'starting', why: 'its server is not ready' },
  { pod: server('True'), notebook: 'running', why: 'its server is ready' },
  { pod: server('True', { deletionTimestamp: '2026-11-24' }), notebook: 'stopped', why: 'its server is ending' },
  { pod: server('True', { labels: { app: 'worker' } }), notebook: 'stopped', why: 'another pod is no server' },
]
for (const { pod, notebook, why } of notebooks) {
  test(`the notebook is ${notebook} when ${why}`, async () => {
    if (pod !== undefined) await house.kubernetes.apply(pod)
    expect((await ask('alice', 'alice')).body.notebook).toBe(notebook)
  })
}

test('what can not be asked is null and named, the rest is answered', async () => {
  await house.rabbitmq.deleteVhost('omegaml')
  const { status, body } = await ask('alice', 'alice')
  expect(status).toBe(200)
  expect(body).toMatchObject({ pods: [], workers: null, notebook: 'stopped', database: { bytes: 8192 } })
  expect(body.problems).toEqual([{ part: 'workers', message: 'asking for the runtime workers' }])
})

test('asked again within seconds, the outside is left alone', async () => {
  await ask('alice', 'alice')
  await house.kubernetes.apply(server('True'))
  expect((await ask('alice', 'alice')).body.pods).toEqual([])
  house.time.now += 5_001
  expect((await ask('alice', 'alice')).body.pods).toHaveLength(1)
})

test('machines are told to admins with their size, their cluster and whose they are', async () => {
  const node = (name: string, labels: Record<string, string>): Manifest => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    status: { capacity: { cpu: '4', memory: '16Gi' }, conditions: [{ type: 'Ready', status: 'True' }] },
  })
  await house.kubernetes.apply(node('node-1', {}))
  await house.kubernetes.apply(node('alice-my-gpu-1', { 'omegaml.io/role': 'gpu', 'omegaml.io/pool': 'alice-my-gpu' }))
  const nodes = async (as: string) =>
    await house.open.inject({ url: '/api/v2/nodes', headers: signedInAs(as, keys.get(as) ?? '') })
  const size = { ready: 'True', cores: 4, memoryBytes: 16 * 1024 ** 3 }
  expect((await nodes('admin')).json()).toEqual({
    nodes: [
      { name: 'alice-my-gpu-1', role: 'gpu', pool: 'my-gpu', account: 'alice', ...size },
      { name: 'node-1', role: '-', ...size },
    ],
  })
  expect((await nodes('alice')).statusCode).toBe(403)
})
