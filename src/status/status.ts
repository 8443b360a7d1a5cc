import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import type { MongoSizes } from '../adapters/mongodb/port.ts'
import type { RabbitmqMonitor } from '../adapters/rabbitmq/port.ts'
import { Cache } from '../base/cache.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { isUnscheduled, whyPodWaits } from '../clusters/pod-waits.ts'
import type { Db } from '../db/database.ts'
import type { Qualifier } from '../deployments/settings.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import { firstContainer, type Node, nodeOf, type Pod, podOf } from './objects.ts'
import { LOOKBACK_MS, type Point, type Range, seriesOf } from './series.ts'
import { SAMPLE_MS } from './sampler.ts'
import { listSamples, listTimes, type Scope } from './store.ts'
import { type Worker, workersOf } from './workers.ts'

type Looked = Pick<Kubernetes, 'list' | 'find' | 'podLogs'>

/** A cluster that is looked at; without a name the site's own. */
interface Place {
  readonly cluster: string | undefined
  readonly kubernetes: Looked
}

/** What is asked; a part that the site does not have is absent, and its questions end as `unavailable`. */
export interface StatusParts {
  readonly db: Db
  readonly clock: Clock
  readonly site: SiteFacts
  readonly kubernetes?: Looked | undefined
  /** The clusters beside the site's own, by name. */
  readonly others?: (() => Promise<ReadonlyMap<string, Looked>>) | undefined
  readonly broker?: RabbitmqMonitor | undefined
  readonly databases?: MongoSizes | undefined
}

/** Many ask again and again; the outside is asked this often at most for one thing. */
const REMEMBERED_MS = 5_000
const LOG_LINES = 10_000
const LOG_BYTES = 4_000_000

/**
 * What runs for an account, looked at now. The API's rights are the least that do it, so an outside that refuses is not
 * the caller's fault: every failure is `unavailable`, except a pod that is not there.
 */
export class AccountStatus {
  private readonly parts: StatusParts
  private readonly podLists: Cache<readonly Pod[]>
  private readonly nodeLists: Cache<readonly Manifest[]>
  private readonly workerLists: Cache<readonly Worker[]>
  private readonly sizes: Cache<number>

  constructor(parts: StatusParts) {
    this.parts = parts
    const memory = { ttlMs: REMEMBERED_MS, limit: 5_000 }
    this.podLists = new Cache(parts.clock, memory)
    this.nodeLists = new Cache(parts.clock, memory)
    this.workerLists = new Cache(parts.clock, memory)
    this.sizes = new Cache(parts.clock, memory)
  }

  /** By name, on every cluster. */
  async pods(namespace: string): Promise<readonly Pod[]> {
    const attempted = `asking for the pods of ${namespace}`
    this.present(this.parts.kubernetes, attempted)
    const look = async (place: Place) => await this.podsOf(place, namespace)
    const found = this.podLists.get(namespace, async () => byName(await this.everywhere(attempted, look)))
    return (await translated(attempted, found)) ?? []
  }

