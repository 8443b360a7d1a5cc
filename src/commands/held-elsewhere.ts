import { Status } from '../base/status.ts'
import type { Plan, Plans } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import { type Expected, expectedDeployments } from './expected.ts'

/** What another account has, or will have. */
export interface ElsewhereHeld extends Expected {
  readonly account: string
}

/**
 * What other accounts have of plans that any account's may serve (`anyone`), and of those that need such, also through what
 * they need themselves: few do, so the accounts are looked at one by one. Nothing when `plan` is neither.
 */
export async function heldElsewhere(db: Db, plans: Plans, plan: Plan, account: number): Promise<ElsewhereHeld[]> {
  const served = (one: Plan) => one.needs.filter(({ anyone }) => anyone).map((need) => need.plan)
  const all = [...plans.values()]
  const serving = new Set([plan, ...neededBy(plan, plans)].flatMap(served))
  const needing = all.filter((one) => served(one).includes(plan.plan)).map((one) => one.plan)
  const asked = [...serving, ...needing]
  if (asked.length === 0) return []
  const rows = db
    .selectFrom('deployments')
    .select('account_id as id')
    .where('plan', 'in', asked)
    .where('status', '!=', Status.removed)
  const orders = db
    .selectFrom('commands')
    .select('subject as id')
    .where('plan', 'in', asked)
    .where('subject', 'is not', null)
    .where('status', 'in', [Status.initiated, Status.pending])
  const ids = [...(await rows.execute()), ...(await orders.execute())].map(({ id }) => Number(id))
  const others = [...new Set(ids)].filter((id) => id !== account)
  if (others.length === 0) return []
  const names = await db.selectFrom('accounts').select(['id', 'name']).where('id', 'in', others).execute()
  const held = await Promise.all(
    names.map(async ({ id, name }) =>
      (await expectedDeployments(db, Number(id)))
        .filter((one) => asked.includes(one.plan))
        .map((one) => ({ ...one, account: name })),
    ),
  )
  return held.flat()
}

/** With what those need in their turn; plans that need each other are refused when they are loaded. */
function neededBy(plan: Plan, plans: Plans): Plan[] {
  return plan.needs.flatMap((need) => {
    const needed = plans.get(need.plan)
    return needed === undefined ? [] : [needed, ...neededBy(needed, plans)]
  })
}
