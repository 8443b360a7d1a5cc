import { expect, test } from 'vitest'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import { type Surroundings, whyPodWaits } from './pod-waits.ts'

const now = Date.parse('2026-11-25T10:00:00Z')
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString()

interface PodWish {
  readonly cpu?: string
  readonly memory?: string
  readonly selector?: Record<string, string>
  readonly account?: string
  readonly gpus?: number
  readonly message?: string
}

const gpuOf = (gpus: number) => (gpus === 0 ? {} : { 'nvidia.com/gpu': String(gpus) })

const pod = ({
  cpu = '1',
  memory = '1Gi',
  selector = {},
  account,
  gpus = 0,
  message = '0/1 nodes are available',
}: PodWish = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'worker-1', namespace: 'om-alice' },
  spec: {
    containers: [{ name: 'a', resources: { requests: { cpu, memory, ...gpuOf(gpus) } } }, { name: 'b' }],
    nodeSelector: selector,
    tolerations: [
      ...(account === undefined ? [] : [{ key: 'omegaml.io/account', value: account, effect: 'NoSchedule' }]),
      ...(gpus === 0 ? [] : [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }]),
    ],
  },
  status: {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  },
})

interface NodeWish {
  readonly name?: string
  readonly pool?: string
  readonly cpu?: string
  readonly memory?: string
  readonly ready?: 'True' | 'False' | 'Unknown'
  readonly age?: number
  readonly changed?: number
  readonly account?: string
  readonly gpus?: number
  readonly cordoned?: boolean
}

const node = (wish: NodeWish = {}): Manifest => {
  const {
    name = 'node-1',
    pool,
    cpu = '2',
    memory = '4Gi',
    ready = 'True',
    age = 3600,
    account,
    gpus = 0,
    cordoned = false,
  } = wish
  const unready = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }
  const own = { key: 'omegaml.io/account', value: account, effect: 'NoSchedule' }
  const gpu = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      creationTimestamp: ago(age),
      labels: pool === undefined ? { role: 'worker' } : { role: 'worker', 'omegaml.io/pool': pool },
    },
    spec: {
      taints: [
        ...(ready === 'True' ? [] : [unready]),
        ...(account === undefined ? [] : [own]),
        ...(gpus === 0 ? [] : [gpu]),
      ],
      unschedulable: cordoned,
    },
    status: {
      allocatable: { cpu, memory, ...gpuOf(gpus) },
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime: ago(wish.changed ?? age) }],
    },
  }
}

const event = (reason: string, message: string, age: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: `${reason}-${age}` },
  reason,
  message,
  lastTimestamp: ago(age),
})

const workers = { selector: { 'omegaml.io/pool': 'workers' } }
const pool = (count: number, wish: NodeWish = {}) =>
  Array.from({ length: count }, (_, index) => node({ name: `workers-${index + 1}`, pool: 'workers', ...wish }))

