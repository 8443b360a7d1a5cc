import { join } from 'node:path'
import { z } from 'zod'
import type { Terraform } from '../adapters/terraform/port.ts'
import { poolMachines, poolName } from '../clusters/nodepool.ts'
import type { Machines } from '../clusters/profiles.ts'
import { hasNodeType, nodeTypeOf, type Provider } from '../clusters/provider.ts'
import { nodepoolRoot, type PoolSite } from '../clusters/root.ts'
import type { StateBackend } from '../clusters/state-backend.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import { modulesFor } from '../clusters/write-root.ts'
import { AppError } from '../base/errors.ts'
import type { Action, ActionContext } from './action.ts'
import { terraformApply, type TerraformApplyInput } from './terraform-apply.ts'

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
})

export type NodepoolInput = z.infer<typeof input>

/** The cloud that nodes are ordered of, as the engine reaches it. */
export interface PoolProvider {
  readonly provider: Provider
  readonly site: Omit<PoolSite, 'modules'>
  /** Variables that the provider's plugin signs in with. */
  readonly env: Readonly<Record<string, string>>
}

export interface NodepoolParts {
  readonly terraform: Terraform
  readonly states: Pick<StateBackend, 'credentialFor'>
  /** Left out where nodes can't be ordered. */
  readonly provider?: PoolProvider | undefined
  /** Folder of the roots; what lies there can be made anew at any time. */
  readonly folder: string
  /** The project's folder `terraform/`. */
  readonly modules: string
}

/** Nodes of one type and role, ordered through Terraform; a smaller size drains the nodes that go. */
export function nodepool(parts: NodepoolParts): Action<NodepoolInput> {
  const { terraform, states, folder } = parts
  const inner = terraformApply({ terraform, roots: (root) => join(folder, root) })

  async function withRoot<T>(
    pool: NodepoolInput,
    machinesOf: (provider: Provider) => Machines,
    context: ActionContext,
    work: (wanted: TerraformApplyInput) => Promise<T>,
  ): Promise<T> {
    const { provider, site, env } = ordersFrom(parts.provider)
    const root = rootOf(pool)
    const modules = await modulesFor(join(folder, root), parts.modules)
    const made = nodepoolRoot({ ...site, modules }, machinesOf(provider))
    const files = { 'main.tf.json': made.main, 'terraform.tfvars.json': made.variables }
    const credential = states.credentialFor({ root, task: context.task.id, fencing: context.task.fencing })
    try {
      return await work({ root, files, deletes: 'allow', outputs: [], env: { ...env, ...credential.env } })
    } finally {
      credential.end()
    }
  }

  return {
    name: 'nodepool',
    input,
    locks: (pool) => [rootLock(rootOf(pool))],
    things: (pool) => [{ system: 'terraform', kind: 'root', name: rootOf(pool) }],
    observe: async (pool, context) => {
      // Nothing can be there of a type that never was; what is left of one that was taken out of the catalogue differs.
      const machines = (provider: Provider) =>
        hasNodeType(provider, pool.type) ? poolMachines(pool, nodeTypeOf(provider, pool.type)) : {}
      return await withRoot(pool, machines, context, (wanted) => inner.observe(wanted, context))
    },
    ensure: async (pool, context) => {
      const machines = (provider: Provider) => poolMachines(pool, nodeTypeOf(provider, pool.type))
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

function rootOf(pool: NodepoolInput): string {
  return `nodepool-${poolName(pool)}`
}

function ordersFrom(provider: PoolProvider | undefined): PoolProvider {
  if (provider !== undefined) return provider
  throw new AppError(
    'conflict',
    'provider-missing',
    'nodes can’t be ordered here: the site has no provider; change its machines with the operator’s CLI',
  )
}
