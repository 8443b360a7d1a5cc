import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import type { Doors } from '../clusters/doors.ts'
import { hcloudJoinEnv, hcloudMachines, hcloudNodepoolRoot } from '../clusters/hcloud-nodepool-root.ts'
import { poolMachines, poolName } from '../clusters/nodepool.ts'
import { credentialEnv, hasNodeType, nodeTypeOf } from '../clusters/provider.ts'
import { nodepoolRoot, type PoolSite, type TerraformRoot } from '../clusters/root.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import type { Action, ActionContext, Observation } from './action.ts'
import { type EngineRoots, ordersFrom, type PoolProvider, withEngineRoot } from './engine-root.ts'
import { checkServes, clusterName } from './on-cluster.ts'
import { drainAllBut, forgetNodes, nodesOf, type PoolNodes, poolsElsewhere, untilReady } from './pool-nodes.ts'
import { rancherNodepool, siteCluster } from './rancher-nodepool.ts'
import { type TerraformApplyInput, terraformApply } from './terraform-apply.ts'

/** An account's own, instead of the site's. */
export const cloudCredential = z.object({
  name: z.string(),
  provider: z.string().optional(),
  key: z.string().optional(),
  secret: z.string(),
})

const input = z.strictObject({
  account: z.string().regex(/^[a-z][a-z0-9]{1,29}$/),
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,14}$/, 'up to 15 lower-case letters, digits or "-", beginning with a letter'),
  role: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'up to 30 lower-case letters, digits or "-"'),
  /** One of the provider's. */
  type: z.string().min(1),
  size: z.number().int().min(0).max(100),
  /** Everybody's pods may run there, not only the account's. */
  shared: z.boolean().default(false),
  simulated: z.boolean().default(false),
  /** The account's own, instead of the site's. */
  credential: cloudCredential.optional(),
  /** Given, an autoscaler sets the size between them. */
  min: z.number().int().min(0).max(100).optional(),
  max: z.number().int().min(0).max(100).optional(),
  /** That its machines join; the site's own when left out. */
  cluster: clusterName.optional(),
})

export type NodepoolInput = z.infer<typeof input>

export type NodepoolParts = EngineRoots & PoolNodes

/** What is ordered of a cloud: a root, and the names that its machines have as nodes where the cloud itself waits for none. */
interface Ordered {
  readonly cloud: PoolProvider
  readonly made: (site: PoolSite) => TerraformRoot
  readonly nodes?: readonly string[]
}

/** Nodes of one type and role, ordered through Terraform; a smaller size drains the nodes that go. */
export function nodepool(parts: NodepoolParts, doors: () => Pick<Doors, 'open'>): Action<NodepoolInput> {
  const inner = terraformApply({ terraform: parts.terraform, roots: (root) => join(parts.folder, root) })
  const cloudRancher = parts.provider?.rancher
  const rancher = cloudRancher === undefined ? undefined : rancherNodepool(parts, cloudRancher)
  const ordered = async (pool: NodepoolInput): Promise<Ordered> =>
    await orderedOf(withCredential(ordersFrom(parts.provider), pool), pool)
  const withRoot = async <T>(
    { name, account }: NodepoolInput,
    { cloud, made }: Ordered,
    context: ActionContext,
    work: (wanted: TerraformApplyInput) => Promise<T>,
  ): Promise<T> => await withEngineRoot(parts, rootOf({ name, account }), cloud, made, context, work)

  return {
    name: 'nodepool',
    input,
    locks: (pool) => [rootLock(rancher === undefined ? rootOf(pool) : siteCluster)],
    // Its nodes count as a part of it, also where the pool itself is one of the site's cluster.
    things: (pool) => [{ system: 'terraform', kind: 'root', name: rootOf(pool) }],
    observe: async (pool, context) => {
      if (rancher !== undefined) return await rancher.observe(pool, context)
      // Nothing can be there of a type that never was; what is left of one that was taken out of the catalogue differs.
      const isKnown = hasNodeType(ordersFrom(parts.provider).provider, pool.type)
      const wanted = await ordered(isKnown ? pool : none(pool, parts.provider))
      const found = await withRoot(pool, wanted, context, (root) => inner.observe(root, context))
      if (found.state !== 'present' || wanted.nodes === undefined) return found
      return await comparedNodes(parts, pool, wanted.nodes)
    },
    ensure: async (pool, context) => {
      await checkServes(pool.cluster, doors())
      if (parts.provider !== undefined) refuseForeign(pool, parts.provider)
      if (rancher !== undefined) return await rancher.ensure(pool, context)
      const wanted = await ordered(pool)
      const { nodes } = wanted
      const going = nodes === undefined ? [] : await drainAllBut(parts, poolName(pool), nodes, context)
      const outcome = await withRoot(pool, wanted, context, (root) => inner.ensure(root, context))
      if (nodes === undefined) return outcome
      await forgetNodes(parts.kubernetes, going, context)
      await untilReady(parts, poolName(pool), nodes.length, context)
      return outcome
    },
    // Its state says what there is.
    remove: async (pool, context) => {
      if (rancher !== undefined) return await rancher.remove(pool, context)
      const wanted = await ordered(none(pool, parts.provider))
      const going = wanted.nodes === undefined ? [] : await drainAllBut(parts, poolName(pool), [], context)
      const outcome = await withRoot(pool, wanted, context, (root) => inner.remove(root, context))
      await forgetNodes(parts.kubernetes, going, context)
      return outcome
    },
  }
}

