import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { poolName } from '../clusters/nodepool.ts'
import {
  hasScaled,
  orderedIn,
  orderedOutput,
  ownPools,
  type OrderedPools,
  type RancherHandover,
  type RancherPool,
  rancherPoolValues,
  versionOutput,
  withOrderedPools,
} from '../clusters/ordered-pools.ts'
import { modulesFor, writeRoot } from '../clusters/write-root.ts'
import type { Action, ActionContext, Outcome } from './action.ts'
import type { EngineRoots } from './engine-root.ts'
import { type PoolNodes, untilReady } from './pool-nodes.ts'
import { type TerraformApplyInput, terraformApply } from './terraform-apply.ts'

/** The site's own cluster at its Rancher, as `up` hands it over. */
export interface RancherCluster {
  /** Read when it is needed: `up` may have changed it. */
  readonly handover: () => Promise<RancherHandover>
  /** Machines of each pool as an autoscaler set them. */
  readonly sizes: (handover: RancherHandover) => Promise<Readonly<Record<string, number>>>
  /** Its name. */
  readonly site: string
  /** Rancher's proxy lets service accounts of the cluster of this id in. */
  readonly takeServiceTokens: (handover: RancherHandover, id: string) => Promise<void>
}

/** Of the cluster of the site, of which ordered pools are a part: orders of different accounts take turns. */
export const siteCluster = 'site-cluster'

type Methods<Pool> = Pick<Action<Pool>, 'observe' | 'ensure' | 'remove'>

/**
 * Pools of a Rancher: each change is one of the site's cluster, in the state that the operator's `up` uses, too. Where that
 * lies with the operator alone, nothing is touched. Rancher drains nodes before it takes them away.
 */
export function rancherNodepool(parts: EngineRoots & PoolNodes, rancher: RancherCluster): Methods<RancherPool> {
  const root = join(parts.folder, siteCluster)
  const inner = terraformApply({ terraform: parts.terraform })
  // A folder of its own: who only looks holds no lock, and must not write into a root that is being previewed.
  const looking = join(parts.folder, `${siteCluster}-looking`)
  const look = async (handed: RancherHandover, context: ActionContext) => {
    if (handed.backend === undefined) return undefined
    await write(parts, looking, handed, {})
    return orderedIn(await parts.terraform.outputs(looking, { env: handed.env, signal: context.signal }))
  }
  const changeTo = async (handed: RancherHandover, ordered: OrderedPools, context: ActionContext): Promise<Outcome> => {
    const isScaled = hasScaled({ ...ordered, ...ownPools(handed) })
    await write(parts, root, handed, ordered, isScaled ? await rancher.sizes(handed) : {})
    const wanted: TerraformApplyInput = { root, deletes: 'allow', outputs: [], keeps: [versionOutput], env: handed.env }
    return await inner.ensure(wanted, context)
  }
  return {
    observe: async (pool, context) => {
      const handed = await rancher.handover()
      const found = (await look(handed, context))?.[poolName(pool)]
      if (found === undefined) return { state: 'absent' }
      if (same(found, wantedOf(pool, handed))) return { state: 'present' }
      return { state: 'different', detail: `pool ${poolName(pool)} of the cluster is not as ordered` }
    },
    ensure: async (pool, context) => {
      // Refused before anything is touched.
      const handed = shared(await rancher.handover())
      const values = rancherPoolValues(pool, handed)
      const ordered = await look(handed, context)
      if (ordered === undefined) throw notMadeFor()
      const outcome = await changeTo(handed, { ...ordered, [poolName(pool)]: values }, context)
      await untilReady(parts, poolName(pool), pool.min ?? pool.size, context)
      return outcome
    },
    remove: async (pool, context) => {
      const handed = await rancher.handover()
      const ordered = (await look(handed, context)) ?? {}
      const { [poolName(pool)]: gone, ...rest } = ordered
      if (gone === undefined) return { changed: false, message: 'already absent' }
      return await changeTo(handed, rest, context)
    },
  }
}

async function write(
  { modules }: Pick<EngineRoots, 'modules'>,
  folder: string,
  { main, variables, backend }: RancherHandover,
  ordered: OrderedPools,
  observed: Readonly<Record<string, number>> = {},
): Promise<void> {
  const { module } = main as { module: { cluster: object } }
  const source = `${await modulesFor(folder, modules)}/rancher-cluster`
  const own = { ...main, module: { ...module, cluster: { ...module.cluster, source } } }
  const root = { main: own, variables: { ...variables, observed } }
  await writeRoot(folder, { ...withOrderedPools(root, ordered), backend: backend?.settings })
}

/** `conflict` where the service can't reach the cluster's state, or the Rancher does not order its machines. */
function shared(handed: RancherHandover): RancherHandover {
  if (handed.backend !== undefined) return handed
  if (handed.variables['custom'] === true)
    throw new AppError(
      'conflict',
      'pools-by-operator',
      "machines of Hetzner join the site's cluster by the operator's CLI alone: change their number there (`pools` of the site file, ./cloudmgr up)",
    )
  throw new AppError(
    'conflict',
    'pools-by-operator',
    "the state of the site's cluster lies with the operator alone: change its machines with the operator's CLI (`pools` of the site file, ./cloudmgr up); with a shared backend in `state` of the site file they can be ordered",
  )
}

function notMadeFor(): AppError {
  const text = `the state of the site's cluster has no ${orderedOutput} yet: ./cloudmgr up notes them`
  return new AppError('conflict', 'pools-by-operator', text)
}

/** `undefined`: the site file has no machines of that type any more. */
function wantedOf(pool: RancherPool, handed: RancherHandover): OrderedPools[string] | undefined {
  try {
    return rancherPoolValues(pool, handed)
  } catch (error) {
    if (error instanceof AppError && error.code === 'node-type-unknown') return undefined
    throw error
  }
}

/** Terraform gives objects' fields in an order of its own. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(
    entries.map(([key, field]) => [key, sorted(field)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}
