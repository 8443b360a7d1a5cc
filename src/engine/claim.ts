import { Status } from '../base/status.ts'
import type { Db, Row } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { type Candidate, fairOrder, firstTurn, type Served } from './decide.ts'

export type ClaimedTask = Row<'tasks'> & { readonly started_at: number }

export interface Claim {
  readonly owner: string
  readonly now: number
  readonly leaseMs: number
  readonly served: Served
  /** How many at most. */
  readonly most: number
}

/**
 * Takes due tasks whose turn it is, of every account one at most; none when nothing is due. Engines compare leases by
 * their clocks: keep these in step.
 */
export async function claimTasks(db: Db, claim: Claim): Promise<ClaimedTask[]> {
  const candidates = await dueTasks(db, claim.now)
  if (candidates.length === 0) return []
  const running = await runningTasks(db, claim.now)
  let left = fairOrder(candidates, running, claim.served)
  while (left.length > 0) {
    const turn = firstTurn(left, running).slice(0, claim.most)
    const claimed = await claimThese(db, turn, claim)
    if (claimed.length > 0) return claimed
    // Another engine was quicker with all of these.
    left = left.slice(turn.length)
  }
  return []
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

async function claimThese(
  db: Db,
  candidates: readonly Candidate[],
  { owner, now, leaseMs }: Claim,
): Promise<ClaimedTask[]> {
  const ids = candidates.map((candidate) => candidate.id)
  return inTransaction(db, async (tx) => {
    const query = tx.selectFrom('tasks').selectAll().where('id', 'in', ids)
    const rows = await (capabilities(tx).rowLocks ? query.forUpdate().skipLocked() : query).execute()
    const due = new Map(rows.filter((task) => isDue(task, now)).map((task) => [task.id, task]))
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
      if (task === undefined) return []
      const { fencing, attempts, started_at } = task
      return { ...task, ...change, fencing: fencing + 1, attempts: attempts + 1, started_at: started_at ?? now }
    })
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
