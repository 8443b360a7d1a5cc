import { type Account, planOf } from '../accounts/account.ts'
import { hasQualifier, noService } from '../deployments/config.ts'
import type { Qualifier } from '../deployments/settings.ts'
import type { ApiDeps } from './deps.ts'
import { ownService, serviceOf } from './service-of.ts'

/** Where to look for what runs for an account, or for a group that it is in. */
export interface Observed {
  /** Absent for accounts that have none: admins and machines. */
  readonly namespace: string | undefined
  /** Absent for accounts that are delivered nothing. */
  readonly qualifier: Qualifier | undefined
}

/**
 * By qualifier, as in the client's config: `not-found` when the service is not there (yet, or any more) or has no such
 * qualifier, `forbidden` for a group that the account is not in.
 */
export async function observedOf(deps: ApiDeps, account: Account, asked = 'default'): Promise<Observed> {
  if (planOf(account) === undefined && asked === 'default') return { namespace: undefined, qualifier: undefined }
  const found = await serviceOf(deps, account, await ownService(deps, account), asked)
  // A group may have been asked for a qualifier that it does not have.
  if (!hasQualifier(found.settings, found.qualifier)) throw noService(account.name, asked)
  return { namespace: `om-${found.owner}`, qualifier: found.settings.qualifiers[found.qualifier] }
}
