import { createHash } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import { findByKey } from '../commands/store.ts'
import type { Phase } from '../catalog/plan.ts'
import { submitCommand } from '../commands/submit.ts'
import type { Db } from '../db/database.ts'

export interface PlacedOrder {
  readonly plan: string
  readonly instance?: string
  readonly phase: Phase
  readonly subject: Account
  readonly requestedBy: string
  readonly params?: Readonly<Record<string, unknown>>
  /** The caller's `Idempotency-Key`. */
  readonly idempotencyKey?: string | undefined
}

/** Writes the command in the caller's transaction and answers with its number. Ring the bell after the commit. */
export async function placeOrder(tx: Db, order: PlacedOrder): Promise<number> {
  const { plan, instance = '', phase, requestedBy, idempotencyKey, params = {} } = order
  const command = await submitCommand(tx, {
    plan,
    instance,
    phase,
    params,
    subject: order.subject.id,
    requestedBy,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey: digest(idempotencyKey) }),
  })
  return command.id
}

/** The order that this caller placed with this key before. */
export async function findOrder(db: Db, requestedBy: string, key: string) {
  const row = await findByKey(db, `${requestedBy}:${digest(key)}`)
  return row === undefined ? undefined : { id: row.id, subject: row.subject, phase: row.phase }
}

/** Of one length, whatever the caller sent. */
function digest(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex').slice(0, 32)
}
