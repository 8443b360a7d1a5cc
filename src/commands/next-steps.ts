import { AppError } from '../base/errors.ts'
import type { Db } from '../db/database.ts'
import { type Command, hasEnded } from './command.ts'
import { assertNewestFailed } from './retry.ts'
import { assertUndoable } from './undo.ts'

export const commandChanges = ['cancel', 'retry', 'undo'] as const
export type CommandChange = (typeof commandChanges)[number]

/** What can be done with an order as it stands, whoever does it. */
export async function possibleChanges(db: Db, command: Command): Promise<CommandChange[]> {
  if (!hasEnded(command)) return ['cancel']
  if (command.state === 'done') return []
  const [retry, undo] = await Promise.all([
    isAllowed(assertNewestFailed(db, command, 'retried')),
    isAllowed(assertUndoable(db, command)),
  ])
  return [...(retry ? (['retry'] as const) : []), ...(undo ? (['undo'] as const) : [])]
}

async function isAllowed(check: Promise<void>): Promise<boolean> {
  try {
    await check
    return true
  } catch (error) {
    if (error instanceof AppError && error.kind === 'conflict') return false
    throw error
  }
}
