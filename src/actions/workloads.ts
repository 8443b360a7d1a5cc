import type { Kubernetes, Manifest, ObjectRef, Readiness } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import type { ActionContext } from './action.ts'
import { waitUntil } from './wait-until.ts'
import { readinessOf } from './why-waiting.ts'

/** Kinds whose readiness others depend on; claims are left out because they may bind only when a pod uses them. */
const WAITED_FOR = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'Pod',
  'Namespace',
  'CustomResourceDefinition',
  'APIService',
])

/** Waits for one object after the other; a workload that gave up leaves its pods' last lines in the output. */
export async function waitForObjects(
  objects: readonly Manifest[],
  timeoutMs: number,
  parts: { readonly kubernetes: Kubernetes; readonly clock: Clock; readonly context: ActionContext },
): Promise<void> {
  const { kubernetes, clock, context } = parts
  const deadline = clock.now() + timeoutMs
  for (const object of objects.filter((one) => WAITED_FOR.has(one.kind))) {
    const ref = refOf(object)
    const look = lookAt(ref, kubernetes, clock)
    const check = async (): Promise<Readiness> => {
      const readiness = await look()
      if (readiness.state !== 'ready' && isSelfRemoving(object) && (await kubernetes.find(ref)) === undefined) {
        return { state: 'ready', reason: 'complete, and removed itself' }
      }
      return readiness
    }
    try {
      await waitUntil({ what: describeRef(ref), timeoutMs: Math.max(1, deadline - clock.now()), check }, clock, context)
    } catch (error) {
      if (!context.signal.aborted) await showLogs(ref, object, kubernetes, context)
      throw error
    }
  }
}

const STILL_MS = 3_000

/** Looks at a workload; asks its pods for the reason only where nothing went on for a while. */
function lookAt(ref: ObjectRef, kubernetes: Kubernetes, clock: Clock): () => Promise<Readiness> {
  let progress: string | undefined
  let since = clock.now()
  let told: Readiness | undefined
  return async () => {
    const alone = await kubernetes.readiness(ref, { alone: true })
    if (alone.state === 'ready') return alone
    const now = clock.now()
    if (alone.state === 'failed') return await readinessOf(kubernetes, ref, now)
    if (alone.reason !== progress) {
      // A container that starts again and again is broken in between as well.
      told = { ...alone, broken: told?.broken }
      since = now
    } else if (now - since >= STILL_MS) {
      told = await readinessOf(kubernetes, ref, now)
      since = now
    }
    progress = alone.reason
    return told ?? alone
  }
}

/**
 * Which pods of these workloads are still ending, and until when they may; the same text as long as it is the same, and
 * `undefined` when none is.
 */
export async function endingPods(objects: readonly Manifest[], kubernetes: Kubernetes): Promise<string | undefined> {
  const texts: string[] = []
  for (const object of objects) {
    const { namespace } = object.metadata
    const labels = podLabels(object)
    if (labels === '' || namespace === undefined) continue
    const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labels })
    for (const { metadata } of pods) {
      const until = metadata['deletionTimestamp']
      if (typeof until === 'string') texts.push(`${metadata.name} (killed at ${until.slice(11, 19)} UTC at the latest)`)
    }
  }
  return texts.length === 0 ? undefined : texts.join(', ')
}

/** A Job with a time to live is gone some time after it is complete, and that is as wanted. */
export function isSelfRemoving(object: Manifest): boolean {
  return (
    object.kind === 'Job' &&
    (object['spec'] as { ttlSecondsAfterFinished?: number } | undefined)?.ttlSecondsAfterFinished !== undefined
  )
}

/** A Job that failed blocks its own repetition: it is deleted, so that it is made anew. Answers with what was deleted. */
export async function clearFailedJobs(
  objects: readonly Manifest[],
  kubernetes: Kubernetes,
  context: ActionContext,
): Promise<readonly string[]> {
  const cleared: string[] = []
  for (const object of objects.filter((one) => one.kind === 'Job')) {
    const ref = refOf(object)
    if ((await kubernetes.readiness(ref)).state !== 'failed') continue
    context.output(`${describeRef(ref)} failed earlier: starting it anew`)
    await kubernetes.delete(ref, { signal: context.signal })
    cleared.push(describeRef(ref))
  }
  return cleared
}

async function showLogs(
  ref: ObjectRef,
  object: Manifest,
  kubernetes: Kubernetes,
  context: ActionContext,
): Promise<void> {
  const selector = ref.kind === 'Job' ? `batch.kubernetes.io/job-name=${ref.name}` : podLabels(object)
  if (selector === '' || ref.namespace === undefined) return
  try {
    const pods = await kubernetes.list(
      { apiVersion: 'v1', kind: 'Pod' },
      { namespace: ref.namespace, labels: selector },
    )
    const name = pods.at(-1)?.metadata.name
    if (name === undefined) return
    const text = await kubernetes.podLogs({ namespace: ref.namespace, name, lines: 20 })
    for (const line of text.split('\n').filter((one) => one !== '')) context.output(`${name}: ${line}`)
  } catch {
    // The logs are a help, their absence no second failure (a pod of several containers has no single log).
  }
}

/** As a selector; empty for what has no pods. */
function podLabels(object: Manifest): string {
  const spec = object['spec'] as { template?: { metadata?: { labels?: Record<string, string> } } } | undefined
  return Object.entries(spec?.template?.metadata?.labels ?? {})
    .map((pair) => pair.join('='))
    .join(',')
}
