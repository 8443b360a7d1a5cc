import { z } from 'zod'
import type { Action, ActionContext, Outcome, Thing } from '../actions/action.ts'
import { jupyterhubUser } from '../actions/jupyterhub-user.ts'
import type { EngineRoots } from '../actions/engine-root.ts'
import { nodepool } from '../actions/nodepool.ts'
import { removeOrderedVolume } from '../actions/volume.ts'
import { clusterOfRoot, type ClusterParts, removeCluster } from '../actions/cluster.ts'
import { placeOf } from '../actions/on-cluster.ts'
import { persistentVolume } from '../actions/volume-parts.ts'
import { AppError } from '../base/errors.ts'
import type { Door } from '../clusters/doors.ts'
import type { Clock } from '../base/clock.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import { volumeOfRoot } from '../clusters/volume.ts'
import { findThingsOf, type Outside } from './found.ts'
import { type Found, orphansOf, type Owned } from './orphans.ts'
import { type BooksDeps, ownedThings } from './owned.ts'
import { describeThing, keyOf } from './thing-key.ts'

const input = z.strictObject({
  system: z.enum(['mongodb', 'rabbitmq', 'jupyterhub', 'kubernetes', 'helm', 'terraform']),
  kind: z.string().min(1).max(100),
  name: z.string().min(1).max(255),
  /** Also when it may hold data that somebody wants. */
  data: z.boolean().default(false),
})

export type OrphanInput = z.infer<typeof input>

export interface OrphanParts {
  readonly books: BooksDeps
  readonly outside: Outside
  readonly clusters: ClusterParts
  readonly roots: EngineRoots
  readonly clock: Clock
}

/** Takes away what nobody has any more. It looks again first: what has a row by now, or may be somebody else's, stays. */
export function orphan(parts: OrphanParts): Action<OrphanInput> {
  const find = async (thing: Thing): Promise<Found | undefined> =>
    (await findThingsOf(thing.system, parts.outside)).find((one) => keyOf(one) === keyOf(thing))
  return {
    name: 'orphan',
    input,
    locks: (thing) => [lockOf(thing)],
    observe: async (thing) => ({ state: (await find(thing)) === undefined ? 'absent' : 'present' }),
    ensure: async (thing) => {
      throw new AppError('conflict', 'orphan-not-made', `${describeThing(thing)}: an orphan is only ever removed`)
    },
    remove: async (thing, context) => {
      const found = await find(thing)
      if (found === undefined) return { changed: false, message: 'already absent' }
      const owned = await ownedThings(parts.books)
      const [still] = orphansOf([found], owned)
      const what = describeThing(thing)
      if (still === undefined)
        throw new AppError('conflict', 'not-an-orphan', `${what} belongs to a deployment: remove that`)
      if (!still.sure)
        throw new AppError('conflict', 'orphan-unsure', `${what} may be somebody else's (${still.detail}): it stays`)
      if (still.holdsData === true && !thing.data)
        throw new AppError(
          'conflict',
          'orphan-holds-data',
          `${what} stays (${still.detail}): say data to remove it with that`,
        )
      context.output(`${what}: ${still.detail}`)
      return await takeAway(parts, still, owned, context)
    },
  }
}

/** The same as of the actions that make such things: nobody makes it anew while it goes. */
function lockOf({ system, kind, name }: Thing): string {
  if (system === 'terraform') return rootLock(name)
  if (system === 'rabbitmq') return `rabbitmq:${kind}/${name}`
  if (system !== 'kubernetes') return `${system}:${name}`
  return kind === 'v1/Namespace'
    ? `kubernetes:account/namespace.yml:${name}`
    : `kubernetes:${kind.split('/').at(-1)} ${name}`
}

async function takeAway(parts: OrphanParts, thing: Found, owned: Owned, context: ActionContext): Promise<Outcome> {
  const { mongodb, rabbitmq } = parts.outside
  const { kind } = thing
  const { cluster, name } = placeOf(thing.name)
  const { kubernetes, helm } = await doorOf(parts.outside, cluster)
  const run = { signal: context.signal }
  const gone = (changed: boolean): Outcome => ({ changed, message: `${describeThing(thing)} removed` })
  const [namespace = '', inside = ''] = name.split('/')
  switch (thing.system) {
    case 'mongodb': {
      const { owned: noted = [] } = (await mongodb.findUser(name)) ?? {}
      // Whatever the note says: what a deployment has stays.
      const free = noted.filter((one) => !owned.keys.has(keyOf({ system: 'mongodb', kind: 'database', name: one })))
      const drop = async (): Promise<void> => {
        for (const database of free) await mongodb.dropDatabase(database)
      }
      // The data first: once the user is gone, nothing tells whose they were. And what was written until then.
      await drop()
      const dropped = await mongodb.dropUser(name)
      await drop()
      return gone(dropped)
    }
    case 'rabbitmq':
      if (kind === 'queue') return gone(await rabbitmq.deleteQueue(namespace, inside))
      if (kind === 'exchange') return gone(await rabbitmq.deleteExchange(namespace, inside))
      return gone(kind === 'vhost' ? await rabbitmq.deleteVhost(name) : await rabbitmq.deleteUser(name))
    case 'jupyterhub':
      return await jupyterhubUser({ ...parts.outside, clock: parts.clock }).remove(
        { user: name, admin: false, timeoutSeconds: 120 },
        context,
      )
    case 'kubernetes': {
      const place = inside === '' ? { name } : { namespace, name: inside }
      const [apiVersion, last] = [kind.slice(0, kind.lastIndexOf('/')), kind.split('/').at(-1) ?? '']
      return gone(await kubernetes.delete({ apiVersion, kind: last, ...place }, run))
    }
    case 'helm':
      return gone(await helm.uninstall(inside, namespace, run))
    case 'terraform': {
      const volume = volumeOfRoot(name)
      if (volume !== undefined)
        return await removeOrderedVolume(
          { ...(await doorOfVolume(parts.outside, volume)), ...parts.roots },
          volume,
          context,
        )
      const besides = clusterOfRoot(name)
      return besides === undefined
        ? await removePool(parts, name, context)
        : await removeCluster(parts, besides, context)
    }
  }
}

async function removePool(parts: OrphanParts, root: string, context: ActionContext): Promise<Outcome> {
  const { kubernetes } = parts.outside
  const action = nodepool({ ...parts.roots, kubernetes, clock: parts.clock }, () => parts.clusters.doors)
  return await action.remove(poolOf(root), context)
}

/** `not-found` when its cluster went meanwhile. */
async function doorOf({ kubernetes, helm, clusters }: Outside, cluster: string | undefined): Promise<Door> {
  if (cluster === undefined) return { kubernetes, helm }
  const door = await clusters.doors.open(cluster)
  if (door !== undefined) return door
  throw new AppError('not-found', 'cluster-unknown', `there is no cluster ${cluster} any more, and nothing in it`)
}

/** Where the PersistentVolume in front of it is; the site's own cluster when it is nowhere. */
async function doorOfVolume({ kubernetes, helm, clusters }: Outside, volume: string): Promise<Door> {
  for (const door of (await clusters.doors.all()).values())
    if ((await door.kubernetes.find(persistentVolume(volume))) !== undefined) return door
  return { kubernetes, helm }
}

/** As much of the pool as its removal needs: its state says what there is. */
function poolOf(root: string) {
  const [, account = '', name = ''] = /^nodepool-([a-z0-9]+)-(.+)$/.exec(root) ?? []
  return { account, name, role: 'worker', type: 'any', size: 0, shared: false, simulated: false }
}
