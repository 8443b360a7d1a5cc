import type { Db } from '../db/database.ts'

export interface AuditEntry {
  readonly at: number
  /** Name of the account that did it, or `bootstrap`. */
  readonly actor: string
  /** Such as `account.create`. */
  readonly action: string
  /** What it was done to, for example an account's name. */
  readonly subject: string
  /** Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Written in the transaction of the change, so that neither is there without the other. */
export async function audit(db: Db, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit_log')
    .values({
      at: entry.at,
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      detail: JSON.stringify(entry.details ?? {}),
    })
    .execute()
}

/** Those of the names that an account of ours has, or had: it was made, or something was ordered for it. */
export async function everKnown(db: Db, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set()
  const rows = await db
    .selectFrom('audit_log')
    .select('subject')
    .distinct()
    .where('subject', 'in', [...names])
    .where('action', 'in', ['account.create', 'account.sign-up', 'account.remove', 'order.install', 'order.remove'])
    .execute()
  return new Set(rows.map(({ subject }) => subject))
}

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  /** An action, or with a dot at the end all that begin so. */
  readonly action?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** The id to continue from. */
  readonly before?: number | undefined
  readonly limit: number
}

/** Newest first. */
export async function listAudit(db: Db, filter: AuditFilter) {
  const { actor, subject, action, from, to, before, limit } = filter
  let query = db.selectFrom('audit_log').selectAll().orderBy('id', 'desc').limit(limit)
  if (actor !== undefined) query = query.where('actor', '=', actor)
  if (subject !== undefined) query = query.where('subject', '=', subject)
  // `/` sorts right after the dot: no pattern, so no wildcard in what was asked for.
  if (action?.endsWith('.') === true)
    query = query.where('action', '>=', action).where('action', '<', `${action.slice(0, -1)}/`)
  else if (action !== undefined) query = query.where('action', '=', action)
  if (from !== undefined) query = query.where('at', '>=', from)
  if (to !== undefined) query = query.where('at', '<', to)
  if (before !== undefined) query = query.where('id', '<', before)
  return (await query.execute()).map((row) => ({
    id: Number(row.id),
    at: Number(row.at),
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    details: JSON.parse(row.detail) as Record<string, unknown>,
  }))
}
