import { AppError } from '../base/errors.ts'
import type { Db } from '../db/database.ts'
import { Status } from '../base/status.ts'
import { bellOf } from './bell.ts'
import { findDeployment } from '../deployments/store.ts'
import type { Command } from './command.ts'
import { assertNewestFailed } from './retry.ts'
import { begunSteps, getCommand } from './store.ts'
import { submitCommand } from './submit.ts'

/** Orders the removal of everything a failed install has begun, in reverse. Asking twice gives the same command. */
export async function undoCommand(
  db: Db,
  id: number,
  requestedBy: string,
  now: () => number = Date.now,
): Promise<Command> {
  const command = await getCommand(db, id)
  const earlier = await db
    .selectFrom('commands')
    .select('id')
    .where('undo_of', '=', id)
    .orderBy('id', 'desc')
    .executeTakeFirst()
  if (earlier !== undefined) return getCommand(db, earlier.id)
  await assertUndoable(db, command)
  const undo = await db.transaction().execute(async (tx) => {
    const { plan, instance, params, subject } = command
    const order = {
      plan,
      instance,
      phase: 'remove',
      params,
      requestedBy,
      idempotencyKey: `undo-${id}`,
      ...(subject === undefined ? {} : { subject }),
    } as const
    const made = await submitCommand(tx, order, { now })
    await tx.updateTable('commands').set({ undo_of: id }).where('id', '=', made.id).execute()
    return getCommand(tx, made.id)
  })
  bellOf(db).ring()
  return undo
}

/** Only the newest failed install of what does not serve can be taken back; else `conflict`. */
export async function assertUndoable(db: Db, command: Command): Promise<void> {
  const { id } = command
  if (command.phase !== 'install') {
    throw new AppError(
      'conflict',
      'command-not-undoable',
      `command ${id} is no install; only a failed install can be undone`,
      {
        details: { id, phase: command.phase },
      },
    )
  }
  await assertNewestFailed(db, command, 'undone')
  if (!(await takesBack(db, command))) {
    throw new AppError(
      'conflict',
      'command-not-undoable',
      `command ${id} repeated an install of what serves: taking it back would take that away; retry it, or order its removal`,
      { details: { id } },
    )
  }
}

/** Whether an undo would take back what this command itself began, and nothing that served before. */
async function takesBack(db: Db, command: Command): Promise<boolean> {
  if (command.phase !== 'install') return false
  if (command.subject === undefined) return !(await everEndedWell(db, command))
  const row = await findDeployment(db, command.subject, command.plan, command.instance)
  return row?.readyAt === undefined
}

/** A site has no deployment that says so: an earlier command of the same plan that ended well does. */
async function everEndedWell(db: Db, { id, plan }: Command): Promise<boolean> {
  const earlier = await db
    .selectFrom('commands')
    .select('id')
    .where('plan', '=', plan)
    .where('phase', '=', 'install')
    .where('subject', 'is', null)
    .where('status', '=', Status.completed)
    .where('id', '<', id)
    .limit(1)
    .executeTakeFirst()
  return earlier !== undefined
}

/** What would be undone if this command failed, the last step first. */
export async function undoableSteps(db: Db, command: Command): Promise<string[]> {
  if (!(await takesBack(db, command))) return []
  if (command.subject !== undefined) return (await begunSteps(db, command)).map(({ step }) => step).toReversed()
  const begun = await db
    .selectFrom('tasks')
    .select('step')
    .where('command_id', '=', command.id)
    .where('fencing', '>', 0)
    .orderBy('position', 'desc')
    .execute()
  return begun.map((task) => task.step)
}
