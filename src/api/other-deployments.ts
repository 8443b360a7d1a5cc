import { type Account, planOf } from '../accounts/account.ts'
import { Status } from '../base/status.ts'
import { expectedDeployments } from '../commands/expected.ts'
import type { Db } from '../db/database.ts'
import { dependentsFirst } from '../deployments/needs.ts'
import { type DeploymentRow, listDeployments } from '../deployments/store.ts'
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
  const others = (await (phase === 'remove' ? everything(tx, account) : whatServes(tx, account))).filter(
    ({ plan }) => plan !== planOf(account),
  )
  const ids: number[] = []
  for (const { plan, instance } of dependentsFirst(others, deps.plans)) {
    ids.push(await placeOrder(tx, { plan, instance, phase, subject: account, requestedBy }))
  }
  return ids
}

type Named = Pick<DeploymentRow, 'plan' | 'instance'>

/** Also what has only been ordered: it comes before the removal. */
async function everything(tx: Db, account: Account): Promise<Named[]> {
  const rows = (await listDeployments(tx, [account.id])).filter((row) => row.status !== Status.removed)
  const expected = await expectedDeployments(tx, account.id)
  const all = [...rows, ...expected].map(({ plan, instance }): [string, Named] => [
    `${plan} ${instance}`,
    { plan, instance },
  ])
  return [...new Map(all).values()]
}

async function whatServes(tx: Db, account: Account): Promise<Named[]> {
  const rows = await listDeployments(tx, [account.id])
  return rows.filter(
    (row) => row.status !== Status.removed && row.readyAt !== undefined && row.suspendedAt === undefined,
  )
}
