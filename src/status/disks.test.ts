import { beforeEach, expect, test } from 'vitest'
import { createFakeKubelets, type FakeKubelets } from '../adapters/kubelet/fake.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { AppError } from '../base/errors.ts'
import { createDisks, type LookAtDisks } from './disks.ts'

let kubernetes: FakeKubernetes
let kubelets: FakeKubelets
let look: LookAtDisks
let said: [text: string, fields: object | undefined][]

beforeEach(() => {
  said = []
  kubernetes = createFakeKubernetes()
  kubelets = createFakeKubelets()
  const note = (text: string, fields?: object) => void said.push([text, fields])
  look = createDisks({ kubernetes, kubelets, log: { info: note, warn: note } })
})

async function node(name: string, address: string, { ready = 'True', annotations = {}, port = 10_250 } = {}) {
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations },
    status: {
      conditions: [{ type: 'Ready', status: ready }],
      addresses: [
        { type: 'Hostname', address: name },
        { type: 'InternalIP', address },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  })
}

test('the share that programs can’t use any more, by node', async () => {
  await node('n1', '10.0.0.1')
  await node('n2', '10.0.0.2', { port: 10_260 })
  kubelets.answer('10.0.0.1', { capacityBytes: 1e11, availableBytes: 25e9 })
  kubelets.answer('10.0.0.2', { capacityBytes: 3e10, availableBytes: 0 })
  expect([...(await look())]).toEqual([
    ['n1', 0.75],
    ['n2', 1],
  ])
  expect(kubelets.asked).toEqual([
    { address: '10.0.0.1', port: 10_250 },
    { address: '10.0.0.2', port: 10_260 },
  ])
  expect(said).toEqual([])
})

test('simulated nodes and those that are not ready are not asked', async () => {
  await node('kwok', '10.0.0.1', { annotations: { 'kwok.x-k8s.io/node': 'fake' } })
  await node('lost', '10.0.0.2', { ready: 'Unknown' })
  expect((await look()).size).toBe(0)
  expect(kubelets.asked).toEqual([])
})

test('a kubelet that can’t be reached, refuses or says nothing keeps nobody else from being told; said once', async () => {
  for (const [index, name] of ['n1', 'n2', 'n3', 'n4'].entries()) await node(name, `10.0.0.${index + 1}`)
  kubelets.answer('10.0.0.2', new AppError('forbidden', 'kubelet-forbidden', 'asking'))
  kubelets.answer('10.0.0.3', undefined)
  kubelets.answer('10.0.0.4', { capacityBytes: 2, availableBytes: 1 })
  expect([...(await look())]).toEqual([['n4', 0.5]])
  expect([...(await look())]).toEqual([['n4', 0.5]])
  expect(said).toEqual([['disks of nodes are not told', { nodes: 'n1, n2', reason: expect.any(String) }]])
  kubelets.answer('10.0.0.1', { capacityBytes: 2, availableBytes: 1 })
  kubelets.answer('10.0.0.2', { capacityBytes: 2, availableBytes: 1 })
  expect((await look()).size).toBe(3)
  expect(said[1]?.[0]).toBe('all nodes tell their disks again')
})

test('an API server that does not answer is said, and hurts nobody', async () => {
  kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'listing Node'))
  expect((await look()).size).toBe(0)
  expect(said).toHaveLength(1)
})
