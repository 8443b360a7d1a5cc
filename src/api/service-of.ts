import { type Account, GROUP_PLAN, groupAccountName, planOf } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import { hasQualifier, noService } from '../deployments/config.ts'
import type { Settings } from '../deployments/settings.ts'
import type { ApiDeps } from './deps.ts'

type Deps = Pick<ApiDeps, 'deployments' | 'memberships'>

export interface FoundService {
  readonly settings: Settings
  /** One of the settings' own. */
  readonly qualifier: string
  /** The account that owns it: the subject itself or its group's. */
  readonly owner: string
}

/** What the account's own plan has delivered, where it serves. */
export async function ownService({ deployments }: Deps, subject: Account): Promise<Settings | undefined> {
  const plan = planOf(subject)
  return plan === undefined ? undefined : await deployments.servedSettings(subject.id, plan)
}

/** The account's own service when it knows the qualifier, else that of the group which the qualifier names. */
export async function serviceOf(
  deps: Deps,
  subject: Account,
  own: Settings | undefined,
  asked: string,
): Promise<FoundService> {
  if (own !== undefined && hasQualifier(own, asked)) return { settings: own, qualifier: asked, owner: subject.name }
  if (asked === 'default') throw noService(subject.name, asked)
  // A third part counts for nothing.
  const [group = '', qualifier = ''] = asked.split(':')
  const membership = await deps.memberships.find(group, subject.id)
  if (membership === undefined) throw noService(subject.name, asked)
  if (!membership.isMember) {
    throw new AppError('forbidden', 'not-a-member', `user ${subject.name} is not in group ${JSON.stringify(group)}`)
  }
  const settings = await deps.deployments.servedSettings(membership.groupAccount, GROUP_PLAN)
  if (settings === undefined) throw noService(subject.name, asked)
  return { settings, qualifier: qualifier === '' ? 'default' : qualifier, owner: groupAccountName(group) }
}
