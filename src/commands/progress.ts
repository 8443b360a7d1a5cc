import type { Db, Row } from '../db/database.ts'
import { type Command, hasEnded } from './command.ts'
import { getCommand } from './store.ts'

export type StepState = 'waiting' | 'running' | 'done' | 'failed'

/** A task as people are shown it. */
export interface StepView {
  readonly step: string
  readonly task: number
  readonly action: string
  readonly state: StepState
  readonly attempts: number
  readonly startedAt?: number
  readonly endedAt?: number
  /** Whether it makes sure of the thing, or takes it away. */
  readonly does: 'ensure' | 'remove'
  /** What it is waiting for right now, and since when. */
  readonly waiting?: string
  readonly waitingSince?: number
  /** Its outcome in one line; between attempts, why the last one failed. */
  readonly message?: string
  readonly lastLine?: string
}

/** In the plan's order. */
export async function listSteps(db: Db, command: Command): Promise<StepView[]> {
  const tasks = await db
    .selectFrom('tasks')
    .selectAll()
    .where('command_id', '=', command.id)
    .orderBy('position')
    .execute()
  return tasks.map((task) => toStep(task, command))
}

/** The steps, each with the last line it said. */
export async function listStepsTold(db: Db, id: number): Promise<StepView[]> {
  const steps = await listSteps(db, await getCommand(db, id))
  const lines = await lastLines(db, id)
  return steps.map((step) => {
    const lastLine = lines.get(step.task)
    return lastLine === undefined ? step : { ...step, lastLine }
  })
}

async function lastLines(db: Db, command: number): Promise<Map<number, string>> {
  const newest = db
    .selectFrom('task_output')
    .innerJoin('tasks', 'tasks.id', 'task_output.task_id')
    .select(({ fn }) => fn.max('task_output.id').as('id'))
    .where('tasks.command_id', '=', command)
    .groupBy('task_output.task_id')
  const rows = await db
    .selectFrom('task_output')
    .innerJoin(newest.as('newest'), 'newest.id', 'task_output.id')
    .select(['task_output.task_id', 'task_output.line'])
    .execute()
  return new Map(rows.map((row) => [row.task_id, row.line]))
}

function toStep(task: Row<'tasks'>, command: Command): StepView {
  return {
    step: task.step,
    task: task.id,
    action: task.action,
    state: shownState(task, hasEnded(command)),
    does: command.phase === 'remove' ? 'remove' : task.mode,
    attempts: task.attempts,
    ...(task.started_at === null ? {} : { startedAt: task.started_at }),
    ...(task.ended_at === null ? {} : { endedAt: task.ended_at }),
    ...(task.waiting === null ? {} : { waiting: task.waiting }),
    ...(task.waiting === null || task.waiting_since === null ? {} : { waitingSince: task.waiting_since }),
    ...(task.message === null ? {} : { message: task.message }),
  }
}

/** Between two attempts, or while another holds its lock, a step has begun and is not done. */
function shownState({ state, started_at }: Row<'tasks'>, ended: boolean): StepState {
  if (state === 'done' || state === 'failed') return state
  if (started_at === null) return 'waiting'
  // The command was cancelled in the middle of it.
  return ended ? 'failed' : 'running'
}

export interface OutputLine {
  readonly id: number
  readonly at: number
  readonly line: string
}

/** A task's output in order; `after` is the id to continue from. */
export async function listOutput(db: Db, task: number, { after = 0, limit = 10_000 } = {}): Promise<OutputLine[]> {
  return db
    .selectFrom('task_output')
    .select(['id', 'at', 'line'])
    .where('task_id', '=', task)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}
