import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import type { Phase, Values } from '../catalog/plan.ts'
import type { Db, Row } from '../db/database.ts'
import { type Command, type CommandState, toCommand } from './command.ts'
import { placeInLane } from './lane.ts'

export async function findCommand(db: Db, id: number): Promise<Command | undefined> {
  const row = await db.selectFrom('commands').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toCommand(row)
}

export async function getCommand(db: Db, id: number): Promise<Command> {
  const command = await findCommand(db, id)
  if (command === undefined)
    throw new AppError('not-found', 'command-unknown', `there is no command ${id}`, { details: { id } })
  return command
}

export interface CommandFilter {
  readonly plan?: string
  readonly subject?: number
  /** Only the site's own commands (without an account). */
  readonly site?: boolean
  readonly phase?: Phase
  readonly state?: CommandState
  readonly before?: number
  readonly limit?: number
}

/** Newest first; `before` is the id to continue from. */
export async function listCommands(db: Db, filter: CommandFilter = {}): Promise<Command[]> {
  let query = db
    .selectFrom('commands')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(filter.limit ?? 50)
  if (filter.plan !== undefined) query = query.where('plan', '=', filter.plan)
  if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject)
  if (filter.site === true) query = query.where('subject', 'is', null)
  if (filter.phase !== undefined) query = query.where('phase', '=', filter.phase)
  // Nearly all are done: the newest are found by looking back, not by sorting them all.
  if (filter.state === 'done') query = query.where('status', 'not in', notDone)
  else if (filter.state !== undefined) query = query.where('status', '=', codeOf(filter.state))
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  return (await query.execute()).map(toCommand)
}

const notDone = [Status.initiated, Status.pending, Status.failed]

function codeOf(state: Exclude<CommandState, 'done'>) {
  switch (state) {
    case 'waiting':
      return Status.initiated
    case 'running':
      return Status.pending
    case 'failed':
      return Status.failed
  }
}

/** The newest order of each thing that these accounts have. */
export async function newestCommands(db: Db, subjects: readonly number[]): Promise<Command[]> {
  if (subjects.length === 0) return []
  const newest = db
    .selectFrom('commands')
    .select(({ fn }) => fn.max('id').as('id'))
    .where('subject', 'in', [...new Set(subjects)])
    .groupBy(['subject', 'plan', 'instance'])
    .as('newest')
  const rows = await db
    .selectFrom(newest)
    .innerJoin('commands', 'commands.id', 'newest.id')
    .selectAll('commands')
    .execute()
  return rows.map(toCommand)
}

export async function findByKey(db: Db, key: string): Promise<Row<'commands'> | undefined> {
  return db.selectFrom('commands').selectAll().where('idempotency_key', '=', key).executeTakeFirst()
}

/** What a command is about: the plan for this account, or of the site. */
export interface Target {
  readonly plan: string
  readonly subject?: number | undefined
  /** Which of several; the only one when left out. */
  readonly instance?: string | undefined
}

/** The newest install or update of this plan for this account. */
export async function lastInstall(db: Db, target: Target): Promise<Command | undefined> {
  const row = await ofTarget(db, target)
    .where('phase', '!=', 'remove')
    .selectAll()
    .orderBy(placeInLane, 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return row === undefined ? undefined : toCommand(row)
}

/** The newest command of this plan for this account. */
export async function lastCommand(db: Db, target: Target): Promise<Command | undefined> {
  const row = await ofTarget(db, target)
    .selectAll()
    .orderBy(placeInLane, 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return row === undefined ? undefined : toCommand(row)
}

function ofTarget(db: Db, { plan, subject, instance = '' }: Target) {
  const query = db.selectFrom('commands').where('plan', '=', plan).where('instance', '=', instance)
  return subject === undefined ? query.where('subject', 'is', null) : query.where('subject', '=', subject)
}

/** A step that earlier installs or updates began, with what it gave last. */
export interface EarlierStep {
  readonly step: string
  readonly outputs: string | undefined
}

/**
 * Steps that were begun for this plan and account before and not taken away since, newest outputs winning; of one command
 * with `command`.
 */
export async function begunSteps(db: Db, target: Target, command?: number): Promise<EarlierStep[]> {
  const begun = await begunTasks(db, target)
  const tasks = command === undefined ? begun : begun.filter((task) => task.command_id === command)
  const steps = new Map<string, EarlierStep>()
  for (const { step, outputs, mode, state } of tasks) {
    if (mode === 'remove' && state === 'done') steps.delete(step)
    else if (mode === 'ensure') steps.set(step, { step, outputs: outputs ?? steps.get(step)?.outputs })
  }
  return [...steps.values()]
}

/** Parameters of the newest order that began something which was not taken away since: what there is was made by them. */
export async function begunParams(db: Db, target: Target): Promise<Values> {
  const newest = (await begunTasks(db, target)).findLast(({ mode }) => mode === 'ensure')
  return newest === undefined ? {} : (JSON.parse(newest.params) as Values)
}

/** Every task of before that had a turn, since the last whole removal. */
async function begunTasks(db: Db, target: Target) {
  const removed = ofTarget(db, target)
    .where('phase', '=', 'remove')
    .where('status', 'in', [Status.completed, Status.removed])
    // What an undo takes back its own tasks tell: there may be more of before.
    .where('undo_of', 'is', null)
    .select(({ fn }) => fn.max(placeInLane).as('removed'))
  const query = db
    .selectFrom('tasks')
    .innerJoin('commands', 'commands.id', 'tasks.command_id')
    .select(['tasks.command_id', 'tasks.step', 'tasks.outputs', 'tasks.mode', 'tasks.state', 'commands.params'])
    .where('commands.plan', '=', target.plan)
    .where('commands.instance', '=', target.instance ?? '')
    .where(({ eb, fn, val }) => eb(placeInLane, '>', fn.coalesce(removed, val(0))))
    .where(({ eb, or }) => or([eb('commands.phase', '!=', 'remove'), eb('commands.undo_of', 'is not', null)]))
    .where('tasks.fencing', '>', 0)
    .orderBy('tasks.id')
  const own =
    target.subject === undefined
      ? query.where('commands.subject', 'is', null)
      : query.where('commands.subject', '=', target.subject)
  return await own.execute()
}
