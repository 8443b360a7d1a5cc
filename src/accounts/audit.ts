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
