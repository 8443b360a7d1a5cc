import { join } from 'node:path'
import type { Action, ActionContext } from '../../actions/action.ts'
import type { TerraformApplyInput } from '../../actions/terraform-apply.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { AppError, must } from '../../base/errors.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { rancherOf } from '../cloud.ts'
import { type CloudRootsInput, cloudRootsInput, writeStage } from './cloud-roots.ts'

export interface RancherTokenDeps {
  readonly kept: Action<TerraformApplyInput>
  readonly rancher: Rancher
  /** `catalog/providers`. */
  readonly providers: string
  readonly keptToken: () => string | undefined
  /** `undefined`: forget it. */
  readonly keepToken: (token: string | undefined) => void
}

const stage = 'rancher-admin'

/** The first sign-in at a Rancher of the site's own; its token is kept with the site's secrets. One that is revoked or expired is replaced. */
export function rancherTokenAction(deps: RancherTokenDeps): Action<CloudRootsInput> {
  const { kept, rancher, keptToken, keepToken } = deps
  const applied = ({ folder }: CloudRootsInput): TerraformApplyInput => ({
    root: join(folder, stage),
    deletes: 'refuse',
    outputs: ['token'],
    env: {},
  })
  const signIn = async (wanted: CloudRootsInput, context: ActionContext): Promise<string> => {
    const { outputs } = await kept.ensure(applied(wanted), context)
    return String(outputs?.['token'])
  }
  const renew = async (wanted: CloudRootsInput, context: ActionContext): Promise<string> => {
    context.output('the token is no longer taken: another one is made')
    await writeStage(stage, wanted, { providers: deps.providers, renew: true })
    await signIn(wanted, context)
    await writeStage(stage, wanted, { providers: deps.providers })
    // The provider makes the token without having planned it: only the next apply tells it.
    const token = await signIn(wanted, context)
    const { url } = must(rancherOf(wanted.cloud), 'the Rancher of the site')
    if (await rancher.accepts(url, token)) return token
    throw new AppError('unauthenticated', 'rancher-token', `Rancher ${url} does not take the token that it just made`)
  }
  return {
    name: 'rancher-token',
    input: cloudRootsInput,
    locks: () => [rootLock(stage)],
    observe: (wanted, context) => kept.observe(applied(wanted), context),
    ensure: async (wanted, context) => {
      const { url } = must(rancherOf(wanted.cloud), 'the Rancher of the site')
      const first = await signIn(wanted, context)
      const token = (await rancher.accepts(url, first)) ? first : await renew(wanted, context)
      const changed = token !== keptToken()
      if (changed) keepToken(token)
      return { changed, message: changed ? 'signed in' : 'already as wanted' }
    },
    remove: async (wanted, context) => {
      const { changed, message } = await kept.remove(applied(wanted), context)
      keepToken(undefined)
      return { changed, message }
    },
  }
}
