import { Status } from '../base/status.ts'
import { type Command, toCommand } from '../commands/command.ts'
import type { Row, RowChange, Tx } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import type { ClaimedTask } from './claim.ts'
import { nextStep, type TaskFacts } from './decide.ts'
import type { EngineDeps } from './deps.ts'
import { freeLocks } from './locks.ts'

/** How a task's run came out. */
export type TaskEnd =
  | { readonly kind: 'done'; readonly message: string; readonly outputs: string | undefined }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'retry'; readonly dueAt: number; readonly reason: string }
  /** Handed back untried or half done, for whoever comes next. */
  | { readonly kind: 'released' }

/** Records the outcome, frees successors and locks, ends the command with its last task: all at once. False: the task was lost. */
export async function endTask(deps: EngineDeps, task: ClaimedTask, end: TaskEnd): Promise<boolean> {
  const now = deps.clock.now()
  return inTransaction(deps.db, async (tx) => {
    // Two tasks that end together must see each other, or neither would end the command.
    const command = await lockCommand(tx, task.command_id)
    const { numUpdatedRows } = await tx
      .updateTable('tasks')
      .set(changeOf(task, end, now))
      .where('id', '=', task.id)
      .where('fencing', '=', task.fencing)
      .where('state', '=', 'running')
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return false
    await freeLocks(tx, { id: task.id, now })
    await settleCommand(deps, tx, command, now)
    return true
  })
}

function changeOf(task: ClaimedTask, end: TaskEnd, now: number): RowChange<'tasks'> {
  const free = { lease_owner: null, lease_until: null, waiting: null } as const
  switch (end.kind) {
    case 'done':
      return { ...free, state: 'done', message: end.message, outputs: end.outputs ?? null, ended_at: now }
    case 'failed':
      return { ...free, state: 'failed', message: end.message, ended_at: now }
    case 'retry':
      return {
        ...free,
        state: 'ready',
        message: end.reason,
        due_at: end.dueAt,
        waiting: end.reason,
        waiting_since: now,
      }
    case 'released':
      return { ...free, state: 'ready', due_at: now, attempts: task.attempts - 1 }
  }
}

export async function lockCommand(tx: Tx, id: number): Promise<Row<'commands'>> {
  const query = tx.selectFrom('commands').selectAll().where('id', '=', id)
  return (capabilities(tx).rowLocks ? query.forUpdate() : query).executeTakeFirstOrThrow()
}

/** Does what follows from the tasks' states; the command's row must be locked. */
export async function settleCommand(deps: EngineDeps, tx: Tx, command: Row<'commands'>, now: number): Promise<void> {
  // Somebody ended it already: a command that was cancelled by force.
  if (command.status !== Status.pending) return
  const tasks = await tx
    .selectFrom('tasks')
    .select(['id', 'step', 'state', 'after', 'message'])
    .where('command_id', '=', command.id)
    .orderBy('position')
    .execute()
  const next = nextStep(tasks.map(factsOf), { cancelled: command.cancelled !== null })
  await setState(tx, next.free, { state: 'ready', due_at: now })
  await setState(tx, next.hold, { state: 'waiting', waiting: null, waiting_lock: null })
  if (next.command === 'running') return
  const completed = next.command === 'completed'
  const message = completed ? null : (command.cancelled ?? failureOf(tasks))
  await endCommand(deps, tx, command, { status: completed ? Status.completed : Status.failed, message, now })
}

type Settled = Pick<Row<'tasks'>, 'id' | 'step' | 'state' | 'after' | 'message'>

function factsOf(task: Settled): TaskFacts {
  return { id: task.id, step: task.step, state: task.state, after: JSON.parse(task.after) as string[] }
}

function failureOf(tasks: readonly Settled[]): string {
  return tasks
    .filter((task) => task.state === 'failed')
    .map((task) => `${task.step}: ${task.message ?? 'failed'}`)
    .join('; ')
}

async function setState(tx: Tx, ids: readonly number[], change: RowChange<'tasks'>): Promise<void> {
  if (ids.length > 0) await tx.updateTable('tasks').set(change).where('id', 'in', ids).execute()
}

export interface CommandEnd {
  readonly status: typeof Status.completed | typeof Status.failed
  readonly message: string | null
  readonly now: number
}

export async function endCommand(
  deps: EngineDeps,
  tx: Tx,
  command: Row<'commands'>,
  { status, message, now }: CommandEnd,
): Promise<Command> {
  const change = { status, message, ended_at: now, active_lane: null }
  await tx.updateTable('commands').set(change).where('id', '=', command.id).execute()
  const ended = toCommand({ ...command, ...change })
  await deps.finished?.(ended, tx)
  deps.log.info('command ended', { command: ended.id, plan: ended.plan, phase: ended.phase, state: ended.state })
  return ended
}
