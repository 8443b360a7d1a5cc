import { type Account, planOf, SIGN_UP_PLAN } from '../accounts/account.ts'
import type { Db } from '../db/database.ts'
import { accountReady } from '../mails/mail.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

/** An active account gets its set-up ordered, and a mail that says how to come in; in the caller's transaction. */
export async function openAccount(
  deps: ApiDeps,
  tx: Db,
  account: Account,
  requestedBy: Account,
): Promise<{ account: Account; command: number | undefined }> {
  await deps.outbox.put(tx, accountReady(deps.site, { to: account.email, name: account.name }))
  const own = account.role === 'user' && keepsApart(deps)
  return { account, command: await orderSetUp(tx, account, { requestedBy: requestedBy.name, own }) }
}

export interface SetUpWish {
  readonly requestedBy: string
  /** The caller's `Idempotency-Key`. */
  readonly idempotencyKey?: string | undefined
  /** With a virtual host and a runtime of its own. */
  readonly own?: boolean
}

/** The order by which a new account comes to what it gets: of a person the plan `signup`, which orders that. */
export async function orderSetUp(tx: Db, account: Account, wish: SetUpWish): Promise<number | undefined> {
  const { requestedBy, idempotencyKey, own = false } = wish
  const plan = account.role === 'user' ? SIGN_UP_PLAN : planOf(account)
  if (plan === undefined) return undefined
  const params = own ? { own } : {}
  return await placeOrder(tx, { plan, phase: 'install', subject: account, requestedBy, idempotencyKey, params })
}

/** Whoever may sign up is no circle of trust: their code runs in workers of their own, unless the site says otherwise. */
function keepsApart({ site: { signUp } }: ApiDeps): boolean {
  return signUp.open && signUp.runtime === 'own'
}
