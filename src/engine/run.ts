import type { z } from 'zod'
import type { Action, ActionContext } from '../actions/action.ts'
import { AppError, type ErrorKind, explain, kindOf } from '../base/errors.ts'
import { masker } from '../base/secrets.ts'
import type { Values } from '../catalog/plan.ts'
import { isAccountGone, isOtherGone, resolveGiven } from '../catalog/resolve.ts'
import type { Command } from '../commands/command.ts'
import { begunSteps } from '../commands/store.ts'
import type { Db } from '../db/database.ts'
import { isTransient } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import type { ClaimedTask } from './claim.ts'
import { afterFailure } from './decide.ts'
import type { EngineDeps, EngineSettings } from './deps.ts'
import type { TaskEnd } from './end.ts'
import type { Lease } from './lease.ts'
import { takeLocks } from './locks.ts'
import { TaskLog } from './task-log.ts'

type Mask = (text: string) => string

/** Runs one claimed task to its outcome; undefined when it has been put back to wait for a lock. Never rejects. */
export async function runTask(
  deps: EngineDeps,
  settings: EngineSettings,
  task: ClaimedTask,
  lease: Lease,
): Promise<TaskEnd | undefined> {
  let mask: Mask = (text) => text
  try {
    // Claimed in the moment of the engine's end: nothing is begun that would only be broken off.
    lease.signal.throwIfAborted()
    const { command } = task
    const context = await deps.context(command)
    mask = maskLines(context.secrets)
    return await runPrepared({ deps, task, lease, mask, command }, context.values)
  } catch (error) {
    return endOf(error, { deps, settings, task, lease, mask })
  }
}

interface Run {
  readonly deps: EngineDeps
  readonly task: ClaimedTask
  readonly lease: Lease
  readonly mask: Mask
  readonly command: Command
}

async function runPrepared(run: Run, values: Values): Promise<TaskEnd | undefined> {
  const { deps, task, mask } = run
  const action = findAction(deps, task)
  const input = await inputOf(run, action, values)
  if (input === nothingMade) return nothingToRemove
  if (!(await lock(deps, task, action.locks(input)))) return undefined
  const log = new TaskLog({
    db: deps.db,
    task,
    mask,
    now: () => deps.clock.now(),
    failed: (error) => warn(deps, task, error),
  })
  try {
    const act = takesAway(run) ? removeUntilAbsent : ensure
    return await act(action, input, contextOf(run, log), deps, mask)
  } catch (error) {
    if (await neverBegan(run, error)) return nothingToRemove
    throw error
  } finally {
    await log.close()
  }
}

const nothingToRemove: TaskEnd = { kind: 'done', message: 'there is nothing to remove', outputs: undefined }

/** A whole removal, or a step that an update no longer asks for. */
function takesAway({ command, task }: Pick<Run, 'command' | 'task'>): boolean {
  return command.phase === 'remove' || task.mode === 'remove'
}

async function ensure(
  action: Action<unknown>,
  input: unknown,
  context: ActionContext,
  deps: EngineDeps,
  mask: Mask,
): Promise<TaskEnd> {
  const { message, outputs } = await action.ensure(input, context)
  const text = outputs === undefined ? undefined : JSON.stringify(outputs)
  return { kind: 'done', message: mask(message), outputs: text === undefined ? undefined : (deps.seal?.(text) ?? text) }
}

/** Nothing is reported gone while it is still there, or while nobody could look. */
async function removeUntilAbsent(
  action: Action<unknown>,
  input: unknown,
  context: ActionContext,
  _: EngineDeps,
  mask: Mask,
): Promise<TaskEnd> {
  const { message } = await action.remove(input, context)
  const { state, detail } = await action.observe(input, context)
  if (state === 'absent') return { kind: 'done', message: mask(message), outputs: undefined }
  const seen = state === 'unknown' ? 'could not be looked at' : 'is still there'
  throw new AppError(
    'unavailable',
    'still-there',
    `after the removal it ${seen}${detail === undefined ? '' : ` (${detail})`}`,
  )
}

function findAction(deps: EngineDeps, task: ClaimedTask): Action<unknown> {
  const action = deps.actions.find((candidate) => candidate.name === task.action)
  if (action !== undefined) return action as Action<unknown>
  throw new AppError('bug', 'action-unknown', `step ${task.step}: there is no action '${task.action}'`)
}

const nothingMade = Symbol('nothing made')

async function inputOf(run: Run, action: Action<unknown>, values: Values): Promise<unknown> {
  const { task, command } = run
  const place = { plan: command.plan, step: task.step, field: 'with' }
  // What no placeholder can name need not be read.
  const steps = task.input.includes('steps.') ? await stepOutputs(run) : {}
  const all = { params: command.params, ...values, steps }
  try {
    const parsed = action.input.safeParse(resolveGiven(JSON.parse(task.input), all, place))
    if (parsed.success) return parsed.data
    throw wrongInput(place, action.name, parsed.error)
  } catch (error) {
    if (leavesNothing(run, action, error) || (await neverBegan(run, error))) return nothingMade
    throw error
  }
}

