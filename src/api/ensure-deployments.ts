import { type Account, planOf } from '../accounts/account.ts'
import { listAccounts } from '../accounts/store.ts'
import { bellOf } from '../commands/bell.ts'
import { inTransaction } from '../db/transaction.ts'
import { listDeployments } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

const PAGE = 500

/** Orders the plan of every active account that was delivered before. What is as wanted is left as it is. */
export async function ensureDeployments(deps: ApiDeps, caller: Account): Promise<number[]> {
  const ordered: number[] = []
  for (let after: string | undefined; ; ) {
    const accounts = await listAccounts(deps.db, { after, limit: PAGE })
    ordered.push(...(await orderPage(deps, caller, accounts)))
    after = accounts.at(-1)?.name
    if (accounts.length < PAGE) break
  }
  bellOf(deps.db).ring()
  return ordered
}

async function orderPage(deps: ApiDeps, caller: Account, accounts: readonly Account[]): Promise<number[]> {
  const rows = await listDeployments(
    deps.db,
    accounts.map((account) => account.id),
  )
  const delivered = new Set(
    rows.filter((row) => row.readyAt !== undefined).map((row) => `${row.accountId} ${row.plan}`),
  )
  return await inTransaction(deps.db, async (tx) => {
    const ids: number[] = []
    for (const subject of accounts) {
      const plan = planOf(subject)
      if (plan === undefined || !subject.active || !delivered.has(`${subject.id} ${plan}`)) continue
      ids.push(await placeOrder(tx, { plan, phase: 'install', subject, requestedBy: caller.name }))
    }
    return ids
  })
}
