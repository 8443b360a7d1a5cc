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
  readonly rowId: number
  readonly account: Account
  readonly csrfToken: string
  readonly expiresAt: number
}

/** The cookie's value; only its digest is kept. `outside`: sealed, what ends it at the issuer that it came by. */
export async function openSession(
  db: Db,
  account: Account,
  now: number,
  outside: string | null = null,
): Promise<Session & { id: string }> {
  const id = randomWord(40)
  const expiresAt = now + IDLE_MS
  await db
    .insertInto('sessions')
    .values({
      id_hash: digest(id),
      account_id: account.id,
      created_at: now,
      expires_at: expiresAt,
      oidc_uid: null,
      outside,
    })
    .execute()
  const { id: rowId } = await db
    .selectFrom('sessions')
    .select('id')
    .where('id_hash', '=', digest(id))
    .executeTakeFirstOrThrow()
  return { id, rowId: Number(rowId), account, csrfToken: csrfTokenOf(id), expiresAt }
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
  return { rowId: Number(row.session), account, csrfToken: csrfTokenOf(id), expiresAt }
}

export async function closeSession(db: Db, id: string): Promise<void> {
  await db.deleteFrom('sessions').where('id_hash', '=', digest(id)).execute()
}

/** What `openSession` was given of the issuer that it came by. */
export async function outsideOf(db: Db, id: string): Promise<string | undefined> {
  const row = await db.selectFrom('sessions').select('outside').where('id_hash', '=', digest(id)).executeTakeFirst()
  return row?.outside ?? undefined
}

/** Signs the account out everywhere. */
export async function closeSessionsOf(db: Db, accountId: number): Promise<void> {
  await db.deleteFrom('sessions').where('account_id', '=', accountId).execute()
}

/** Notes which session of our OpenID Connect provider came from this one. */
export async function noteOidcSession(db: Db, rowId: number, uid: string): Promise<void> {
  await db.updateTable('sessions').set({ oidc_uid: uid }).where('id', '=', rowId).execute()
}

/** Whether this session is the one behind that of our OpenID Connect provider. */
export async function isBehind(db: Db, rowId: number, uid: string): Promise<boolean> {
  const row = await db.selectFrom('sessions').select('oidc_uid').where('id', '=', rowId).executeTakeFirst()
  return row?.oidc_uid === uid
}

/** Whether a sign-in through the provider still has its session with us, and its account may sign in. */
export async function isOidcSessionOpen(db: Db, uid: string, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
    .select('sessions.expires_at')
    .where('sessions.oidc_uid', '=', uid)
    .where('accounts.status', '=', 'active')
    .executeTakeFirst()
  return row !== undefined && Number(row.expires_at) > now
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
