import { expect, test } from 'vitest'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import { readinessOf } from './why-waiting.ts'

const now = Date.parse('2026-11-29T12:00:00Z')
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString()
const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'runtime-worker', namespace: 'om-alice' }
const pool = { 'omegaml.io/pool': 'alice-gpu' }

const pod: Manifest = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'runtime-worker-1', namespace: 'om-alice' },
  spec: { nodeSelector: pool, containers: [{ resources: { requests: { cpu: '2' } } }] },
  status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }] },
}

/** A cluster with one node of the pool, where a pod waits. */
async function cluster(node: { cpu: string; ready: boolean; since: number }): Promise<Kubernetes> {
  const kubernetes = createFakeKubernetes()
  const conditions = [{ type: 'Ready', status: node.ready ? 'True' : 'False', lastTransitionTime: ago(node.since) }]
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'alice-gpu-1', labels: pool, creationTimestamp: ago(node.since) },
    status: { allocatable: { cpu: node.cpu, memory: '8Gi' }, conditions },
  })
  kubernetes.setReadiness(ref, { state: 'waiting', reason: '0 of 1 ready: no node takes it', unscheduled: pod })
  return kubernetes
}

const forbidden = (kubernetes: Kubernetes): Kubernetes => ({
  ...kubernetes,
  list: async (kind, where) => {
    if (kind.kind === 'Event') throw new AppError('forbidden', 'kubernetes-forbidden', 'listing Event')
    return await kubernetes.list(kind, where)
  },
})

const cases = [
  { node: { cpu: '1', ready: true, since: 600 }, says: 'no pool fits (needs 2 cores', why: 'its nodes are too small' },
  { node: { cpu: '2', ready: true, since: 600 }, says: 'pool alice-gpu is at its max of 1', why: 'its nodes are full' },
  { node: { cpu: '2', ready: false, since: 40 }, says: 'node starting since 40 s', why: 'its node is on the way' },
]

for (const { node, says, why } of cases)
  test(`a step says why its pod waits, also where nobody may read events: ${why}`, async () => {
    const kubernetes = await cluster(node)
    for (const seen of [kubernetes, forbidden(kubernetes)])
      expect((await readinessOf(seen, ref, now)).reason).toContain(`0 of 1 ready: ${says}`)
  })
