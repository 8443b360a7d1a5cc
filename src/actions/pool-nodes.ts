import type { Kubernetes, Manifest, ObjectRef, Readiness } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { POOL_LABEL } from '../clusters/nodepool.ts'
import type { ActionContext } from './action.ts'
import { waitUntil } from './wait-until.ts'

/** A machine that starts, installs k3s and joins. */
const READY_MS = 900_000
/** What has not gone by then goes with its machine. */
const DRAIN_MS = 300_000
const PAUSE_MS = 1000

export interface PoolNodes {
  readonly kubernetes: Kubernetes
  readonly clock: Clock
}

/** Nodes of a pool that are there, by name. */
export async function nodesOf(kubernetes: Kubernetes, pool: string): Promise<readonly Manifest[]> {
  return await kubernetes.list({ apiVersion: 'v1', kind: 'Node' }, { labels: `${POOL_LABEL}=${pool}` })
}

/** Waits until as many nodes of the pool are ready; says how many are. */
export async function untilReady(
  { kubernetes, clock }: PoolNodes,
  pool: string,
  size: number,
  context: ActionContext,
): Promise<void> {
  const check = async (): Promise<Readiness> => {
    const ready = (await nodesOf(kubernetes, pool)).filter(isReady).length
    return { state: ready >= size ? 'ready' : 'waiting', reason: `${ready} of ${size} nodes ready` }
  }
  await waitUntil({ what: `node pool ${pool}`, timeoutMs: READY_MS, check }, clock, context)
}

/** Empties the pool's nodes whose machines are to go. Answers with the nodes' names. */
export async function drainAllBut(
  parts: PoolNodes,
  pool: string,
  stay: readonly string[],
  context: ActionContext,
): Promise<readonly string[]> {
  const going = (await nodesOf(parts.kubernetes, pool)).filter(({ metadata }) => !stay.includes(metadata.name))
  return await drain(parts, going, context)
}

/**
 * Empties nodes: no new pods, those that are there asked to go as their disruption budgets allow, for five minutes at most.
 * Answers with the nodes' names.
 */
export async function drain(
  { kubernetes, clock }: PoolNodes,
  going: readonly Manifest[],
  context: ActionContext,
): Promise<readonly string[]> {
  for (const { metadata } of going) await kubernetes.change(nodeRef(metadata.name), { spec: { unschedulable: true } })
  const alive = going.filter(isReady).map(({ metadata }) => metadata.name)
  const end = clock.now() + DRAIN_MS
  for (;;) {
    context.signal.throwIfAborted()
    const pods = await podsOn(kubernetes, alive)
    if (pods.length === 0 || clock.now() >= end) break
    context.waiting(`${pods.length} pods to leave ${alive.join(', ')}`, { idle: true })
    for (const { metadata } of pods)
      if (metadata['deletionTimestamp'] === undefined)
        await kubernetes.evict({ namespace: metadata.namespace ?? 'default', name: metadata.name })
    await clock.sleep(PAUSE_MS, context.signal)
  }
  context.waiting(undefined)
  const names = going.map(({ metadata }) => metadata.name)
  if (names.length > 0) context.output(`drained ${names.join(', ')}`)
  return names
}

/** Takes nodes away whose machines are gone; a cloud controller may have done it. */
export async function forgetNodes(kubernetes: Kubernetes, names: readonly string[], context: ActionContext) {
  for (const name of names) await kubernetes.delete(nodeRef(name), { signal: context.signal })
}

function nodeRef(name: string): ObjectRef {
  return { apiVersion: 'v1', kind: 'Node', name }
}

export function isReady(node: Manifest): boolean {
  const { conditions = [] } = (node['status'] ?? {}) as { conditions?: { type: string; status: string }[] }
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** But for those that belong to the node itself. */
async function podsOn(kubernetes: Kubernetes, nodes: readonly string[]): Promise<readonly Manifest[]> {
  if (nodes.length === 0) return []
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' })
  return pods.filter(({ metadata, spec, status }) => {
    const { nodeName = '' } = (spec ?? {}) as { nodeName?: string }
    const { phase = '' } = (status ?? {}) as { phase?: string }
    const owners = (metadata['ownerReferences'] ?? []) as { kind: string }[]
    const isOfNode = owners.some(({ kind }) => kind === 'DaemonSet' || kind === 'Node')
    return nodes.includes(nodeName) && !isOfNode && !['Succeeded', 'Failed'].includes(phase)
  })
}

/** Where a cluster's machines are another root's: its pools can't be ordered one by one. */
export function poolsElsewhere(cluster: string): AppError {
  const text = `machines of cluster ${cluster} are ordered with it: change its size instead (plan cluster)`
  return new AppError('conflict', 'pool-of-cluster', text, { details: { field: 'cluster', value: cluster } })
}
