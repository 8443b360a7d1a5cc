import { createHash } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { randomWord } from '../base/secrets.ts'
import type { Db, OneTimeTokensTable } from '../db/database.ts'

export type Purpose = OneTimeTokensTable['purpose']

/** How long each may be used, in milliseconds. */
export const tokenLifeMs: Readonly<Record<Purpose, number>> = {
  'confirm-mail': 3 * 86_400_000,
  'reset-password': 3_600_000,
  'change-mail': 86_400_000,
}

export interface TokenWish {
  readonly accountId: number
  readonly purpose: Purpose
  /** What shall become true when it is used. */
  readonly detail?: Readonly<Record<string, unknown>>
  readonly now: number
}

/** A word that is sent by mail and works once, by link or typed; only its digest is kept. */
export async function issueToken(tx: Db, wish: TokenWish): Promise<string> {
  const token = randomWord(20)
  await tx
    .insertInto('one_time_tokens')
    .values({
      token_hash: digest(token),
      account_id: wish.accountId,
      purpose: wish.purpose,
      detail: JSON.stringify(wish.detail ?? {}),
      created_at: wish.now,
      expires_at: wish.now + tokenLifeMs[wish.purpose],
    })
    .execute()
  return token
}

export interface UsedToken {
  readonly accountId: number
  readonly detail: Readonly<Record<string, unknown>>
}

/** Ends the token and tells what it was for; `token-invalid` when it is wrong, too old or was used. */
export async function useToken(tx: Db, purpose: Purpose, typed: string, now: number): Promise<UsedToken> {
  const hash = digest(typed.trim())
  const row = await tx
    .selectFrom('one_time_tokens')
    .select(['id', 'account_id', 'detail', 'expires_at'])
    .where('token_hash', '=', hash)
    .where('purpose', '=', purpose)
    .executeTakeFirst()
  if (row === undefined || Number(row.expires_at) <= now) throw invalid()
  const { numDeletedRows } = await tx.deleteFrom('one_time_tokens').where('id', '=', row.id).executeTakeFirst()
  // Somebody else used it since it was read.
  if (numDeletedRows !== 1n) throw invalid()
  return { accountId: Number(row.account_id), detail: JSON.parse(row.detail) as UsedToken['detail'] }
}

/** The newest that was issued: what it was for, not the word itself. */
export async function newestToken(
  db: Db,
  accountId: number,
  purpose: Purpose,
): Promise<UsedToken['detail'] | undefined> {
  const row = await db
    .selectFrom('one_time_tokens')
    .select('detail')
    .where('account_id', '=', accountId)
    .where('purpose', '=', purpose)
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return row === undefined ? undefined : (JSON.parse(row.detail) as UsedToken['detail'])
}

export async function dropTokens(tx: Db, accountId: number, purpose: Purpose): Promise<void> {
  await tx.deleteFrom('one_time_tokens').where('account_id', '=', accountId).where('purpose', '=', purpose).execute()
}

function digest(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

function invalid(): AppError {
  const right = 'the newest one that was sent, used once and in time'
  return new AppError('invalid', 'token-invalid', `token can't be used: right is ${right}`, {
    details: { field: 'token', right },
  })
}
