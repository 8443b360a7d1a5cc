import { z } from 'zod'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { refOf } from '../adapters/kubernetes/port.ts'
import type { QueueLoad, Rabbitmq } from '../adapters/rabbitmq/port.ts'
import { Cache } from '../base/cache.ts'
import type { Clock } from '../base/clock.ts'
import { AppError, explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { decideScaling, type Quiet, type RuntimeSeen, type Scaling } from './scaling.ts'

type Scaled = Pick<Kubernetes, 'list' | 'change'>

export interface ScalerParts {
  readonly kubernetes: Scaled
  /** The clusters beside the site's own, by name. */
  readonly others?: () => Promise<ReadonlyMap<string, Scaled>>
  readonly broker: Pick<Rabbitmq, 'listLoads'>
  /** Virtual host of an account's own runtimes; `undefined` when it has none. */
  readonly vhostOf: (account: string) => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Log
}

const DEPLOYMENTS = { apiVersion: 'apps/v1', kind: 'Deployment' }
const RULES = 'cloudmgr.io/scaling'
const QUIET = 'cloudmgr.io/quiet'
const OURS = `${RULES}=engine`
const ACCOUNTS = 'om-'
const VHOSTS_MS = 30_000
/** A task that wakes a runtime waits this long at most, and as long as the worker takes to start. */
export const LOOK_MS = 3_000

const rules = z.object({
  least: z.int().min(0),
  most: z.int().min(0).optional(),
  sleepMinutes: z.int().min(0),
  concurrency: z.int().min(1),
  queues: z.array(z.string()).min(1),
  revision: z.int(),
})
/** `revision`: of the Helm release; an order that changed it, such as a resume, begins the time anew. */
const quiet = z.object({ since: z.iso.datetime(), needed: z.int().min(0), revision: z.int() })

/**
 * Puts accounts' runtimes to sleep, wakes them, and lets them grow by the tasks that wait. What it needs to know stands
 * on their Deployments: rules come and go with an order's own change (a suspended runtime has none), and since when it
 * is quiet outlives the engine. Two engines do no harm: a Deployment that was changed meanwhile is left for the next look.
 */
export class Scaler {
  private readonly parts: ScalerParts
  private readonly vhosts: Cache<string>
  private readonly troubles = new Map<string, string>()

  constructor(parts: ScalerParts) {
    this.parts = parts
    this.vhosts = new Cache(parts.clock, { ttlMs: VHOSTS_MS, limit: 5_000 })
  }

  /** One look at all of them; what can't be looked after is logged. */
  async look(): Promise<void> {
    await this.lookAt(this.parts.kubernetes)
    for (const [name, cluster] of (await this.parts.others?.()) ?? []) {
      try {
        await this.lookAt(cluster)
        this.troubles.delete(name)
      } catch (error) {
        this.say(name, explain(error))
      }
    }
  }

  private async lookAt(kubernetes: Scaled): Promise<void> {
    const found = await kubernetes.list(DEPLOYMENTS, { labels: OURS })
    const ours = found.filter(({ metadata }) => metadata.namespace?.startsWith(ACCOUNTS) === true)
    for (const [namespace, workloads] of Map.groupBy(ours, ({ metadata }) => metadata.namespace ?? '')) {
      try {
        await this.lookAfter(kubernetes, namespace.slice(ACCOUNTS.length), workloads)
        this.troubles.delete(namespace)
      } catch (error) {
        this.say(namespace, explain(error))
      }
    }
  }

  /** Once, until it is another reason or was well again. */
  private say(namespace: string, reason: string): void {
    if (this.troubles.get(namespace) === reason) return
    this.troubles.set(namespace, reason)
    this.parts.log.warn('runtimes were not looked after', { namespace, reason })
  }

  private async lookAfter(kubernetes: Scaled, account: string, workloads: readonly Manifest[]): Promise<void> {
    const { broker, vhostOf, clock } = this.parts
    const vhost = await this.vhosts.get(account, () => vhostOf(account))
    if (vhost === undefined) return
    const loads = await broker.listLoads(vhost)
    for (const workload of workloads) {
      const wanted = rules.parse(JSON.parse(workload.metadata.annotations?.[RULES] ?? '{}'))
      const seen = seenOf(workload, wanted, loads)
      await this.bring(kubernetes, workload, seen, decideScaling(wanted, seen, clock.now()), wanted.revision)
    }
  }

  private async bring(
    kubernetes: Scaled,
    workload: Manifest,
    seen: RuntimeSeen,
    next: Scaling,
    revision: number,
  ): Promise<void> {
    const { log } = this.parts
    const text = quietText(next.quiet, revision)
    const isResized = next.replicas !== seen.replicas
    if (!isResized && text === (workload.metadata.annotations?.[QUIET] ?? null)) return
    const { name, namespace, resourceVersion } = workload.metadata
    const fields = {
      metadata: { resourceVersion, annotations: { [QUIET]: text } },
      ...(isResized ? { spec: { replicas: next.replicas } } : {}),
    }
    try {
      await kubernetes.change(refOf(workload), fields)
    } catch (error) {
      // Changed or removed meanwhile, by an order or by another engine: the next look decides anew.
      if (error instanceof AppError && (error.kind === 'conflict' || error.kind === 'not-found')) return
      throw error
    }
    if (!isResized) return
    const facts = { namespace, runtime: name, from: seen.replicas, to: next.replicas, tasks: seen.tasks }
    log.info(wordFor(seen.replicas, next.replicas), facts)
  }
}

function wordFor(from: number, to: number): string {
  if (to === 0) return 'runtime sleeps'
  return from === 0 ? 'runtime wakes' : 'runtime resized'
}

function seenOf(
  workload: Manifest,
  { queues, revision }: z.infer<typeof rules>,
  loads: readonly QueueLoad[],
): RuntimeSeen {
  const tasks = loads
    .filter(({ queue }) => queues.includes(queue))
    .reduce((sum, { ready, unacknowledged }) => sum + ready + unacknowledged, 0)
  const { replicas = 1 } = (workload['spec'] ?? {}) as { replicas?: number }
  return { replicas, quiet: quietOf(workload, revision), tasks }
}

function quietOf({ metadata }: Manifest, revision: number): Quiet | undefined {
  const text = metadata.annotations?.[QUIET]
  if (text === undefined) return undefined
  const seen = quiet.parse(JSON.parse(text))
  return seen.revision === revision ? { sinceMs: Date.parse(seen.since), needed: seen.needed } : undefined
}

function quietText(value: Quiet | undefined, revision: number): string | null {
  if (value === undefined) return null
  const { sinceMs, needed } = value
  return JSON.stringify({ since: new Date(sinceMs).toISOString(), needed, revision })
}
