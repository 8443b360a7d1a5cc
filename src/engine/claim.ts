import { Status } from '../base/status.ts'
import { type Command, toCommand } from '../commands/command.ts'
import type { Db, Row, Tx } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { type Candidate, fairOrder, firstTurn, type Served } from './decide.ts'

export type ClaimedTask = Row<'tasks'> & { readonly started_at: number; readonly command: Command }

export interface Claim {
  readonly owner: string
  readonly now: number
  readonly leaseMs: number
  readonly served: Served
  /** How many at most. */
  readonly most: number
}

/** How long a look serves: a newcomer waits no longer for others than that. */
const LOOK_MS = 200

/**
 * Takes due tasks whose turn it is, of every account one at most. Whose turn it is is looked up once for as many claims as
 * that gives: with a thousand accounts waiting the look costs more than all the rest.
 */
export class Turn {
  #left: Candidate[] = []
  #looked = 0
  /** Commands of which a task has just ended here. */
  #going: number[] = []

  /** A task of this command has ended: the next one comes before others begin theirs, without a look at all of them. */
  goOn(command: number): void {
    this.#going.push(command)
  }

  /** None when nothing is due. Engines compare leases by their clocks: keep these in step. */
  async claim(db: Db, claim: Claim): Promise<ClaimedTask[]> {
    const next = await this.#next(db, claim)
    if (next.length > 0) return next
    const isFresh = claim.now >= this.#looked && claim.now < this.#looked + LOOK_MS
    const kept = isFresh ? await this.#take(db, claim) : []
    return kept.length > 0 ? kept : await this.#look(db, claim)
  }

  async #next(db: Db, claim: Claim): Promise<ClaimedTask[]> {
    while (this.#going.length > 0) {
      const going = this.#going.splice(0, claim.most)
      const claimed = await claimThese(db, await nextTasks(db, going, claim.now), claim)
      if (claimed.length > 0) return claimed
    }
    return []
  }

  async #look(db: Db, claim: Claim): Promise<ClaimedTask[]> {
    const candidates = await dueTasks(db, claim.now)
    if (candidates.length === 0) return []
    const running = await runningTasks(db, claim.now)
    this.#looked = claim.now
    let left = fairOrder(candidates, running, claim.served)
    while (left.length > 0) {
      this.#left = firstTurn(left, running)
      left = left.slice(this.#left.length)
      const claimed = await this.#take(db, claim)
      if (claimed.length > 0) return claimed
      // Another engine was quicker with all of these.
    }
    return []
  }

  async #take(db: Db, claim: Claim): Promise<ClaimedTask[]> {
    while (this.#left.length > 0) {
      const these = this.#left.splice(0, claim.most).map(({ id }) => id)
      const claimed = await claimThese(db, these, claim)
      if (claimed.length > 0) return claimed
    }
    return []
  }
}

/** The first due task of every account: one with a hundred orders is one among the others. */
async function dueTasks(db: Db, now: number): Promise<Candidate[]> {
  const first = db
    .selectFrom('tasks')
    .innerJoin('commands', 'commands.id', 'tasks.command_id')
    .select(({ fn }) => fn.min('tasks.id').as('id'))
    .where('commands.status', '=', Status.pending)
    .where('commands.cancelled', 'is', null)
    .where(({ and, eb, or }) =>
      or([
        and([eb('tasks.state', '=', 'ready'), eb('tasks.due_at', '<=', now)]),
        and([eb('tasks.state', '=', 'running'), eb('tasks.lease_until', '<=', now)]),
      ]),
    )
    .groupBy('tasks.subject')
  const rows = await db
    .selectFrom('tasks')
    .innerJoin(first.as('first'), 'first.id', 'tasks.id')
    .select(['tasks.id', 'tasks.subject', 'tasks.position', 'tasks.attempts'])
    .execute()
  return rows.map(({ id, subject, position, attempts }) => ({ id, subject, begun: position > 0 || attempts > 0 }))
}

