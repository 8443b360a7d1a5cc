import { z } from 'zod'
import { planOf } from '../accounts/account.ts'
import { findAccount, lockAccount } from '../accounts/store.ts'
import type { Clock } from '../base/clock.ts'
import { bellOf } from '../commands/bell.ts'
import { getCommand } from '../commands/store.ts'
import { submitCommand } from '../commands/submit.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Action, ActionContext, Outcome } from './action.ts'

const input = z.strictObject({
  account: z.string().min(1),
  plan: z.string().min(1),
  /** Which of several of the plan. */
  instance: z.string().default(''),
  /** None that is secret: they lie in the rows as they are. */
  params: z.record(z.string(), z.unknown()).default({}),
})

export type OrderInput = z.infer<typeof input>

export interface OrderParts {
  readonly db: Db
  readonly clock: Clock
}

/**
 * Orders another plan for the account. The row is the hand-over: the step is done once the order is written, which comes
 * next in the account's lane and is undone or removed by itself.
 */
export function order(parts: OrderParts): Action<OrderInput> {
  return {
    name: 'order',
    input,
    locks: () => [],
    observe: async () => ({ state: 'absent', detail: 'an order leaves nothing but what it delivers' }),
    ensure: async (wish, context) => {
      const outcome = await inTransaction(parts.db, async (tx) => await place(parts, tx, wish, context))
      bellOf(parts.db).ring()
      return outcome
    },
    remove: async () => ({ changed: false, message: 'what was ordered is removed by itself' }),
  }
}

async function place({ clock }: OrderParts, tx: Db, wish: OrderInput, { task }: ActionContext): Promise<Outcome> {
  const { account: name, plan, instance, params } = wish
  // Whoever removes the account now comes before, and nothing is ordered, or after, and removes what is ordered.
  await lockAccount(tx, name)
  const account = await findAccount(tx, name)
  if (account === undefined || account.state === 'removing')
    return { changed: false, message: `account ${name} is being removed: nothing to order` }
  if (planOf(account) === undefined)
    return { changed: false, message: `account ${name} has become ${account.role}, which gets no service` }
  const { requestedBy } = await getCommand(tx, task.command)
  const command = await submitCommand(
    tx,
    {
      plan,
      instance,
      phase: 'install',
      params,
      subject: account.id,
      requestedBy,
      issuedBy: task.command,
      // Of whoever was killed after it was written, or has lost the task: the same order.
      idempotencyKey: `issued-${task.command}-${task.step}`,
    },
    { now: () => clock.now() },
  )
  const what = instance === '' ? plan : `${plan} ${instance}`
  return { changed: true, message: `command ${command.id}: install of ${what}` }
}
