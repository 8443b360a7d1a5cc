import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { bellOf } from './bell.ts'
import { type Command, hasEnded } from './command.ts'
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
  await db.transaction().execute(async (tx) => {
    const command = await getCommand(tx, id)
    if (hasEnded(command)) {
      throw new AppError('conflict', 'command-ended', `command ${id} has ended already`, { details: { id } })
    }
    const running = tx
      .selectFrom('tasks')
      .select('id')
      .where('command_id', '=', id)
      .where('state', '=', 'running')
      .where('lease_until', '>', now)
    const busy = options.force !== true && (await running.executeTakeFirst()) !== undefined
    const ended = { status: Status.failed, active_lane: null, ended_at: now, message: reason }
    const change = busy ? { cancelled: reason } : { cancelled: reason, ...ended }
    await tx.updateTable('commands').set(change).where('id', '=', id).execute()
  })
  bellOf(db).ring()
  return getCommand(db, id)
}