async function orderedOf(cloud: PoolProvider, pool: NodepoolInput): Promise<Ordered> {
  const { provider, site, simulated = false } = cloud
  if (cloud.hcloud !== undefined) {
    const join = await cloud.hcloud()
    const machines = hcloudMachines(pool, pool.type, site.cluster, provider)
    return {
      cloud: { ...cloud, env: { ...cloud.env, ...hcloudJoinEnv(join) } },
      made: ({ cluster, modules }) => hcloudNodepoolRoot({ cluster, modules, joining: join.joining }, pool, machines),
      nodes: Object.keys(machines),
    }
  }
  const machines = poolMachines(simulated ? { ...pool, simulated } : pool, nodeTypeOf(provider, pool.type))
  return { cloud, made: (given) => nodepoolRoot({ ...given, cluster: pool.cluster ?? given.cluster }, machines) }
}

/** The pool without machines, of whatever type. */
function none(pool: NodepoolInput, provider: PoolProvider | undefined): NodepoolInput {
  const [type = pool.type] = Object.keys(ordersFrom(provider).provider.nodeTypes)
  return { ...pool, type, size: 0 }
}

async function comparedNodes(
  { kubernetes }: NodepoolParts,
  pool: NodepoolInput,
  wanted: readonly string[],
): Promise<Observation> {
  const there = (await nodesOf(kubernetes, poolName(pool))).map(({ metadata }) => metadata.name)
  const missing = wanted.filter((name) => !there.includes(name))
  if (missing.length === 0) return { state: 'present' }
  return { state: 'different', detail: `no node ${missing.join(', ')}` }
}

/** What a cloud can't do for a pool, before anything is touched. */
function refuseForeign(pool: NodepoolInput, { hcloud, rancher }: PoolProvider): void {
  const isLocal = hcloud === undefined && rancher === undefined
  if (!isLocal && pool.cluster !== undefined) throw poolsElsewhere(pool.cluster)
  if (rancher === undefined) refuseRange(pool)
  else if (pool.credential !== undefined) throw noCredential(pool.credential.name)
}

/** Nothing else than Rancher's own autoscaler sets sizes. */
function refuseRange({ min, max, size }: NodepoolInput): void {
  if ((min ?? size) === size && (max ?? size) === size) return
  const text = `min ${min}, max ${max}: nothing scales machines of this cloud; right is to leave both out`
  throw new AppError('invalid', 'pool-invalid', text, { details: { field: 'min', value: min } })
}

function noCredential(name: string): AppError {
  const text = `credential ${name}: pools of the site's cluster are ordered with the site's own; leave it out`
  return new AppError('invalid', 'credential-invalid', text, { details: { field: 'credential', value: name } })
}

function withCredential(cloud: PoolProvider, { credential }: NodepoolInput): PoolProvider {
  if (credential === undefined) return cloud
  return { ...cloud, env: { ...cloud.env, ...credentialEnv(cloud.provider, credential) } }
}

function rootOf(pool: Pick<NodepoolInput, 'account' | 'name'>): string {
  return `nodepool-${poolName(pool)}`
}