const cases: { why: string; pod?: PodWish; around: Partial<Surroundings>; says: string }[] = [
  {
    why: 'more cores than the largest pool’s nodes have',
    pod: { cpu: '4' },
    around: { nodes: [...pool(1, { cpu: '1500m' }), node({ name: 'b', pool: 'b' })] },
    says: 'no pool fits (needs 4 cores, largest pool has 2)',
  },
  {
    why: 'more memory, of those that have the cores',
    pod: { cpu: '2', memory: '6Gi' },
    around: { nodes: [node({ memory: '4Gi' }), node({ name: 'b', cpu: '1', memory: '16Gi' })] },
    says: 'no node fits (needs 6 GB of memory, largest node has 4)',
  },
  {
    why: 'a pool whose nodes are all in use',
    pod: workers,
    around: { nodes: pool(3) },
    says: 'pool workers is at its max of 3 (needs 1 core and 1 GB)',
  },
  {
    why: 'a pool that may grow',
    pod: workers,
    around: { nodes: pool(1), poolMax: { workers: 3 } },
    says: 'pool workers is full (1 of 3 nodes, needs 1 core and 1 GB)',
  },
  {
    why: 'a pool that an autoscaler says can’t grow',
    pod: workers,
    around: {
      nodes: pool(2),
      events: [event('NotTriggerScaleUp', "pod didn't trigger scale-up: 1 max node group size reached", 5)],
    },
    says: 'pool workers is at its max of 2 (needs 1 core and 1 GB)',
  },
  {
    why: 'a node that an autoscaler makes',
    pod: workers,
    around: {
      nodes: pool(1),
      events: [event('NotTriggerScaleUp', 'backoff', 90), event('TriggeredScaleUp', '[{workers 1->2 (max: 3)}]', 40)],
    },
    says: 'a node is being made since 40 s',
  },
  {
    why: 'a node that an autoscaler makes for an empty pool',
    pod: workers,
    around: { nodes: [], events: [event('TriggeredScaleUp', '[{workers 0->1 (max: 3)}]', 300)] },
    says: 'a node is being made since 5 min',
  },
  {
    why: 'the only node is starting',
    pod: workers,
    around: { nodes: pool(1, { ready: 'False', age: 40 }) },
    says: 'node starting since 40 s (workers-1)',
  },
  {
    why: 'another node is starting beside full ones',
    pod: workers,
    around: { nodes: [...pool(1), node({ name: 'workers-2', pool: 'workers', ready: 'Unknown', age: 10 })] },
    says: 'node starting since 10 s (workers-2)',
  },
  {
    why: 'the only node was lost',
    pod: workers,
    around: { nodes: pool(1, { ready: 'Unknown', changed: 720 }) },
    says: 'node workers-1 is not ready since 12 min',
  },
  {
    why: 'the only node is being emptied',
    around: { nodes: [node({ cordoned: true })] },
    says: 'node node-1 takes no new pods (cordoned)',
  },
  { why: 'a pool of no nodes', pod: workers, around: { nodes: [node()] }, says: 'pool workers has no node' },
  {
    why: 'a label that no node has',
    pod: { selector: { 'omegaml.io/role': 'gpu' } },
    around: { nodes: [node()] },
    says: 'no node has omegaml.io/role=gpu',
  },
  {
    why: 'a node that has not said yet what it has',
    pod: { cpu: '4' },
    around: { nodes: [node({ cpu: '', memory: '', ready: 'False', age: 3 })] },
    says: 'node starting since 3 s (node-1)',
  },
  { why: 'a cluster without a node', around: { nodes: [] }, says: 'there is no node' },
  {
    why: 'nodes of somebody else',
    pod: { ...workers, account: 'bob' },
    around: { nodes: pool(1, { account: 'alice' }) },
    says: "the nodes that it asks for take others' pods only",
  },
  {
    why: 'nodes of its own account, which are full',
    pod: { ...workers, account: 'alice' },
    around: { nodes: pool(1, { account: 'alice' }) },
    says: 'pool workers is at its max of 1 (needs 1 core and 1 GB)',
  },
  {
    why: 'full nodes of no pool',
    around: { nodes: [node(), node({ name: 'node-2' })] },
    says: 'all 2 nodes that fit are full (needs 1 core and 1 GB)',
  },
  {
    why: 'a GPU that no node has',
    pod: { gpus: 1 },
    around: { nodes: [node()] },
    says: 'no node fits (needs 1 GPU, no node has one)',
  },
  {
    why: 'more GPUs than a machine has',
    pod: { gpus: 2 },
    around: { nodes: [node(), node({ name: 'b', gpus: 1 })] },
    says: 'no node fits (needs 2 GPUs, largest node has 1)',
  },
  {
    why: 'a machine with GPUs that is in use, beside free ones without',
    pod: { gpus: 1 },
    around: { nodes: [node(), node({ name: 'b', gpus: 1 })] },
    says: 'the node that fits is full (needs 1 GPU, 1 core and 1 GB)',
  },
  {
    why: 'a machine that has not said yet what it has',
    pod: { gpus: 1 },
    around: { nodes: [node(), node({ name: 'b', ready: 'False', age: 9 })] },
    says: 'node starting since 9 s (b)',
  },
  {
    why: 'machines with GPUs, without asking for one',
    around: { nodes: [node({ gpus: 1 })] },
    says: 'the nodes that it asks for take only what asks for GPUs',
  },
  {
    why: 'a claim that is not bound',
    pod: { message: 'pod has unbound immediate PersistentVolumeClaims' },
    around: { nodes: [node()] },
    says: 'it waits for its volume: pod has unbound immediate PersistentVolumeClaims',
  },
]
for (const { why, pod: wish, around, says } of cases)
  test(`${why}: ${says}`, () => expect(whyPodWaits(pod(wish), { nodes: [], now, ...around })).toBe(says))

test('a pod that has a node waits for none', () => {
  const taken = { ...pod(), status: { conditions: [{ type: 'PodScheduled', status: 'True' }] } }
  expect(whyPodWaits(taken, { nodes: [], now })).toBeUndefined()
})