  private async podsOf(place: Place, namespace: string): Promise<readonly Pod[]> {
    const objects = await place.kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })
    // Pods are told without a reason where nodes can't be looked at.
    const nodes = objects.some(isUnscheduled) ? await this.nodeObjects(place).catch(() => undefined) : undefined
    const now = this.parts.clock.now()
    const why = (pod: Manifest) => (nodes === undefined ? undefined : whyPodWaits(pod, { nodes, now }))
    return objects.map((object) => ({ ...podOf(object, why(object)), cluster: place.cluster }))
  }

  /** Of every cluster. */
  async nodes(): Promise<readonly Node[]> {
    const attempted = 'asking for the nodes'
    this.present(this.parts.kubernetes, attempted)
    const look = async (place: Place) =>
      (await this.nodeObjects(place)).map((object) => ({ ...nodeOf(object), cluster: place.cluster }))
    return byName(await translated(attempted, () => this.everywhere(attempted, look)))
  }

  private async nodeObjects({ cluster, kubernetes }: Place): Promise<readonly Manifest[]> {
    const kind = { apiVersion: 'v1', kind: 'Node' }
    return (await this.nodeLists.get(cluster ?? '', () => kubernetes.list(kind))) ?? []
  }

  private async places(attempted: string): Promise<readonly [Place, ...Place[]]> {
    const kubernetes = this.present(this.parts.kubernetes, attempted)
    const others = [...((await this.parts.others?.()) ?? [])]
    return [{ cluster: undefined, kubernetes }, ...others.map(([cluster, one]) => ({ cluster, kubernetes: one }))]
  }

  /** A cluster beside the site's own that is away, or where the account is not, hides nothing of the others. */
  private async everywhere<T>(attempted: string, look: (place: Place) => Promise<readonly T[]>): Promise<readonly T[]> {
    const [home, ...others] = await this.places(attempted)
    const [own, ...more] = await Promise.all([
      look(home),
      ...others.map(async (one) => await look(one).catch(() => [])),
    ])
    return [...(own ?? []), ...more.flat()]
  }

  /** What the pod's first container said since then; `not-found` when the namespace has no such pod. */
  async podLog(namespace: string, name: string, sinceSeconds: number): Promise<string> {
    const attempted = `reading the log of pod ${name}`
    this.present(this.parts.kubernetes, attempted)
    return await translated(attempted, async () => {
      const [pod, kubernetes] = await this.findPod(attempted, namespace, name)
      const container = firstContainer(pod)
      const bounds = { lines: LOG_LINES, maxBytes: LOG_BYTES }
      const text = await kubernetes.podLogs({ namespace, name, container, sinceSeconds, ...bounds })
      const isCut = Buffer.byteLength(text) >= LOG_BYTES
      return isCut ? `${text}\n… cut after ${LOG_BYTES / 1e6} MB: ask for a shorter time\n` : text
    })
  }

  private async findPod(attempted: string, namespace: string, name: string): Promise<[Manifest, Looked]> {
    const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name }
    for (const { cluster, kubernetes } of await this.places(attempted)) {
      const finding = kubernetes.find(ref)
      const pod = await (cluster === undefined ? finding : finding.catch(() => undefined))
      if (pod !== undefined) return [pod, kubernetes]
    }
    throw podUnknown(name)
  }

  /** Who serves the queues of these credentials; without any, who serves everybody's. */
  async workers(qualifier?: Qualifier): Promise<readonly Worker[]> {
    const shared = this.parts.site.broker.vhost
    const vhost = qualifier?.brokervhost ?? shared
    const attempted = 'asking for the runtime workers'
    const broker = this.present(this.parts.broker, attempted)
    const found = this.workerLists.get(vhost, async () =>
      workersOf(await broker.listConsumers(vhost), vhost === shared ? 'shared' : 'own'),
    )
    return (await translated(attempted, found)) ?? []
  }

  /** Of the account's database, asked with the account's own credentials. */
  async databaseBytes(qualifier: Qualifier): Promise<number> {
    const attempted = 'asking for the size of the database'
    const databases = this.present(this.parts.databases, attempted)
    const { mongouser: user, mongopassword: password, mongodbname: database } = qualifier
    const server = qualifier['mongohost.in'] ?? this.parts.site.mongo.internalHost
    const found = this.sizes.get(`${server} ${database}`, () =>
      databases.databaseBytes({ server, user, password, database }),
    )
    return (await translated(attempted, found)) ?? 0
  }

  /** What was noted of nodes or a namespace's pods: at each step of the range, or last of all. */
  async usage(scope: Scope, range: Range | undefined): Promise<ReadonlyMap<string, readonly Point[]>> {
    const { db, clock } = this.parts
    const asked = range ?? { startMs: clock.now(), endMs: clock.now(), stepMs: SAMPLE_MS }
    // The present is what was seen just now, not what was there five minutes ago.
    const from = asked.startMs - (range === undefined ? 3 * SAMPLE_MS : LOOKBACK_MS)
    const [times, samples] = await Promise.all([
      listTimes(db, from, asked.endMs),
      listSamples(db, scope, from, asked.endMs),
    ])
    return seriesOf(times, samples, asked)
  }

  private present<T>(part: T | undefined, attempted: string): T {
    if (part !== undefined) return part
    throw new AppError('unavailable', 'status-unavailable', `${attempted}: this site has nothing that could be asked`)
  }
}

export function podUnknown(name: string): AppError {
  return new AppError('not-found', 'pod-unknown', `there is no pod ${JSON.stringify(name)}`, { details: { pod: name } })
}

function byName<T extends { readonly name: string }>(things: readonly T[]): readonly T[] {
  return things.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

async function translated<T>(attempted: string, work: Promise<T> | (() => Promise<T>)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work)
  } catch (cause) {
    if (cause instanceof AppError && cause.code === 'pod-unknown') throw cause
    throw new AppError('unavailable', 'status-unavailable', attempted, { cause })
  }
}
