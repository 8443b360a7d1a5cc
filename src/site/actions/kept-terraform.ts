import { basename } from 'node:path'
import type { Action, ActionContext } from '../../actions/action.ts'
import { withStateCredential } from '../../actions/engine-root.ts'
import { type BeforeDeletes, type TerraformApplyInput, terraformApply } from '../../actions/terraform-apply.ts'
import type { Terraform } from '../../adapters/terraform/port.ts'
import { outsideBackendIn } from '../../clusters/outside-backend.ts'
import type { StateBackend } from '../../clusters/state-backend.ts'
import { rootLock, type StateStore } from '../../clusters/terraform-states.ts'
import { adoptPlainState } from '../plain-state.ts'
import { refuseEarlierRuns } from '../root-processes.ts'

/** Where the states of the site's own roots are kept: its journal, and the backend that serves it on the loopback. */
export interface SiteStateKeeping {
  readonly store: StateStore
  readonly backend: Pick<StateBackend, 'credentialFor'>
  /** Variables of a backend outside, for roots whose state lies there. */
  readonly outsideEnv?: () => Readonly<Record<string, string>>
}

/** The site's own roots, by their folder; its name is the root's. */
export function keptTerraform(
  terraform: Terraform,
  { store, backend, outsideEnv = () => ({}) }: SiteStateKeeping,
  beforeDeletes?: BeforeDeletes,
): Action<TerraformApplyInput> {
  const inner = terraformApply({ terraform, beforeDeletes })
  async function kept<T>(
    wanted: TerraformApplyInput,
    context: ActionContext,
    work: (wanted: TerraformApplyInput) => Promise<T>,
  ): Promise<T> {
    const root = rootOf(wanted.root)
    const { id: task, fencing, step, command } = context.task
    refuseEarlierRuns(wanted.root, root)
    const user = { root, task, fencing, holder: `step ${step} of command ${command}` }
    const withEnv = (env: Readonly<Record<string, string>>) => work({ ...wanted, env: { ...wanted.env, ...env } })
    if (outsideBackendIn(wanted.root) !== undefined) return await withEnv(outsideEnv())
    if (await adoptPlainState(wanted.root, store, user))
      context.output(`the state of ${root} lies in the journal now, encrypted`)
    return await withStateCredential(backend, root, context, withEnv)
  }
  return {
    ...inner,
    locks: ({ root }) => [rootLock(rootOf(root))],
    observe: (wanted, context) => kept(wanted, context, (all) => inner.observe(all, context)),
    ensure: (wanted, context) => kept(wanted, context, (all) => inner.ensure(all, context)),
    remove: (wanted, context) => kept(wanted, context, (all) => inner.remove(all, context)),
  }
}

/** Name of a root of the site, by its folder. */
export function rootOf(folder: string): string {
  return basename(folder)
}
