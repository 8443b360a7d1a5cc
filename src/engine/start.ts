import { explain } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { mergedParams } from '../catalog/parameters.ts'
import { getPlan, type Plan, type Values } from '../catalog/plan.ts'
import { type Command, toCommand } from '../commands/command.ts'
import { type ExpandedStep, expandPlan } from '../commands/expand.ts'
import { placeInLane } from '../commands/lane.ts'
import { begunParams, begunSteps } from '../commands/store.ts'
import type { Db, NewRow, Row, Tx } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { backOff } from './decide.ts'
import type { EngineDeps } from './deps.ts'
import { endCommands, lockCommand, settleCommands } from './end.ts'
import { freeLocks } from './locks.ts'
import { kindOfFailure } from './run.ts'

/** Most of a start is waiting for the database's answers: lanes wait together. */
const AT_ONCE = 4

/** Turns waiting commands whose lane is free into tasks. Several engines may do so at once: each command starts once. */
export async function startCommands(deps: EngineDeps): Promise<void> {
  const rows = await startable(deps.db, deps.clock.now())
  for (let start = 0; start < rows.length; start += AT_ONCE)
    await Promise.all(rows.slice(start, start + AT_ONCE).map(async (row) => await startCommand(deps, row)))
}

/** The first waiting command of every free lane; of several that one step ordered, all: the lane lets one begin. */
async function startable(db: Db, now: number): Promise<Row<'commands'>[]> {
  const first = db
    .selectFrom('commands')
    .leftJoin('commands as running', 'running.active_lane', 'commands.lane')
    .select(({ fn }) => ['commands.lane', fn.min(placeInLane).as('place')])
    .where('commands.status', '=', Status.initiated)
    .where('running.id', 'is', null)
    .groupBy('commands.lane')
  return db
    .selectFrom('commands')
    .innerJoin(first.as('first'), 'first.lane', 'commands.lane')
    .selectAll('commands')
    .where('commands.status', '=', Status.initiated)
    .whereRef('first.place', '=', placeInLane)
    .where('commands.due_at', '<=', now)
    .orderBy('commands.id')
    .limit(100)
    .execute()
}

async function startCommand(deps: EngineDeps, row: Row<'commands'>): Promise<void> {
  const command = toCommand(row)
  try {
    const plan = getPlan(deps.plans, command.plan)
    const params = await checkedParams(deps, plan, command)
    const steps = await expand(deps, plan, { ...command, params })
    await inTransaction(deps.db, (tx) => begin(deps, tx, { ...command, params }, steps))
  } catch (error) {
    // Another command of the lane was quicker; this one has its turn later.
    if (isDuplicate(error)) return
    await refuse(deps, row, error)
  }
}

/** A schema that became narrower must not keep anyone from removing what an older one allowed. */
async function checkedParams(deps: EngineDeps, plan: Plan, command: Command): Promise<Values> {
  const params = mergedParams((await deps.remembered?.(command)) ?? {}, command.params)
  if (command.phase !== 'remove') return plan.checkParams(params)
  // Of an install that was cut short nothing else may remember what it was made with.
  return mergedParams(await begunParams(deps.db, command), params)
}

async function expand(deps: EngineDeps, plan: Plan, command: Command): Promise<ExpandedStep[]> {
  const context = await deps.context(command)
  // Of an account an undo takes back all that failed: nothing of it served. A site may stand on what was there before.
  const begun = await begunSteps(deps.db, command, command.subject === undefined ? command.undoOf : undefined)
  return expandPlan({
    plan,
    phase: command.phase,
    values: { params: command.params, ...context.values },
    begun: new Set(begun.map((step) => step.step)),
    undo: command.undoOf !== undefined,
  })
}

async function begin(deps: EngineDeps, tx: Tx, command: Command, steps: readonly ExpandedStep[]): Promise<void> {
  const row = await lockCommand(tx, command.id)
  if (row.status !== Status.initiated) return
  const now = deps.clock.now()
  const change = {
    status: Status.pending,
    active_lane: row.lane,
    params: JSON.stringify(command.params),
    message: null,
    started_at: row.started_at ?? now,
  }
  await tx.updateTable('commands').set(change).where('id', '=', command.id).execute()
  const started = { ...row, ...change }
  if (row.started_at === null && row.cancelled === null && steps.length > 0) {
    await tx
      .insertInto('tasks')
      .values(newTasks(command, steps, now))
      .execute()
    return await deps.prepare?.(toCommand(started), tx)
  }
  await writeTasks(tx, command, steps, now)
  await deps.prepare?.(toCommand(started), tx)
  await settleCommands(deps, tx, [started], now)
}

