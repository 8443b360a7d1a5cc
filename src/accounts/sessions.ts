import { createHash, timingSafeEqual } from 'node:crypto'
import { randomWord } from '../base/secrets.ts'
import type { Db } from '../db/database.ts'
import type { Account } from './account.ts'
import { accountColumns, toAccount } from './store.ts'

/** A session ends when it was not used for so long. */
const IDLE_MS = 12 * 3_600_000
/** And in any case after this. */
const LONGEST_MS = 30 * 86_400_000
/** Its end is written anew when it moved by this much: not with every request. */
const EXTEND_MS = 300_000

export interface Session {
  readonly account: Account
  readonly csrfToken: string
  readonly expiresAt: number
}

/** The cookie's value; only its digest is kept. */
export async function openSession(db: Db, account: Account, now: number): Promise<Session & { id: string }> {
  const id = randomWord(40)
  const expiresAt = now + IDLE_MS
  await db
    .insertInto('sessions')
    .values({ id_hash: digest(id), account_id: account.id, created_at: now, expires_at: expiresAt })
    .execute()
  return { id, account, csrfToken: csrfTokenOf(id), expiresAt }
}

/** The session of that cookie while it lasts and its account may sign in. Using it makes it last. */
export async function findSession(db: Db, id: string, now: number): Promise<Session | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
    .select([...accountColumns, 'sessions.id as session', 'sessions.created_at as begun', 'sessions.expires_at'])
    .where('sessions.id_hash', '=', digest(id))
    .executeTakeFirst()
  if (row === undefined || Number(row.expires_at) <= now) return undefined
  const account = toAccount(row)
  if (!account.active || account.role === 'group') return undefined
  const expiresAt = Math.min(now + IDLE_MS, Number(row.begun) + LONGEST_MS)
  if (expiresAt - Number(row.expires_at) >= EXTEND_MS) {
    await db.updateTable('sessions').set({ expires_at: expiresAt }).where('id', '=', row.session).execute()
  }
  return { account, csrfToken: csrfTokenOf(id), expiresAt }
}

export async function closeSession(db: Db, id: string): Promise<void> {
  await db.deleteFrom('sessions').where('id_hash', '=', digest(id)).execute()
}

/** Signs the account out everywhere. */
export async function closeSessionsOf(db: Db, accountId: number): Promise<void> {
  await db.deleteFrom('sessions').where('account_id', '=', accountId).execute()
}

/** Follows from the cookie, which scripts can't read: pages get it from the API, other sites from nowhere. */
function csrfTokenOf(id: string): string {
  return createHash('sha256').update(`csrf ${id}`, 'utf8').digest('base64url')
}

export function csrfMatches(session: Session, sent: string): boolean {
  return timingSafeEqual(Buffer.from(digest(sent)), Buffer.from(digest(session.csrfToken)))
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
