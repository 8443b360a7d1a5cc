import { type Account, planOf } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import type { Qualifier } from '../deployments/settings.ts'
import type { ApiDeps } from './deps.ts'

/** Where to look for what runs for an account. */
export interface Observed {
  /** Absent for accounts that have none: admins and machines. */
  readonly namespace: string | undefined
  /** Absent for accounts that are delivered nothing. */
  readonly qualifier: Qualifier | undefined
}

/** `not-found` when the account's service is not there (yet, or any more), or has no such qualifier. */
export async function observedOf(deps: ApiDeps, account: Account, name = 'default'): Promise<Observed> {
  const plan = planOf(account)
  const settings = plan === undefined ? undefined : await deps.deployments.servedSettings(account.id, plan)
  const qualifiers = settings?.qualifiers ?? {}
  const qualifier = Object.hasOwn(qualifiers, name) ? qualifiers[name] : undefined
  const isNothingWanted = plan === undefined && name === 'default'
  if (qualifier === undefined && !isNothingWanted) throw noService(account, name)
  return { namespace: account.role === 'user' ? `om-${account.name}` : undefined, qualifier }
}

export function noService({ name: user }: Account, qualifier: string): AppError {
  const message = `no service available for user ${user} and qualifier ${qualifier}`
  return new AppError('not-found', 'no-service', message, { details: { user, qualifier } })
}
