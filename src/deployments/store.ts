import { sql } from 'kysely'
import { Status, type StatusCode } from '../base/status.ts'
import type { Values } from '../catalog/plan.ts'
import type { Db, Row } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'

export interface DeploymentRow {
  readonly id: number
  readonly accountId: number
  readonly plan: string
  /** Tells several of one plan apart; empty for the only one. */
  readonly instance: string
  readonly status: StatusCode
  /** Encrypted; absent until the first order is worked on and after removal. */
  readonly sealed: string | undefined
  /** What was delivered last; secret ones are sealed. */
  readonly params: Values
  /** Since when it serves; absent before the first success and once its removal has begun. */
  readonly readyAt: number | undefined
  /** Since when nothing of it runs. */
  readonly suspendedAt: number | undefined
  readonly message: string | undefined
  readonly createdAt: number
  readonly updatedAt: number
}

function toDeployment(row: Row<'deployments'>): DeploymentRow {
  return {
    id: Number(row.id),
    accountId: Number(row.account_id),
    plan: row.plan,
    instance: row.instance,
    status: Number(row.status) as StatusCode,
    sealed: row.settings_encrypted ?? undefined,
    params: JSON.parse(row.params ?? '{}') as Values,
    readyAt: row.ready_at === null ? undefined : Number(row.ready_at),
    suspendedAt: row.suspended_at === null ? undefined : Number(row.suspended_at),
    message: row.message ?? undefined,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  }
}

export async function findDeployment(
  db: Db,
  accountId: number,
  plan: string,
  instance = '',
): Promise<DeploymentRow | undefined> {
  const row = await db
    .selectFrom('deployments')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('plan', '=', plan)
    .where('instance', '=', instance)
    .executeTakeFirst()
  return row === undefined ? undefined : toDeployment(row)
}

/** The encrypted settings of what serves. Written out: building the statement costs more than the database's answer. */
export async function findServed(db: Db, accountId: number, plan: string): Promise<string | undefined> {
  const { rows } = await sql<Pick<Row<'deployments'>, 'settings_encrypted'>>`
    select settings_encrypted from deployments
    where account_id = ${accountId} and plan = ${plan} and instance = '' and ready_at is not null`.execute(db)
  return rows[0]?.settings_encrypted ?? undefined
}

export async function findDeploymentById(db: Db, id: number): Promise<DeploymentRow | undefined> {
  const row = await db.selectFrom('deployments').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toDeployment(row)
}

/** Nobody else changes it until the transaction ends. */
export async function lockDeployment(tx: Db, id: number): Promise<DeploymentRow | undefined> {
  const query = tx.selectFrom('deployments').selectAll().where('id', '=', id)
  const row = await (capabilities(tx).rowLocks ? query.forUpdate() : query).executeTakeFirst()
  return row === undefined ? undefined : toDeployment(row)
}

/** Of any account, those that serve. */
export async function readyDeployments(db: Db, plans: readonly string[]): Promise<DeploymentRow[]> {
  return (await presentDeployments(db, plans)).filter((row) => row.readyAt !== undefined)
}

/** Of any account, those that are not gone. */
export async function presentDeployments(db: Db, plans: readonly string[]): Promise<DeploymentRow[]> {
  const rows = db
    .selectFrom('deployments')
    .selectAll()
    .where('plan', 'in', [...plans])
  return (await rows.where('status', '!=', Status.removed).execute()).map(toDeployment)
}

export async function listDeployments(db: Db, accountIds?: readonly number[]): Promise<DeploymentRow[]> {
  if (accountIds?.length === 0) return []
  let query = db.selectFrom('deployments').selectAll().orderBy('id')
  if (accountIds !== undefined) query = query.where('account_id', 'in', [...accountIds])
  return (await query.execute()).map(toDeployment)
}

export interface DeploymentFilter {
  readonly accountId?: number | undefined
  readonly plan?: string | undefined
  readonly status?: readonly StatusCode[] | undefined
  /** Removed ones are history; left out unless wanted. */
  readonly removed?: boolean | undefined
  readonly after?: number | undefined
  readonly limit: number
}

/** In the order of their making; `after` is the id to continue from. */
export async function pageDeployments(db: Db, filter: DeploymentFilter): Promise<DeploymentRow[]> {
  let query = db.selectFrom('deployments').selectAll().orderBy('id').limit(filter.limit)
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId)
  if (filter.plan !== undefined) query = query.where('plan', '=', filter.plan)
  if (filter.status !== undefined) query = query.where('status', 'in', [...filter.status])
  if (filter.removed !== true) query = query.where('status', '!=', Status.removed)
  if (filter.after !== undefined) query = query.where('id', '>', filter.after)
  return (await query.execute()).map(toDeployment)
}

export interface NewDeployment {
  readonly accountId: number
  readonly plan: string
  readonly instance?: string
  readonly status: StatusCode
  readonly sealed: string | null
  readonly now: number
}

export async function insertDeployment(db: Db, row: NewDeployment): Promise<void> {
  await db
    .insertInto('deployments')
    .values({
      account_id: row.accountId,
      plan: row.plan,
      instance: row.instance ?? '',
      status: row.status,
      settings_encrypted: row.sealed,
      ready_at: null,
      message: null,
      created_at: row.now,
      updated_at: row.now,
    })
    .execute()
}

export interface DeploymentChange {
  readonly status?: StatusCode
  readonly sealed?: string | null
  readonly params?: Values | null
  readonly readyAt?: number | null
  readonly suspendedAt?: number | null
  readonly message?: string | null
}

export async function updateDeployment(db: Db, id: number, change: DeploymentChange, now: number): Promise<void> {
  await db
    .updateTable('deployments')
    .set({
      updated_at: now,
      ...(change.status === undefined ? {} : { status: change.status }),
      ...(change.sealed === undefined ? {} : { settings_encrypted: change.sealed }),
      ...(change.params === undefined ? {} : { params: change.params === null ? null : JSON.stringify(change.params) }),
      ...(change.readyAt === undefined ? {} : { ready_at: change.readyAt }),
      ...(change.suspendedAt === undefined ? {} : { suspended_at: change.suspendedAt }),
      ...(change.message === undefined ? {} : { message: change.message }),
    })
    .where('id', '=', id)
    .execute()
}

export async function deleteDeployments(db: Db, accountId: number): Promise<void> {
  await db.deleteFrom('deployments').where('account_id', '=', accountId).execute()
}
