import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'

/** Nothing is put off for so long: what lies further ahead was written by a clock that was wrong. */
const FURTHEST_MS = 120_000

/**
 * For when the clock was put back: what would be due, or whose lease would end, only after the time that the clock was ahead,
 * is due now; a lease holds as long as one that is taken now. Answers how many rows were mended.
 */
export async function forgetFuture(db: Db, now: number, leaseMs: number): Promise<number> {
  return await inTransaction(db, async (tx) => {
    const tasks = await tx
      .updateTable('tasks')
      .set({ due_at: now })
      .where('state', '=', 'ready')
      .where('due_at', '>', now + FURTHEST_MS)
      .executeTakeFirst()
    const leases = await tx
      .updateTable('tasks')
      .set({ lease_until: now + leaseMs })
      .where('state', '=', 'running')
      .where('lease_until', '>', now + leaseMs + FURTHEST_MS)
      .executeTakeFirst()
    const commands = await tx
      .updateTable('commands')
      .set({ due_at: now })
      .where('status', '=', Status.initiated)
      .where('due_at', '>', now + FURTHEST_MS)
      .executeTakeFirst()
    return [tasks, leases, commands].reduce((sum, { numUpdatedRows }) => sum + Number(numUpdatedRows), 0)
  })
}
