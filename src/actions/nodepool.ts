import { join } from 'node:path'
import { z } from 'zod'
import type { Doors } from '../clusters/doors.ts'
import type { Machines } from '../clusters/profiles.ts'
import { poolMachines, poolName } from '../clusters/nodepool.ts'
import { credentialEnv, hasNodeType, nodeTypeOf, type Provider } from '../clusters/provider.ts'
import { nodepoolRoot, type PoolSite } from '../clusters/root.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import type { Action, ActionContext } from './action.ts'
import { checkServes, clusterName } from './on-cluster.ts'
import { type EngineRoots, ordersFrom, type PoolProvider, withEngineRoot } from './engine-root.ts'
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
  /** That its machines join; the site's own when left out. */
  cluster: clusterName.optional(),
})

export type NodepoolInput = z.infer<typeof input>

/** Nodes of one type and role, ordered through Terraform; a smaller size drains the nodes that go. */
export function nodepool(parts: EngineRoots, doors: () => Pick<Doors, 'open'>): Action<NodepoolInput> {
  const inner = terraformApply({ terraform: parts.terraform, roots: (root) => join(parts.folder, root) })

  async function withRoot<T>(
    pool: NodepoolInput,
    machinesOf: (pool: NodepoolInput, provider: Provider) => Machines,
    context: ActionContext,
    work: (wanted: TerraformApplyInput) => Promise<T>,
  ): Promise<T> {
    const cloud = withCredential(ordersFrom(parts.provider), pool)
    const machines = machinesOf(cloud.simulated === true ? { ...pool, simulated: true } : pool, cloud.provider)
    return await withEngineRoot(parts, rootOf(pool), cloud, made(pool, machines), context, work)
  }

  return {
    name: 'nodepool',
    input,
    locks: (pool) => [rootLock(rootOf(pool))],
    things: (pool) => [{ system: 'terraform', kind: 'root', name: rootOf(pool) }],
    observe: async (pool, context) => {
      // Nothing can be there of a type that never was; what is left of one that was taken out of the catalogue differs.
      const machines = (wanted: NodepoolInput, provider: Provider) =>
        hasNodeType(provider, pool.type) ? poolMachines(wanted, nodeTypeOf(provider, pool.type)) : {}
      return await withRoot(pool, machines, context, (wanted) => inner.observe(wanted, context))
    },
    ensure: async (pool, context) => {
      await checkServes(pool.cluster, doors())
      const machines = (wanted: NodepoolInput, provider: Provider) =>
        poolMachines(wanted, nodeTypeOf(provider, pool.type))
      return await withRoot(pool, machines, context, (wanted) => inner.ensure(wanted, context))
    },
    // Its state says what there is.
    remove: async (pool, context) =>
      await withRoot(
        pool,
        () => ({}),
        context,
        (wanted) => inner.remove(wanted, context),
      ),
  }
}

function made({ cluster }: NodepoolInput, machines: Machines) {
  return (site: PoolSite) => nodepoolRoot(cluster === undefined ? site : { ...site, cluster }, machines)
}

function withCredential(cloud: PoolProvider, { credential }: NodepoolInput): PoolProvider {
  if (credential === undefined) return cloud
  return { ...cloud, env: { ...cloud.env, ...credentialEnv(cloud.provider, credential) } }
}

function rootOf(pool: NodepoolInput): string {
  return `nodepool-${poolName(pool)}`
}
