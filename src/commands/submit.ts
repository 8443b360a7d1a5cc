import { createHash } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { sealedPart, sealedText } from '../catalog/parameters.ts'
import { getPlan, type Phase, type Plans, type Values } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import { bellOf } from './bell.ts'
import { type Command, laneOf, toCommand } from './command.ts'
import { findByKey, getCommand, lastInstall } from './store.ts'

export interface Order {
  readonly plan: string
  readonly phase: Phase
  readonly params?: Values
  /** Which of several deployments of the plan. */
  readonly instance?: string
  /** Account the command is for. */
  readonly subject?: number
  readonly requestedBy: string
  /** The same key gives the same command, however often it is sent. Unique among one requester's orders. */
  readonly idempotencyKey?: string
  /** Of the order as it was asked for, where that is more than this one. */
  readonly hash?: string
  /** The command of which a step orders this: it comes before everything that waits behind that one. */
  readonly issuedBy?: number
  /** Default: one lane per account, or per plan of the site. */
  readonly lane?: string
}

export interface SubmitOptions {
  /** With plans, parameters are checked now; the engine checks again in any case. */
  readonly plans?: Plans
  readonly now?: () => number
}

/**
 * Stores an order and wakes the engine of this process; in a transaction the caller rings the bell after it.
 * `conflict` when the key was used for something else.
 */
export async function submitCommand(db: Db, order: Order, options: SubmitOptions = {}): Promise<Command> {
  const key = keyOf(order)
  const hash = order.hash ?? contentHash(order)
  const existing = key === null ? undefined : await findByKey(db, key)
  if (existing !== undefined) return sameOrder(existing, hash)
  const params = await completeParams(db, order, options.plans)
  const now = (options.now ?? Date.now)()
  const row = {
    plan: order.plan,
    instance: order.instance ?? '',
    phase: order.phase,
    params: JSON.stringify(params),
    subject: order.subject ?? null,
    requested_by: order.requestedBy,
    idempotency_key: key,
    content_hash: hash,
    lane: order.lane ?? laneOf(order),
    active_lane: null,
    issued_by: order.issuedBy ?? null,
    status: Status.initiated,
    due_at: now,
    created_at: now,
  } as const
  try {
    const { insertId } = await db.insertInto('commands').values(row).executeTakeFirstOrThrow()
    if (!db.isTransaction) bellOf(db).ring()
    return await getCommand(db, Number(insertId))
  } catch (error) {
    // Somebody sent the same key at the same moment.
    const winner = key !== null && isDuplicate(error) ? await findByKey(db, key) : undefined
    if (winner === undefined) throw error
    return sameOrder(winner, hash)
  }
}

function keyOf({ requestedBy, idempotencyKey }: Order): string | null {
  if (idempotencyKey === undefined) return null
  if (idempotencyKey !== '' && idempotencyKey.length <= 128) return `${requestedBy}:${idempotencyKey}`
  throw new AppError('invalid', 'idempotency-key-invalid', 'the idempotency key must have 1 to 128 characters', {
    details: { field: 'idempotencyKey', length: idempotencyKey.length },
  })
}

/** The command of before, or `conflict` when its key was used for something else. */
export function sameOrder(row: Parameters<typeof toCommand>[0], hash: string): Command {
  if (row.content_hash === hash) return toCommand(row)
  throw new AppError(
    'conflict',
    'idempotency-key-used',
    `the idempotency key was used for another order (command ${row.id})`,
    {
      details: { command: row.id },
    },
  )
}

/** A removal takes away what was installed: parameters of the install hold where the order doesn't say otherwise. */
async function completeParams(db: Db, order: Order, plans: Plans | undefined): Promise<Values> {
  const given = order.params ?? {}
  const earlier = order.phase === 'remove' ? await lastInstall(db, order) : undefined
  const params = { ...earlier?.params, ...given }
  if (plans === undefined) return params
  const plan = getPlan(plans, order.plan)
  // A schema that became narrower must not keep anyone from removing what an older one allowed.
  return order.phase === 'remove' ? params : plan.checkParams(params)
}

/** Of the order as it was asked for; what is sealed looks different every time. */
export function contentHash(order: Pick<Order, 'plan' | 'phase' | 'subject' | 'instance' | 'params'>): string {
  const params = Object.entries(order.params ?? {}).map(([name, value]) => [
    name,
    sealedPart(value) === undefined ? value : sealedText(''),
  ])
  const target = order.instance === undefined || order.instance === '' ? [] : [order.instance]
  const content = [order.plan, order.phase, order.subject ?? null, Object.fromEntries(params), ...target]
  return createHash('sha256').update(canonical(content)).digest('hex')
}

/** JSON with sorted keys: the order in which a client writes them means nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
