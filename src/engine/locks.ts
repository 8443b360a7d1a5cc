import type { Clock } from '../base/clock.ts'
import type { Db, Tx } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'

export interface LockTaker {
  readonly id: number
  readonly fencing: number
  readonly now: number
}

export interface BusyLock {
  readonly name: string
  /** Who has it, for people. */
  readonly holder: string
}

/**
 * Takes all of the locks or none; returns the first that another has. A lock lives as long as its holder's lease: the
 * fencing number in it tells a holder that lost its task.
 */
export async function takeLocks(tx: Tx, names: readonly string[], taker: LockTaker): Promise<BusyLock | undefined> {
  for (const name of [...new Set(names)].sort()) {
    const holder = await liveHolder(tx, name, taker)
    if (holder !== undefined) {
      // Of these alone: the task may be at other work as well.
      await tx.deleteFrom('locks').where('task_id', '=', taker.id).where('name', 'in', names).execute()
      return { name, holder }
    }
    await tx.deleteFrom('locks').where('name', '=', name).execute()
    await tx
      .insertInto('locks')
      .values({ name, task_id: taker.id, fencing: taker.fencing, taken_at: taker.now })
      .execute()
  }
  return undefined
}

async function liveHolder(tx: Tx, name: string, taker: LockTaker): Promise<string | undefined> {
  const query = tx.selectFrom('locks').selectAll().where('name', '=', name)
  const lock = await (capabilities(tx).rowLocks ? query.forUpdate() : query).executeTakeFirst()
  if (lock === undefined || lock.task_id === taker.id) return undefined
  const task = await tx.selectFrom('tasks').selectAll().where('id', '=', lock.task_id).executeTakeFirst()
  const alive = task?.state === 'running' && task.fencing === lock.fencing && (task.lease_until ?? 0) > taker.now
  return alive ? `step ${task.step} of command ${task.command_id}` : undefined
}

/** Gives the locks of tasks back, or some of them, and makes those who waited for them due. */
export async function freeLocks(
  tx: Tx,
  tasks: { readonly ids: readonly number[]; readonly now: number },
  some?: readonly string[],
): Promise<void> {
  if (some?.length === 0 || tasks.ids.length === 0) return
  const all = tx.selectFrom('locks').select('name').where('task_id', 'in', tasks.ids)
  const held = await (some === undefined ? all : all.where('name', 'in', some)).execute()
  if (held.length === 0) return
  const names = held.map((lock) => lock.name)
  await tx.deleteFrom('locks').where('task_id', 'in', tasks.ids).where('name', 'in', names).execute()
  const freed = { due_at: tasks.now, waiting_lock: null }
  await tx.updateTable('tasks').set(freed).where('waiting_lock', 'in', names).where('state', '=', 'ready').execute()
}

/**
 * Work of a running task that finds out late what it would collide with: undefined when another has one of the locks. Several
 * may be under way for one task; it is up to the task that they have no lock in common.
 */
export function lockHolder(db: Db, clock: Clock) {
  return async <T>(
    names: readonly string[],
    task: { readonly id: number; readonly fencing: number },
    work: () => Promise<T>,
  ): Promise<T | undefined> => {
    const busy = await inTransaction(db, async (tx) => await takeLocks(tx, names, { ...task, now: clock.now() }))
    if (busy !== undefined) return undefined
    try {
      return await work()
    } finally {
      await inTransaction(db, async (tx) => await freeLocks(tx, { ids: [task.id], now: clock.now() }, names))
    }
  }
}