/** Of a command that never began: nothing has to be looked up to know what may run. */
function newTasks(command: Command, steps: readonly ExpandedStep[], now: number): NewRow<'tasks'>[] {
  return steps.map((step, position) => {
    const state = step.after.length === 0 ? 'ready' : 'waiting'
    return { ...keysOf(command, step), ...freshTask(step, position, now), state }
  })
}

function keysOf(command: Command, { step }: ExpandedStep) {
  return { command_id: command.id, subject: command.subject ?? null, step, fencing: 0 }
}

function freshTask({ action, after, input, mode }: ExpandedStep, position: number, now: number) {
  const content = { action, position, after: JSON.stringify(after), input: JSON.stringify(input), mode }
  return { ...content, state: 'waiting', due_at: now, attempts: 0 } as const
}

/** Of a retried command what is not done begins anew, as the plan says now. */
async function writeTasks(tx: Tx, command: Command, steps: readonly ExpandedStep[], now: number): Promise<void> {
  const tasks = await tx.selectFrom('tasks').selectAll().where('command_id', '=', command.id).execute()
  const added: NewRow<'tasks'>[] = []
  for (const [position, step] of steps.entries()) {
    const fresh = freshTask(step, position, now)
    const task = tasks.find((candidate) => candidate.step === step.step)
    if (task === undefined) {
      added.push({ ...keysOf(command, step), ...fresh })
    } else if (task.state !== 'done') {
      // The number grows here too: whoever still works on the old attempt has lost it.
      const reset = { ...fresh, ...idle, fencing: task.fencing + (task.fencing === 0 ? 0 : 1) }
      await tx.updateTable('tasks').set(reset).where('id', '=', task.id).execute()
    }
  }
  if (added.length > 0) await tx.insertInto('tasks').values(added).execute()
  const gone = tasks.filter((task) => task.state !== 'done' && !steps.some((step) => step.step === task.step))
  for (const task of gone) {
    const left = { ...idle, state: 'done', message: 'no longer part of the plan', ended_at: now } as const
    await tx.updateTable('tasks').set(left).where('id', '=', task.id).execute()
  }
}

const idle = {
  lease_owner: null,
  lease_until: null,
  waiting: null,
  waiting_since: null,
  waiting_lock: null,
  message: null,
  started_at: null,
  ended_at: null,
} as const

/** What can't be started is tried later when that may help, else the command has failed before its first task. */
async function refuse(deps: EngineDeps, row: Row<'commands'>, error: unknown): Promise<void> {
  const now = deps.clock.now()
  const message = explain(error)
  const kind = kindOfFailure(error)
  deps.log.warn('command not started', { command: row.id, plan: row.plan, kind, reason: message })
  await inTransaction(deps.db, async (tx) => {
    const current = await lockCommand(tx, row.id)
    if (current.status !== Status.initiated) return
    if (kind === 'unavailable') {
      const later = { due_at: now + backOff(4, Math.random()), message }
      await tx.updateTable('commands').set(later).where('id', '=', row.id).execute()
      return
    }
    await endCommands(deps, tx, [{ command: current, status: Status.failed, message }], now)
  })
}

/** Ends cancelled commands whose tasks have stopped, or whose engine is gone. */
export async function endCancelled(deps: EngineDeps): Promise<void> {
  const query = deps.db
    .selectFrom('commands')
    .select('id')
    .where('status', '=', Status.pending)
    .where('cancelled', 'is not', null)
  for (const { id } of await query.execute()) {
    await inTransaction(deps.db, async (tx) => {
      const command = await lockCommand(tx, id)
      const now = deps.clock.now()
      const lost = tx.selectFrom('tasks').select('id').where('command_id', '=', id).where('state', '=', 'running')
      for (const task of await lost.where('lease_until', '<=', now).execute()) {
        const { numUpdatedRows } = await tx
          .updateTable('tasks')
          .set((eb) => ({ state: 'ready', fencing: eb('fencing', '+', 1), lease_owner: null, lease_until: null }))
          .where('id', '=', task.id)
          .where('state', '=', 'running')
          .where('lease_until', '<=', now)
          .executeTakeFirst()
        if (numUpdatedRows > 0n) await freeLocks(tx, { ids: [task.id], now })
      }
      await settleCommands(deps, tx, [command], now)
    })
  }
}
