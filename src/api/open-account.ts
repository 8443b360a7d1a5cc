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
  const order = { phase: 'install', subject: account, requestedBy: requestedBy.name } as const
  if (!keepsApart(deps)) return { account, command: await placeOrder(tx, { ...order, plan }) }
  const command = await placeOrder(tx, { ...order, plan, params: { vhost: true } })
  // After the account's own: orders of one account are done one after the other.
  if (deps.plans.has(RUNTIME))
    await placeOrder(tx, { ...order, plan: RUNTIME, instance: LABEL, params: { label: LABEL } })
  return { account, command }
}

const RUNTIME = 'runtime'
/** As the plan has it when nobody says otherwise. */
const LABEL = 'worker'

/** Whoever may sign up is no circle of trust: their code runs in workers of their own, unless the site says otherwise. */
function keepsApart({ site: { signUp } }: ApiDeps): boolean {
  return signUp.open && signUp.runtime === 'own'
}