function wrongInput({ plan, step }: { plan: string; step: string }, action: string, error: z.ZodError): AppError {
  const problems = error.issues.map((issue) => `with.${issue.path.join('.')}: ${issue.message}`)
  return new AppError(
    'invalid',
    'action-input-invalid',
    `plan ${plan}, step ${step}, input of ${action}: ${problems.join('; ')}`,
  )
}

/**
 * A removal whose input can't be told: an earlier step would have given it, or the start of an order that was cancelled
 * before. When this step never began, there is nothing to remove.
 */
async function neverBegan(run: Run, error: unknown): Promise<boolean> {
  const { deps, task, command } = run
  if (!takesAway(run) || kindOf(error) !== 'invalid') return false
  const begun = await begunSteps(deps.db, command)
  return begun.every((step) => step.step !== task.step)
}

/** Its own account is gone with all it had; or the one that it worked with is, and it left nothing of its own there. */
function leavesNothing(run: Run, action: Action<unknown>, error: unknown): boolean {
  if (!takesAway(run)) return false
  return isAccountGone(error) || (action.things === undefined && isOtherGone(error))
}

/** What the command's steps gave; for a removal, what the install's gave. */
async function stepOutputs(run: Run): Promise<Values> {
  const { deps, command } = run
  const done = takesAway(run) ? await begunSteps(deps.db, command) : await doneSteps(deps.db, command.id)
  return Object.fromEntries(done.flatMap(({ step, outputs }) => (outputs ? [[step, open(deps, outputs)]] : [])))
}

/** By command alone: asked for the state too, SQLite reads every task that was ever done. */
async function doneSteps(db: Db, command: number) {
  const tasks = db.selectFrom('tasks').select(['step', 'outputs', 'state']).where('command_id', '=', command)
  return (await tasks.execute()).filter(({ state }) => state === 'done')
}

function open(deps: EngineDeps, sealed: string): Values {
  return JSON.parse(deps.unseal?.(sealed) ?? sealed) as Values
}

/** False: another has one of them, and the task waits until it is free. */
async function lock(deps: EngineDeps, task: ClaimedTask, names: readonly string[]): Promise<boolean> {
  if (names.length === 0) return true
  const now = deps.clock.now()
  return inTransaction(deps.db, async (tx) => {
    const busy = await takeLocks(tx, names, { id: task.id, fencing: task.fencing, now })
    if (busy === undefined) return true
    const first = task.attempts === 1
    const wait = {
      state: 'ready',
      // The net: whoever frees the lock makes the task due at once.
      due_at: now + 5_000,
      attempts: task.attempts - 1,
      lease_owner: null,
      lease_until: null,
      waiting_lock: busy.name,
      waiting_since: task.waiting_since ?? now,
      waiting: `waiting for ${busy.name}, which ${busy.holder} is using`,
      ...(first ? { started_at: null } : {}),
    } as const
    await tx
      .updateTable('tasks')
      .set(wait)
      .where('id', '=', task.id)
      .where('fencing', '=', task.fencing)
      .where('state', '=', 'running')
      .execute()
    return false
  })
}

function contextOf({ task, lease }: Run, log: TaskLog): ActionContext {
  return {
    task: { id: task.id, command: task.command_id, step: task.step, fencing: task.fencing },
    signal: lease.signal,
    output: (line) => log.output(line),
    waiting: (reason, how) => {
      lease.waits = reason !== undefined && how?.idle === true
      // It wakes the engine, which gives the place to another.
      log.waiting(reason)
    },
  }
}

type Ending = Omit<Run, 'command'> & { readonly settings: EngineSettings }

function endOf(error: unknown, { deps, settings, task, lease, mask }: Ending): TaskEnd {
  const message = mask(explain(error))
  if (lease.interruption === 'command-cancelled')
    return { kind: 'failed', message: `cancelled: ${explain(lease.signal.reason)}` }
  if (lease.interruption !== undefined) return { kind: 'released' }
  const kind = kindOfFailure(error)
  if (kind === 'bug')
    deps.log.error('task failed by a bug', {
      task: task.id,
      action: task.action,
      stack: mask(String((error as Error).stack)),
    })
  const now = deps.clock.now()
  const facts = {
    attempt: task.attempts,
    startedAt: task.started_at,
    now,
    retryForMs: settings.retryForMs,
    random: Math.random(),
  }
  const next = afterFailure({ kind, ...facts })
  if (next.then === 'retry') return { kind: 'retry', dueAt: next.dueAt, reason: message }
  const tries = next.tooLong ? ` (tried ${task.attempts} times in ${Math.round((now - task.started_at) / 1000)} s)` : ''
  return { kind: 'failed', message: `${message}${tries}` }
}

/** Our own database may be away like anything outside: that is no mistake of the task's. */
export function kindOfFailure(error: unknown): ErrorKind {
  return isTransient(error) ? 'unavailable' : kindOf(error)
}

/** Of a secret with several lines (a key in PEM), each line is one: output comes line by line. */
function maskLines(secrets: readonly string[]): Mask {
  return masker(secrets.flatMap((secret) => (secret.includes('\n') ? [secret, ...secret.split('\n')] : [secret])))
}

function warn(deps: EngineDeps, task: ClaimedTask, error: unknown): void {
  deps.log.warn('task output not written yet', { task: task.id, reason: explain(error) })
}
