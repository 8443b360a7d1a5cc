import type { Account } from '../accounts/account.ts'
import { findAccountById } from '../accounts/store.ts'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { SHARE } from '../deployments/shares.ts'
import { placeOrder } from './orders.ts'

/** The passwords of what others share with the account become new ones: it, or somebody in it, knew those before. */
export async function renewSharesWith(tx: Db, account: Account): Promise<void> {
  await orderSharesWith(tx, account, 'update', { rotate: true })
}

/** What others share with the account ends: it goes. */
export async function endSharesWith(tx: Db, account: Account): Promise<void> {
  await orderSharesWith(tx, account, 'remove')
}

async function orderSharesWith(
  tx: Db,
  account: Account,
  phase: 'update' | 'remove',
  params: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const rows = await tx
    .selectFrom('deployments')
    .select(['account_id', 'ready_at'])
    .where('plan', '=', SHARE)
    .where('instance', '=', account.name)
    .where('status', '!=', Status.removed)
    .orderBy('id')
    .execute()
  for (const row of rows) {
    const giver = await findAccountById(tx, Number(row.account_id))
    if (giver === undefined || (phase === 'update' && row.ready_at === null)) continue
    const order = { plan: SHARE, instance: account.name, phase, subject: giver, params }
    await placeOrder(tx, { ...order, requestedBy: account.name })
  }
}
