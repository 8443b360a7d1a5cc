import type { Kubernetes, ObjectRef, Readiness } from '../adapters/kubernetes/port.ts'
import { kindOf } from '../base/errors.ts'
import { whyPodWaits } from '../clusters/pod-waits.ts'

/** Readiness; where no node takes a pod, with the reason in words instead of the scheduler's count of nodes. */
export async function readinessOf(kubernetes: Kubernetes, ref: ObjectRef, now: number): Promise<Readiness> {
  const readiness = await kubernetes.readiness(ref)
  const { unscheduled: pod, reason } = readiness
  if (pod === undefined) return readiness
  const why = await whyOf(kubernetes, { ...pod, kind: 'Pod', apiVersion: 'v1' }, now)
  if (why === undefined) return readiness
  const [before = ''] = reason.split(/:? ?no node takes it/)
  return { ...readiness, reason: before === '' ? why : `${before}: ${why}` }
}

async function whyOf(kubernetes: Kubernetes, pod: NonNullable<Readiness['unscheduled']>, now: number) {
  const { namespace, name } = pod.metadata
  try {
    const [nodes, events] = await Promise.all([
      kubernetes.list({ apiVersion: 'v1', kind: 'Node' }),
      eventsOf(kubernetes, namespace),
    ])
    const ofPod = events?.filter((event) => (event['involvedObject'] as { name?: string } | undefined)?.name === name)
    return whyPodWaits(pod, { nodes, events: ofPod, now })
  } catch {
    // The scheduler's words do as well: waiting must not end for want of a better reason.
    return undefined
  }
}

/** An autoscaler tells by events what it does; where nobody may read them, nodes tell the most of it. */
async function eventsOf(kubernetes: Kubernetes, namespace: string | undefined) {
  try {
    return await kubernetes.list({ apiVersion: 'v1', kind: 'Event' }, { namespace })
  } catch (error) {
    if (kindOf(error) === 'forbidden') return undefined
    throw error
  }
}
