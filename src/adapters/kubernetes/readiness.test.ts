import { expect, test } from 'vitest'
import type { Manifest } from './port.ts'
import { podSelector, readinessOf, withBroken, withUnscheduled } from './readiness.ts'

const object = (kind: string, spec: object, status: object, metadata: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'a', generation: 2, ...metadata },
  spec,
  status: { observedGeneration: 2, ...status },
})
const pod = (containerStatuses: readonly object[], conditions: readonly object[] = []): Manifest =>
  object('Pod', {}, { containerStatuses, conditions })
const pulling = pod([
  { name: 'web', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image web:1' } } },
])
const crashing = pod([
  {
    name: 'web',
    restartCount: 4,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
  },
])
const unscheduled = pod(
  [],
  [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: insufficient cpu' }],
)
const creating = pod([{ name: 'web', state: { waiting: { reason: 'ContainerCreating' } } }])

const cases: { given: Manifest; pods?: readonly Manifest[]; state: string; reason: RegExp; why: string }[] = [
  {
    given: object('Deployment', { replicas: 1 }, { replicas: 1, readyReplicas: 1, updatedReplicas: 1 }),
    state: 'ready',
    reason: /1 of 1/,
    why: 'a workload whose pods are ready serves',
  },
  {
    given: object('Deployment', { replicas: 0 }, {}),
    state: 'ready',
    reason: /0 of 0/,
    why: 'a workload that sleeps at zero is as wanted',
  },
  {
    given: object('Deployment', { replicas: 1 }, { observedGeneration: 1, readyReplicas: 1, updatedReplicas: 1 }),
    state: 'waiting',
    reason: /not looked/,
    why: 'numbers of an older generation do not count',
  },
  {
    given: object('StatefulSet', { replicas: 2 }, { replicas: 2, readyReplicas: 2, updatedReplicas: 1 }),
    state: 'waiting',
    reason: /1 of 2 pods up to date/,
    why: 'old pods are not the wanted ones',
  },
  {
    given: object(
      'StatefulSet',
      { replicas: 1, updateStrategy: { type: 'OnDelete' } },
      { replicas: 1, readyReplicas: 1, updatedReplicas: 0 },
    ),
    state: 'ready',
    reason: /1 of 1/,
    why: 'old pods of strategy OnDelete stay until someone deletes them',
  },
  {
    given: object('Deployment', {}, { replicas: 2, readyReplicas: 1, updatedReplicas: 1 }),
    state: 'waiting',
    reason: /still ending/,
    why: 'a rollout is over when the old pods are gone',
  },
  {
    given: object('Deployment', {}, {}),
    pods: [creating, pulling],
    state: 'waiting',
    reason: /^0 of 1 pods .*image pull back-off: no such image web:1/,
    why: 'an image that can not be pulled is named',
  },
  {
    given: object('Deployment', {}, {}),
    pods: [crashing],
    state: 'waiting',
    reason: /container web keeps crashing \(exit code 137, out of memory\), restarted 4 times/,
    why: 'a crash says how it ended',
  },
  {
    given: object('Deployment', {}, {}),
    pods: [unscheduled],
    state: 'waiting',
    reason: /no node takes it: .*insufficient cpu/,
    why: 'a pod without a node says why',
  },
  {
    given: object('DaemonSet', {}, { desiredNumberScheduled: 2, numberReady: 1, updatedNumberScheduled: 2 }),
    state: 'waiting',
    reason: /1 of 2/,
    why: 'a daemon is ready on every node',
  },
  {
    given: object('Job', {}, { conditions: [{ type: 'Complete', status: 'True' }] }),
    state: 'ready',
    reason: /complete/,
    why: 'a complete Job is done',
  },
  {
    given: object('Job', {}, { conditions: [{ type: 'Failed', status: 'True', message: 'too many retries' }] }),
    state: 'failed',
    reason: /too many retries/,
    why: 'a Job that gave up is not waited for',
  },
  {
    given: object('Job', {}, {}),
    state: 'waiting',
    reason: /0 of 1 pods complete/,
    why: 'a running Job is waited for',
  },
  {
    given: object('PersistentVolumeClaim', {}, { phase: 'Pending' }),
    state: 'waiting',
    reason: /pending/,
    why: 'a claim is ready when it is bound',
  },
  {
    given: object('Node', {}, { conditions: [{ type: 'Ready', status: 'False', message: 'CNI not ready' }] }),
    state: 'waiting',
    reason: /CNI not ready/,
    why: 'a node says what it lacks',
  },
  { given: object('ConfigMap', {}, {}), state: 'ready', reason: /exists/, why: 'what only exists is ready' },
]

for (const { given, pods, state, reason, why } of cases) {
  test(why, () => {
    const found = readinessOf(given, pods)
    expect(found.state).toBe(state)
    expect(found.reason).toMatch(reason)
  })
}

test('pods are found by the selector of their workload', () => {
  expect(podSelector(object('Deployment', { selector: { matchLabels: { a: 'b', c: 'd' } } }, {}))).toBe('a=b,c=d')
  expect(podSelector(object('Job', {}, {}))).toBe('batch.kubernetes.io/job-name=a')
  expect(podSelector(object('ConfigMap', {}, {}))).toBeUndefined()
})

const containers: { container: object; broken: boolean; why: string }[] = [
  { container: { state: { waiting: { reason: 'ImagePullBackOff' } } }, broken: true, why: 'an image that nobody has' },
  { container: { state: { running: {} }, restartCount: 5 }, broken: true, why: 'it runs, and will end as before' },
  { container: { state: { running: {} }, restartCount: 9, ready: true }, broken: false, why: 'it is ready now' },
  { container: { state: { waiting: { reason: 'ContainerCreating' } } }, broken: false, why: 'it is being made' },
  { container: { state: { running: {} }, restartCount: 1 }, broken: false, why: 'once may be chance' },
]
for (const { container, broken, why } of containers) {
  test(`whether a container will start by waiting: ${why}`, () => {
    const pod = object('Pod', {}, { containerStatuses: [{ name: 'a', ready: false, ...container }] })
    expect(withBroken({ state: 'waiting', reason: 'r' }, [pod]).broken ?? false).toBe(broken)
    expect(withBroken({ state: 'ready', reason: 'r' }, [pod]).broken).toBeUndefined()
  })
}

test('the pod that no node takes is named while it is waited for', () => {
  const pending = object('Pod', {}, { conditions: [{ type: 'PodScheduled', status: 'False' }] })
  const others = [object('Deployment', {}, {}), pending]
  expect(withUnscheduled({ state: 'waiting', reason: 'r' }, others).unscheduled).toBe(pending)
  expect(withUnscheduled({ state: 'ready', reason: 'r' }, others).unscheduled).toBeUndefined()
})
