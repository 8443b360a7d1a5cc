import { Status } from '../base/status.ts'
import type { Db, Row } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { type Candidate, fairOrder, type Served } from './decide.ts'

export type ClaimedTask = Row<'tasks'> & { readonly started_at: number }

export interface Claim {
  readonly owner: string
  readonly now: number
  readonly leaseMs: number
  readonly served: Served
}

/** Takes the due task whose turn it is; undefined when there is none. Engines compare leases by their clocks: keep these in step. */
export async function claimTask(db: Db, claim: Claim): Promise<ClaimedTask | undefined> {
  const candidates = await dueTasks(db, claim.now)
  if (candidates.length === 0) return undefined
  for (const { id } of fairOrder(candidates, await runningTasks(db, claim.now), claim.served)) {
    const claimed = await claimOne(db, id, claim)
    if (claimed !== undefined) return claimed
  }
  return undefined
}

/** The first due task of every account: one with a hundred orders is one among the others. */
async function dueTasks(db: Db, now: number): Promise<Candidate[]> {
  return db
    .selectFrom('tasks')
    .innerJoin('commands', 'commands.id', 'tasks.command_id')
    .select(({ fn }) => ['tasks.subject', fn.min('tasks.id').as('id')])
    .where('commands.status', '=', Status.pending)
    .where('commands.cancelled', 'is', null)
    .where(({ and, eb, or }) =>
      or([
        and([eb('tasks.state', '=', 'ready'), eb('tasks.due_at', '<=', now)]),
        and([eb('tasks.state', '=', 'running'), eb('tasks.lease_until', '<=', now)]),
      ]),
    )
    .groupBy('tasks.subject')
    .execute()
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

async function claimOne(db: Db, id: number, { owner, now, leaseMs }: Claim): Promise<ClaimedTask | undefined> {
  return inTransaction(db, async (tx) => {
    const query = tx.selectFrom('tasks').selectAll().where('id', '=', id)
    const task = await (capabilities(tx).rowLocks ? query.forUpdate().skipLocked() : query).executeTakeFirst()
    if (task === undefined || !isDue(task, now)) return undefined
    const change = {
      state: 'running',
      fencing: task.fencing + 1,
      attempts: task.attempts + 1,
      lease_owner: owner,
      lease_until: now + leaseMs,
      started_at: task.started_at ?? now,
      waiting: null,
      waiting_lock: null,
    } as const
    // The lease is written before the action starts: a crash after this line is repaired, one before it never happened.
    await tx.updateTable('tasks').set(change).where('id', '=', id).execute()
    return { ...task, ...change }
  })
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
