import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Db } from '../db/database.ts'
import { quantity } from '../base/quantity.ts'
import type { LookAtDisks } from './disks.ts'
import type { Usage } from './series.ts'
import { COARSE_MS, hasSample, insertSample, type Scope, thinSamples } from './store.ts'

export interface SamplerParts {
  readonly db: Db
  readonly kubernetes: Pick<Kubernetes, 'list'>
  /** The clusters beside the site's own, by name. */
  readonly others?: () => Promise<ReadonlyMap<string, Pick<Kubernetes, 'list'>>>
  readonly clock: Clock
  /** Absent where kubelets can't be asked. */
  readonly disks?: LookAtDisks | undefined
}

export const SAMPLE_MS = 30_000
const ACCOUNTS = 'om-'
const METRICS = 'metrics.k8s.io/v1beta1'

/** Notes what nodes and accounts' pods use, every half minute until `signal`; the API reads it from the rows. */
export async function keepSampling(parts: SamplerParts & { log: Log; signal: AbortSignal }): Promise<void> {
  const { clock, log, signal } = parts
  let said: string | undefined
  while (!signal.aborted) {
    try {
      await takeSample(parts)
      if (said !== undefined) log.info('metrics are there again')
      said = undefined
    } catch (error) {
      // A site without metrics-server works all the same; said once, not every half minute.
      const reason = explain(error)
      if (reason !== said) log.warn('no metrics', { reason })
      said = reason
    }
    const pauseMs = SAMPLE_MS - (clock.now() % SAMPLE_MS)
    // Rejects when it is time to stop: the loop sees that itself.
    await clock.sleep(pauseMs, signal).catch(() => undefined)
  }
}

/** The present half minute, unless it is there already: two engines take turns, and a restarted one goes on. */
export async function takeSample({ db, kubernetes, others, clock, disks }: SamplerParts): Promise<boolean> {
  const at = clock.now() - (clock.now() % SAMPLE_MS)
  if (await hasSample(db, at)) return false
  const beside = [...((await others?.()) ?? [])]
  const seen = await Promise.all([
    metricsOf(kubernetes),
    // One that is away has no metrics, and keeps nobody else's from being noted.
    ...beside.map(async ([name, one]) => await metricsOf(one, `${name}/`).catch(() => nothing)),
  ])
  const full = await disks?.()
  const [nodes, pods] = [seen.flatMap((one) => one.nodes), seen.flatMap((one) => one.pods)]
  const isNew = await insertSample(db, at, usageOf(nodes, pods, full))
  if (isNew && at % COARSE_MS === 0) await thinSamples(db, at)
  return isNew
}

interface Seen {
  readonly nodes: readonly Manifest[]
  readonly pods: readonly Manifest[]
}

const nothing: Seen = { nodes: [], pods: [] }

/** Nodes of different clusters may have one name. */
async function metricsOf(kubernetes: Pick<Kubernetes, 'list'>, prefix = ''): Promise<Seen> {
  const [nodes, pods] = await Promise.all([
    kubernetes.list({ apiVersion: METRICS, kind: 'NodeMetrics' }),
    kubernetes.list({ apiVersion: METRICS, kind: 'PodMetrics' }),
  ])
  const named = nodes.map((node) => ({
    ...node,
    metadata: { ...node.metadata, name: `${prefix}${node.metadata.name}` },
  }))
  return { nodes: named, pods }
}

interface Metrics {
  readonly usage?: Readonly<Record<string, string>>
  readonly containers?: readonly { readonly usage?: Readonly<Record<string, string>> }[]
}

function usageOf(
  nodes: readonly Manifest[],
  pods: readonly Manifest[],
  disks?: ReadonlyMap<string, number>,
): ReadonlyMap<Scope, Usage> {
  const usage = new Map<Scope, Usage>([['nodes', withDisks(usageByName(nodes), disks)]])
  const ours = pods.filter(({ metadata }) => metadata.namespace?.startsWith(ACCOUNTS) === true)
  for (const [namespace, inside] of Map.groupBy(ours, ({ metadata }) => metadata.namespace ?? ''))
    usage.set(`pods/${namespace}`, usageByName(inside))
  return usage
}

function usageByName(objects: readonly Manifest[]): Usage {
  return Object.fromEntries(objects.map((object) => [object.metadata.name, used(object)]))
}

function withDisks(usage: Usage, disks: ReadonlyMap<string, number> = new Map()): Usage {
  const entries = Object.entries(usage).map(([name, [cores, bytes]]) => {
    const disk = disks.get(name)
    return [name, disk === undefined ? ([cores, bytes] as const) : ([cores, bytes, disk] as const)] as const
  })
  return Object.fromEntries(entries)
}

/** A pod uses what its containers use; a node says it itself. */
function used(object: Manifest): readonly [cores: number, bytes: number] {
  const { usage, containers = [] } = object as Metrics
  const parts = usage === undefined ? containers.map((one) => one.usage ?? {}) : [usage]
  const sum = (name: string) => parts.reduce((total, part) => total + quantity(part[name]), 0)
  return [Math.round(sum('cpu') * 1e5) / 1e5, Math.round(sum('memory'))]
}
