import { join } from 'node:path'
import type { Terraform } from '../adapters/terraform/port.ts'
import { AppError } from '../base/errors.ts'
import type { HcloudJoin } from '../clusters/hcloud-nodepool-root.ts'
import type { Provider } from '../clusters/provider.ts'
import type { PoolSite, TerraformRoot } from '../clusters/root.ts'
import type { StateBackend } from '../clusters/state-backend.ts'
import { modulesFor } from '../clusters/write-root.ts'
import type { ActionContext } from './action.ts'
import type { RancherCluster } from './rancher-nodepool.ts'
import type { TerraformApplyInput } from './terraform-apply.ts'

/** The cloud that things are ordered of, as the engine reaches it. */
export interface PoolProvider {
  readonly provider: Provider
  readonly site: Omit<PoolSite, 'modules'>
  /** Variables that the provider's plugin signs in with. */
  readonly env: Readonly<Record<string, string>>
  /** How machines join the site's cluster at Hetzner, read when it is needed: `up` may have changed it. */
  readonly hcloud?: (() => Promise<HcloudJoin>) | undefined
  /** The site's cluster at its Rancher. */
  readonly rancher?: RancherCluster | undefined
  /** All its machines only say that they are some: real ones can't be had there. */
  readonly simulated?: boolean | undefined
}

/** Where roots of ordered things are worked on; their state lies with the engine. */
export interface EngineRoots {
  readonly terraform: Terraform
  readonly states: Pick<StateBackend, 'credentialFor'>
  /** Left out where nothing can be ordered of the cloud. */
  readonly provider?: PoolProvider | undefined
  /** Folder of the roots; what lies there can be made anew at any time. */
  readonly folder: string
  /** The project's folder `terraform/`. */
  readonly modules: string
}

/** `conflict` where there is no cloud to order of. */
export function ordersFrom(provider: PoolProvider | undefined): PoolProvider {
  if (provider !== undefined) return provider
  throw new AppError(
    'conflict',
    'provider-missing',
    'nothing can be ordered of a cloud here: the site has no provider; change machines and volumes with the operator’s CLI',
  )
}

/** Works with a root as the provider's part wants it, with a credential for its state that ends with the work. */
export async function withEngineRoot<T>(
  { states, folder, modules }: EngineRoots,
  root: string,
  { site, env }: PoolProvider,
  made: (site: PoolSite) => TerraformRoot,
  context: ActionContext,
  work: (wanted: TerraformApplyInput) => Promise<T>,
): Promise<T> {
  const { main, variables } = made({ ...site, modules: await modulesFor(join(folder, root), modules) })
  const files = { 'main.tf.json': main, 'terraform.tfvars.json': variables }
  return await withStateCredential(
    states,
    root,
    context,
    async (kept) => await work({ root, files, deletes: 'allow', outputs: [], env: { ...env, ...kept } }),
  )
}

/** Works with variables that give Terraform its state from the engine; worthless after the work. */
export async function withStateCredential<T>(
  states: Pick<StateBackend, 'credentialFor'>,
  root: string,
  { task: { id, fencing, step, command } }: ActionContext,
  work: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const holder = `step ${step} of command ${command}`
  const credential = states.credentialFor({ root, task: id, fencing, holder })
  try {
    return await work(credential.env)
  } catch (error) {
    const refused = credential.refused()
    if (refused?.code !== 'state-not-written') throw error
    const text = `the state of ${root} could not be kept; nothing is lost: what was done is noted in the root's folder, and brought in by the next try`
    throw new AppError('unavailable', refused.code, text, { cause: refused })
  } finally {
    credential.end()
  }
}
