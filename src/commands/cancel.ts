import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import type { Db, Tx } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { findDeployment, updateDeployment } from '../deployments/store.ts'
import { bellOf } from './bell.ts'
import type { Command } from './command.ts'
import { getCommand } from './store.ts'

export interface CancelOptions {
  /** Ends it also while a task's lease still holds: for the only process that uses this database. */
  readonly force?: boolean
  readonly now?: () => number
}

/**
 * Ends an unfinished command as failed, at once when none of its tasks runs, else as soon as they have stopped: the engine
 * aborts them within a heartbeat. What was done stays done.
 */
export async function cancelCommand(db: Db, id: number, reason: string, options: CancelOptions = {}): Promise<Command> {
  const now = (options.now ?? Date.now)()
  await inTransaction(db, async (tx) => {
    // Locked before its tasks, as when one of them ends.
    const { numUpdatedRows } = await tx
      .updateTable('commands')
      .set({ cancelled: reason })
      .where('id', '=', id)
      .where('status', 'in', [Status.initiated, Status.pending])
      .executeTakeFirst()
    if (numUpdatedRows === 0n) {
      await getCommand(tx, id)
      throw new AppError('conflict', 'command-ended', `command ${id} has ended already`, { details: { id } })
    }
    // Who saw them due a moment ago finds nothing to claim, or has claimed one before we look.
    const held = { state: 'waiting', waiting: null, waiting_lock: null } as const
    await tx.updateTable('tasks').set(held).where('command_id', '=', id).where('state', '=', 'ready').execute()
    const running = tx
      .selectFrom('tasks')
      .select('id')
      .where('command_id', '=', id)
      .where('state', '=', 'running')
      .where('lease_until', '>', now)
    const busy = options.force !== true && (await running.executeTakeFirst()) !== undefined
    if (busy) return
    await putBackLost(tx, id)
    const ended = { status: Status.failed, active_lane: null, ended_at: now, message: reason }
    await tx.updateTable('commands').set(ended).where('id', '=', id).execute()
  })
  bellOf(db).ring()
  return getCommand(db, id)
}

/** Tasks of an engine that is gone: should it be heard of again, its number is an older one. */
async function putBackLost(tx: Tx, id: number): Promise<void> {
  const left = { state: 'waiting', lease_owner: null, lease_until: null } as const
  const tasks = tx.selectFrom('tasks').select('id').where('command_id', '=', id)
  await tx.deleteFrom('locks').where('task_id', 'in', tasks).execute()
  await tx
    .updateTable('tasks')
    .set((eb) => ({ ...left, fencing: eb('fencing', '+', 1) }))
    .where('command_id', '=', id)
    .where('state', '=', 'running')
    .execute()
}

/**
 * Ends an unfinished order as failed: at once when it has not begun, else the engine stops its tasks. What was done stays
 * done, and can be continued (`retry`) or, for an install, taken back (`undo`).
 */
export async function cancelOrder(
  db: Db,
  id: number,
  reason: string,
  now: number,
  key: string | null = null,
): Promise<Command> {
  await inTransaction(db, async (tx) => {
    const ended = { status: Status.failed, ended_at: now, message: reason }
    const { numUpdatedRows } = await tx
      .updateTable('commands')
      .set({ cancelled: reason, ...ended, change_key: key })
      .where('id', '=', id)
      .where('status', '=', Status.initiated)
      .executeTakeFirst()
    if (numUpdatedRows > 0n) return await forgetAnnounced(tx, await getCommand(tx, id), now)
    const stopping = await tx
      .updateTable('commands')
      .set({ cancelled: reason, change_key: key })
      .where('id', '=', id)
      .where('status', '=', Status.pending)
      .executeTakeFirst()
    if (stopping.numUpdatedRows > 0n) return
    await getCommand(tx, id)
    throw new AppError('conflict', 'command-ended', `command ${id} has ended already`, { details: { id } })
  })
  bellOf(db).ring()
  return getCommand(db, id)
}

/** What was to be delivered for the first time is listed as failed; what serves is as it was. */
async function forgetAnnounced(tx: Tx, command: Command, now: number): Promise<void> {
  if (command.subject === undefined || command.phase !== 'install') return
  const row = await findDeployment(tx, command.subject, command.plan, command.instance)
  if (row === undefined || row.status !== Status.initiated) return
  await updateDeployment(tx, row.id, { status: Status.failed, message: command.message ?? null }, now)
}
