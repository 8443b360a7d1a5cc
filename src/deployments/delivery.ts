import { type Account, planOf } from '../accounts/account.ts'
import type { AccountStatus } from '../accounts/contract.ts'
import { Status } from '../base/status.ts'
import type { DeploymentRow } from './store.ts'

/** An account's state as people read it: of what was delivered to it. */
export function deliveryStatus(account: Account, deployment: DeploymentRow | undefined): AccountStatus {
  if (account.state === 'removing') return deployment?.status === Status.failed ? 'failed' : 'removing'
  if (account.state !== 'active') return account.state
  if (planOf(account) === undefined) return 'active'
  if (deployment === undefined) return 'pending'
  switch (deployment.status) {
    case Status.completed:
      return 'active'
    case Status.failed:
      return 'failed'
    case Status.removed:
      return 'removed'
    default:
      // Being made sure of again: it serves all the time.
      return deployment.readyAt === undefined ? 'pending' : 'active'
  }
}
