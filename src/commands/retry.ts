import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { bellOf } from './bell.ts'
import { type Command, hasEnded } from './command.ts'
import { getCommand, lastCommand } from './store.ts'

/**
 * Continues a failed command: what is done stays done, failed steps are tried anew. The engine resets the tasks. The key
 * tells the same request from another one: see `repeatedChange`.
 */
export async function retryCommand(
  db: Db,
  id: number,
  now: () => number = Date.now,
  key: string | null = null,
): Promise<Command> {
  const command = await getCommand(db, id)
  await assertNewestFailed(db, command, 'retried')
  await db
    .updateTable('commands')
    .set({ status: Status.initiated, cancelled: null, message: null, ended_at: null, due_at: now(), change_key: key })
    .where('id', '=', id)
    .where('status', '=', Status.failed)
    .execute()
  bellOf(db).ring()
  return getCommand(db, id)
}

/** What this very request, sent before, has changed: the command itself or one that it has ordered. */
export async function repeatedChange(db: Db, id: number, key: string): Promise<Command | undefined> {
  const row = await db
    .selectFrom('commands')
    .select('id')
    .where('change_key', '=', key)
    .where(({ or, eb }) => or([eb('id', '=', id), eb('issued_by', '=', id)]))
    .executeTakeFirst()
  return row === undefined ? undefined : await getCommand(db, row.id)
}

/** Something newer may have changed what the failed command left behind. */
export async function assertNewestFailed(db: Db, command: Command, what: string): Promise<void> {
  const subject = `command ${command.id} (${command.phase} of ${command.plan})`
  if (command.state !== 'failed') {
    const state = hasEnded(command) ? 'ended well' : `is ${command.state}`
    throw new AppError('conflict', 'command-not-failed', `${subject} can't be ${what}: it ${state}`, {
      details: { id: command.id },
    })
  }
  const last = await lastCommand(db, command)
  if (last === undefined || last.id === command.id) return
  throw new AppError('conflict', 'command-superseded', `${subject} can't be ${what}: command ${last.id} is newer`, {
    details: { id: command.id, newer: last.id },
  })
}
