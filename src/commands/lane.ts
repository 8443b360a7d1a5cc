import { sql } from 'kysely'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { type Command, toCommand } from './command.ts'

/** Where a command stands in its lane, together with its id: one that a step ordered has the place of that step's command. */
export const placeInLane = sql<number>`coalesce(commands.issued_by, commands.id)`

/** The command before which this one can't begin: the one of its lane that runs, else the first of those that wait. */
export async function commandBefore(db: Db, command: Command): Promise<Command | undefined> {
  if (command.state !== 'waiting') return undefined
  const { lane } = await db.selectFrom('commands').select('lane').where('id', '=', command.id).executeTakeFirstOrThrow()
  const place = command.issuedBy ?? command.id
  const row = await db
    .selectFrom('commands')
    .selectAll()
    .where('lane', '=', lane)
    .where('status', 'in', [Status.initiated, Status.pending])
    .where(({ and, eb, or }) =>
      or([eb(placeInLane, '<', place), and([eb(placeInLane, '=', place), eb('id', '<', command.id)])]),
    )
    .orderBy('status', 'desc')
    .orderBy(placeInLane)
    .orderBy('id')
    .executeTakeFirst()
  return row === undefined ? undefined : toCommand(row)
}
