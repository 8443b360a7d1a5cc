import { AppError } from '../base/errors.ts'
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

export interface Ending {
  readonly task: ClaimedTask
  readonly end: TaskEnd
}

/**
 * Records outcomes, frees successors and locks, ends commands with their last tasks: all at once. Gives the tasks that were
 * still ours.
 */
export async function endTasks(deps: EngineDeps, endings: readonly Ending[]): Promise<ReadonlySet<number>> {
  const now = deps.clock.now()
  return inTransaction(deps.db, async (tx) => {
    // Two tasks that end together must see each other, or neither would end the command.
    const commands = await lockCommands(tx, [...new Set(endings.map(({ task }) => task.command_id))])
    const ours: ClaimedTask[] = []
    for (const { task, end } of endings) {
      const { numUpdatedRows } = await tx
        .updateTable('tasks')
        .set(changeOf(task, end, now))
        .where('id', '=', task.id)
        .where('fencing', '=', task.fencing)
        .where('state', '=', 'running')
        .executeTakeFirst()
      if (numUpdatedRows > 0n) ours.push(task)
    }
    await freeLocks(tx, { ids: ours.map(({ id }) => id), now })
    const touched = new Set(ours.map(({ command_id }) => command_id))
    const settled = commands.filter(({ id }) => touched.has(id))
    await settleCommands(deps, tx, settled, now)
    return new Set(ours.map(({ id }) => id))
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
  const [command] = await lockCommands(tx, [id])
  if (command === undefined) throw new AppError('not-found', 'command-unknown', `there is no command ${id}`)
  return command
}

/** In the order of their numbers, as everybody does it. */
async function lockCommands(tx: Tx, ids: readonly number[]): Promise<Row<'commands'>[]> {
  const query = tx.selectFrom('commands').selectAll().where('id', 'in', ids).orderBy('id')
  return await (capabilities(tx).rowLocks ? query.forUpdate() : query).execute()
}

/** Does what follows from the tasks' states; the commands' rows must be locked. */
export async function settleCommands(
  deps: EngineDeps,
  tx: Tx,
  commands: readonly Row<'commands'>[],
  now: number,
): Promise<void> {
  // Others somebody ended already: a command that was cancelled by force.
  const open = commands.filter(({ status }) => status === Status.pending)
  if (open.length === 0) return
  const ids = open.map(({ id }) => id)
  const rows = await tx
    .selectFrom('tasks')
    .select(['id', 'command_id', 'step', 'state', 'after', 'message'])
    .where('command_id', 'in', ids)
    .orderBy('position')
    .execute()
  const tasks = Map.groupBy(rows, ({ command_id }) => command_id)
  const followed = open.map((command) => {
    const own = tasks.get(command.id) ?? []
    return { command, tasks: own, next: nextStep(own.map(factsOf), { cancelled: command.cancelled !== null }) }
  })
  const free = followed.flatMap(({ next }) => next.free)
  const hold = followed.flatMap(({ next }) => next.hold)
  await setState(tx, free, { state: 'ready', due_at: now })
  await setState(tx, hold, { state: 'waiting', waiting: null, waiting_lock: null })
  const ends = followed.flatMap(({ command, tasks: own, next }) => {
    if (next.command === 'running') return []
    if (next.command === 'completed') return { command, status: Status.completed, message: null }
    return { command, status: Status.failed, message: command.cancelled ?? failureOf(own) }
  })
  await endCommands(deps, tx, ends, now)
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
  readonly command: Row<'commands'>
  readonly status: typeof Status.completed | typeof Status.failed
  readonly message: string | null
}

export async function endCommands(deps: EngineDeps, tx: Tx, ends: readonly CommandEnd[], now: number): Promise<void> {
  const ended: Command[] = []
  for (const { command, status, message } of ends) {
    const change = { status, message, ended_at: now, active_lane: null }
    await tx.updateTable('commands').set(change).where('id', '=', command.id).execute()
    ended.push(toCommand({ ...command, ...change }))
  }
  for (const command of ended) {
    await deps.finished?.(command, tx)
    const { id, plan, phase, state } = command
    deps.log.info('command ended', { command: id, plan, phase, state })
  }
}
