import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { type Command, toCommand } from './command.ts'

/** The command before which this one can't begin: the one of its lane that runs, else the first of those that wait. */
export async function commandBefore(db: Db, command: Command): Promise<Command | undefined> {
  if (command.state !== 'waiting') return undefined
  const { lane } = await db.selectFrom('commands').select('lane').where('id', '=', command.id).executeTakeFirstOrThrow()
  const row = await db
    .selectFrom('commands')
    .selectAll()
    .where('lane', '=', lane)
    .where('status', 'in', [Status.initiated, Status.pending])
    .where('id', '<', command.id)
    .orderBy('status', 'desc')
    .orderBy('id')
    .executeTakeFirst()
  return row === undefined ? undefined : toCommand(row)
}
