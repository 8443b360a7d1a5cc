import type { StatusCode } from '../base/status.ts'
import type { Db } from '../db/database.ts'

export interface DeploymentRow {
  readonly id: number
  readonly accountId: number
  readonly plan: string
  readonly status: number
  /** Encrypted; absent until the first order is worked on and after removal. */
  readonly sealed: string | undefined
  /** Since when it serves; absent before the first success and once its removal has begun. */
  readonly readyAt: number | undefined
  readonly message: string | undefined
  readonly updatedAt: number
}

const columns = [
  'id',
  'account_id',
  'plan',
  'status',
  'settings_encrypted',
  'ready_at',
  'message',
  'updated_at',
] as const

interface Row {
  readonly id: number
  readonly account_id: number
  readonly plan: string
  readonly status: number
  readonly settings_encrypted: string | null
  readonly ready_at: number | null
  readonly message: string | null
  readonly updated_at: number
}

function toDeployment(row: Row): DeploymentRow {
  return {
    id: Number(row.id),
    accountId: Number(row.account_id),
    plan: row.plan,
    status: Number(row.status),
    sealed: row.settings_encrypted ?? undefined,
    readyAt: row.ready_at === null ? undefined : Number(row.ready_at),
    message: row.message ?? undefined,
    updatedAt: Number(row.updated_at),
  }
}

export async function findDeployment(db: Db, accountId: number, plan: string): Promise<DeploymentRow | undefined> {
  const row = await db
    .selectFrom('deployments')
    .select(columns)
    .where('account_id', '=', accountId)
    .where('plan', '=', plan)
    .executeTakeFirst()
  return row === undefined ? undefined : toDeployment(row)
}

export async function listDeployments(db: Db, accountIds?: readonly number[]): Promise<DeploymentRow[]> {
  if (accountIds?.length === 0) return []
  let query = db.selectFrom('deployments').select(columns).orderBy('id')
  if (accountIds !== undefined) query = query.where('account_id', 'in', [...accountIds])
  return (await query.execute()).map(toDeployment)
}

export async function insertDeployment(
  db: Db,
  row: { accountId: number; plan: string; status: StatusCode; sealed: string | null; now: number },
): Promise<void> {
  await db
    .insertInto('deployments')
    .values({
      account_id: row.accountId,
      plan: row.plan,
      status: row.status,
      settings_encrypted: row.sealed,
      ready_at: null,
      message: null,
      created_at: row.now,
      updated_at: row.now,
    })
    .execute()
}

export async function updateDeployment(
  db: Db,
  id: number,
  change: { status?: StatusCode; sealed?: string | null; readyAt?: number | null; message?: string | null },
  now: number,
): Promise<void> {
  await db
    .updateTable('deployments')
    .set({
      updated_at: now,
      ...(change.status === undefined ? {} : { status: change.status }),
      ...(change.sealed === undefined ? {} : { settings_encrypted: change.sealed }),
      ...(change.readyAt === undefined ? {} : { ready_at: change.readyAt }),
      ...(change.message === undefined ? {} : { message: change.message }),
    })
    .where('id', '=', id)
    .execute()
}

export async function deleteDeployments(db: Db, accountId: number): Promise<void> {
  await db.deleteFrom('deployments').where('account_id', '=', accountId).execute()
}