/** The first due task of each of these commands. */
async function nextTasks(db: Db, commands: readonly number[], now: number): Promise<number[]> {
  const rows = await db
    .selectFrom('tasks')
    .select(({ fn }) => fn.min('id').as('id'))
    .where('command_id', 'in', commands)
    .where('state', '=', 'ready')
    .where('due_at', '<=', now)
    .groupBy('command_id')
    .execute()
  return rows.map(({ id }) => id)
}

async function runningTasks(db: Db, now: number): Promise<Map<number | null, number>> {
  const rows = await db
    .selectFrom('tasks')
    .select(({ fn }) => ['subject', fn.countAll().as('count')])
    .where('state', '=', 'running')
    .where('lease_until', '>', now)
    .groupBy('subject')
    .execute()
  return new Map(rows.map((row) => [row.subject, Number(row.count)]))
}

async function claimThese(db: Db, ids: readonly number[], { owner, now, leaseMs }: Claim): Promise<ClaimedTask[]> {
  if (ids.length === 0) return []
  return inTransaction(db, async (tx) => {
    const query = tx.selectFrom('tasks').selectAll().where('id', 'in', ids)
    const rows = await (capabilities(tx).rowLocks ? query.forUpdate().skipLocked() : query).execute()
    const due = new Map(rows.filter((task) => isDue(task, now)).map((task) => [task.id, task]))
    if (due.size === 0) return []
    const commands = await openCommands(tx, [...due.values()])
    for (const { id, command_id } of due.values()) if (!commands.has(command_id)) due.delete(id)
    if (due.size === 0) return []
    const change = {
      state: 'running',
      lease_owner: owner,
      lease_until: now + leaseMs,
      waiting: null,
      waiting_lock: null,
    } as const
    // The lease is written before the action starts: a crash after this line is repaired, one before it never happened.
    await tx
      .updateTable('tasks')
      .set((eb) => ({
        ...change,
        fencing: eb('fencing', '+', 1),
        attempts: eb('attempts', '+', 1),
        started_at: eb.fn.coalesce('started_at', eb.val(now)),
      }))
      .where('id', 'in', [...due.keys()])
      .execute()
    return ids.flatMap((id) => {
      const task = due.get(id)
      const command = commands.get(task?.command_id ?? 0)
      if (task === undefined || command === undefined) return []
      const { fencing, attempts, started_at } = task
      const claimed = { fencing: fencing + 1, attempts: attempts + 1, started_at: started_at ?? now, command }
      return { ...task, ...change, ...claimed }
    })
  })
}

/** Of these tasks; whoever was cancelled since the look is not among them. */
async function openCommands(tx: Tx, tasks: readonly Row<'tasks'>[]): Promise<Map<number, Command>> {
  const ids = [...new Set(tasks.map(({ command_id }) => command_id))]
  const query = tx.selectFrom('commands').selectAll().where('id', 'in', ids)
  const open = await query.where('status', '=', Status.pending).where('cancelled', 'is', null).execute()
  return new Map(open.map((row) => [row.id, toCommand(row)]))
}

function isDue(task: Row<'tasks'>, now: number): boolean {
  if (task.state === 'ready') return task.due_at <= now
  return task.state === 'running' && (task.lease_until ?? 0) <= now
}

/** When there is something to do next, as far as rows tell: a task due, a command to start, a lease that ends. */
export async function nextDue(db: Db): Promise<number | undefined> {
  const { due } = await db
    .selectFrom('tasks')
    .innerJoin('commands', 'commands.id', 'tasks.command_id')
    .select(({ fn }) => fn.min('tasks.due_at').as('due'))
    .where('commands.status', '=', Status.pending)
    .where('tasks.state', '=', 'ready')
    .executeTakeFirstOrThrow()
  return due === null ? undefined : Number(due)
}
