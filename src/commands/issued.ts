import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { type Command, hasEnded, stateOf, toCommand } from './command.ts'

/** The orders that steps of these commands have placed, by command, in the order in which they are worked off. */
export async function issuedBy(db: Db, ids: readonly number[]): Promise<Map<number, Command[]>> {
  const issued = new Map<number, Command[]>()
  if (ids.length === 0) return issued
  const query = db.selectFrom('commands').selectAll().where('issued_by', 'in', ids).orderBy('id')
  for (const row of await query.execute()) {
    const by = Number(row.issued_by)
    issued.set(by, [...(issued.get(by) ?? []), toCommand(row)])
  }
  return issued
}

/** A command as people are shown it: it lasts until the orders that its steps placed have ended. Decides only. */
export function asWhole(command: Command, issued: readonly Command[]): Command {
  const current = standsAt(command, issued)
  if (current === command) return command
  const { message } = current
  if (current.state === 'failed')
    return { ...command, status: current.status, state: 'failed', message, ...endOf(current) }
  if (hasEnded(current)) return { ...command, ...endOf(current) }
  return { ...command, status: Status.pending, state: stateOf(Status.pending), message, endedAt: undefined }
}

function endOf({ endedAt }: Command): Pick<Command, 'endedAt'> {
  return { endedAt }
}

/** The one of them that is being done, has failed, or was done last. */
export function standsAt(command: Command, issued: readonly Command[]): Command {
  const chain = [command, ...issued]
  return chain.find(({ state }) => state !== 'done') ?? chain.at(-1) ?? command
}

/** The command and what its steps have ordered. */
export async function withIssued(
  db: Db,
  command: Command,
): Promise<{ readonly whole: Command; readonly issued: readonly Command[] }> {
  const issued = (await issuedBy(db, [command.id])).get(command.id) ?? []
  return { whole: asWhole(command, issued), issued }
}
