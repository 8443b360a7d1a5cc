import { type Account, planOf } from '../accounts/account.ts'
import { listAccounts } from '../accounts/store.ts'
import { bellOf } from '../commands/bell.ts'
import { inTransaction } from '../db/transaction.ts'
import { dependentsFirst } from '../deployments/needs.ts'
import { listDeployments } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

const PAGE = 500

/**
 * Orders what was delivered to every active account before, what others need first; the oldest accounts first, the site's
 * own among them. What is as wanted is left as it is.
 * Answers with the orders of the accounts' own plans: nobody has to wait for a service that one of them broke.
 */
export async function ensureDeployments(deps: ApiDeps, caller: Account, idempotencyKey?: string): Promise<number[]> {
  const ordered: number[] = []
  for (let after: string | undefined; ; ) {
    const accounts = await listAccounts(deps.db, { after, limit: PAGE })
    ordered.push(...(await orderPage(deps, caller, accounts, idempotencyKey)))
    after = accounts.at(-1)?.name
    if (accounts.length < PAGE) break
  }
  bellOf(deps.db).ring()
  return ordered
}

async function orderPage(
  deps: ApiDeps,
  caller: Account,
  accounts: readonly Account[],
  key: string | undefined,
): Promise<number[]> {
  const rows = await listDeployments(
    deps.db,
    accounts.map((account) => account.id),
  )
  const delivered = dependentsFirst(
    rows.filter((row) => row.readyAt !== undefined),
    deps.plans,
  ).reverse()
  return await inTransaction(deps.db, async (tx) => {
    const ids: number[] = []
    for (const subject of accounts.toSorted((one, other) => one.id - other.id)) {
      if (!subject.active) continue
      for (const { plan, instance, suspendedAt } of delivered.filter((row) => row.accountId === subject.id)) {
        const phase = suspendedAt === undefined ? 'install' : 'suspend'
        const id = await placeOrder(tx, {
          plan,
          instance,
          phase,
          subject,
          requestedBy: caller.name,
          idempotencyKey: key === undefined ? undefined : [key, subject.id, plan, instance].join(' '),
        })
        if (plan === planOf(subject)) ids.push(id)
      }
    }
    return ids
  })
}
