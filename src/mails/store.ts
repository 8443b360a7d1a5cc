import type { Db, MailsTable, Row } from '../db/database.ts'

export type MailStatus = MailsTable['status']
export type MailRow = Row<'mails'>

export interface NewMailRow {
  readonly recipient: string
  readonly kind: string
  readonly subject: string
  readonly sealed: string
  readonly status: MailStatus
  readonly now: number
}

export async function insertMail(db: Db, { sealed, now, ...mail }: NewMailRow): Promise<void> {
  const rest = { body_encrypted: sealed, attempts: 0, due_at: now, created_at: now, sent_at: null, message: null }
  await db
    .insertInto('mails')
    .values({ ...mail, ...rest })
    .execute()
}

/** Newest first; `before` is the id to continue from. */
export async function listMails(
  db: Db,
  filter: { recipient?: string | undefined; before?: number | undefined; limit: number },
): Promise<MailRow[]> {
  let query = db.selectFrom('mails').selectAll().orderBy('id', 'desc').limit(filter.limit)
  if (filter.recipient !== undefined) query = query.where('recipient', '=', filter.recipient)
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  return await query.execute()
}

export async function findMail(db: Db, id: number): Promise<MailRow | undefined> {
  return await db.selectFrom('mails').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function wasMailedSince(db: Db, recipient: string, kind: string, since: number): Promise<boolean> {
  const row = await db
    .selectFrom('mails')
    .select('id')
    .where('recipient', '=', recipient)
    .where('kind', '=', kind)
    .where('created_at', '>', since)
    .executeTakeFirst()
  return row !== undefined
}

export async function dueMails(db: Db, now: number, limit: number): Promise<MailRow[]> {
  return await db
    .selectFrom('mails')
    .selectAll()
    .where('status', '=', 'waiting')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute()
}

/** True for one of several senders: the mail is its own until `until`. */
export async function claimMail(db: Db, mail: MailRow, until: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('mails')
    .set({ attempts: mail.attempts + 1, due_at: until })
    .where('id', '=', mail.id)
    .where('attempts', '=', mail.attempts)
    .where('status', '=', 'waiting')
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function settleMail(
  db: Db,
  id: number,
  outcome: { status: MailStatus; sentAt?: number; message?: string; dueAt?: number },
): Promise<void> {
  await db
    .updateTable('mails')
    .set({
      status: outcome.status,
      sent_at: outcome.sentAt ?? null,
      message: outcome.message ?? null,
      ...(outcome.dueAt === undefined ? {} : { due_at: outcome.dueAt }),
    })
    .where('id', '=', id)
    .execute()
}

/** What was written long ago; what still waits stays. */
export async function sweepMails(db: Db, before: number): Promise<void> {
  await db.deleteFrom('mails').where('created_at', '<', before).where('status', '!=', 'waiting').execute()
}
