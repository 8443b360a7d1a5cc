import type { Db } from '../db/database.ts'

export interface DueDeployment {
  readonly id: number
  readonly accountId: number
}

/** Deployments of a plan that serve and were not run since then. */
export async function dueDeployments(db: Db, plan: string, since: number): Promise<DueDeployment[]> {
  const rows = await db
    .selectFrom('deployments')
    .select(['id', 'account_id'])
    .where('plan', '=', plan)
    .where('ready_at', 'is not', null)
    .where('suspended_at', 'is', null)
    .where((where) => where.or([where('ran_at', 'is', null), where('ran_at', '<=', since)]))
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ id: Number(row.id), accountId: Number(row.account_id) }))
}

/** True for one of all who try: this run is yours. */
export async function claimRun(db: Db, id: number, since: number, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('deployments')
    .set({ ran_at: now })
    .where('id', '=', id)
    .where((where) => where.or([where('ran_at', 'is', null), where('ran_at', '<=', since)]))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
