import { type Account, planOf } from '../accounts/account.ts'
import type { Db } from '../db/database.ts'
import { accountReady } from '../mails/mail.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

/** An active account gets the order of its plan, and a mail that says how to come in; in the caller's transaction. */
export async function openAccount(
  deps: ApiDeps,
  tx: Db,
  account: Account,
  requestedBy: Account,
): Promise<{ account: Account; command: number | undefined }> {
  await deps.outbox.put(tx, accountReady(deps.site, { to: account.email, name: account.name }))
  const plan = planOf(account)
  if (plan === undefined) return { account, command: undefined }
  const command = await placeOrder(tx, { plan, phase: 'install', subject: account, requestedBy: requestedBy.name })
  return { account, command }
}
