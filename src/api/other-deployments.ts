import { type Account, planOf } from '../accounts/account.ts'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { dependentsFirst } from '../deployments/needs.ts'
import { listDeployments } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

/** Orders for what an account has besides its own plan: gone before it, or told of its new credentials. */
export async function orderOthers(
  deps: Pick<ApiDeps, 'plans'>,
  tx: Db,
  account: Account,
  phase: 'update' | 'remove',
  requestedBy: string,
): Promise<number[]> {
  const rows = (await listDeployments(tx, [account.id])).filter(
    (row) =>
      row.plan !== planOf(account) &&
      row.status !== Status.removed &&
      (phase === 'remove' || (row.readyAt !== undefined && row.suspendedAt === undefined)),
  )
  const ids: number[] = []
  for (const { plan, instance } of dependentsFirst(rows, deps.plans)) {
    ids.push(await placeOrder(tx, { plan, instance, phase, subject: account, requestedBy }))
  }
  return ids
}
