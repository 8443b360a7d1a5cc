import { AppError } from '../base/errors.ts'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import type { Account } from './account.ts'
import { accountColumns, findAccount, findByMail, toAccount } from './store.ts'

/** What another issuer says of somebody, its signature checked. */
export interface Claims {
  readonly sub?: string
  readonly email?: unknown
  readonly email_verified?: unknown
  readonly [claim: string]: unknown
}

/**
 * The account of somebody at another issuer. The first time it is found by user id, then by an address that the issuer
 * verified; from then on by issuer and subject alone, whatever names change. Never an admin, staff or a machine.
 */
export async function accountOfIdentity(
  db: Db,
  { issuer, nameClaim }: { readonly issuer: string; readonly nameClaim: string },
  claims: Claims,
  now: number,
): Promise<Account | undefined> {
  const { sub } = claims
  if (sub === undefined || sub === '' || sub.length > 255) return undefined
  const linked = await findLinked(db, issuer, sub)
  const account = linked ?? (await findByClaims(db, claims, nameClaim))
  if (account?.active !== true || account.role !== 'user') return undefined
  if (linked === undefined) await linkIdentity(db, { issuer, subject: sub, accountId: account.id, now })
  return account
}

/** The account that belongs to that identity, whatever its state. */
export async function findLinked(db: Db, issuer: string, subject: string): Promise<Account | undefined> {
  const row = await db
    .selectFrom('identities')
    .innerJoin('accounts', 'accounts.id', 'identities.account_id')
    .select(accountColumns)
    .where('identities.issuer', '=', issuer)
    .where('identities.subject', '=', subject)
    .executeTakeFirst()
  return row === undefined ? undefined : toAccount(row)
}

async function findByClaims(db: Db, claims: Claims, nameClaim: string): Promise<Account | undefined> {
  const name = claims[nameClaim]
  const named = typeof name === 'string' ? await findAccount(db, name.toLowerCase()) : undefined
  if (named !== undefined) return named
  const { email, email_verified: isVerified } = claims
  return typeof email === 'string' && isVerified === true ? await findByMail(db, email.toLowerCase()) : undefined
}

/** From here on the identity is this account's. */
export async function linkIdentity(
  db: Db,
  { issuer, subject, accountId, now }: { issuer: string; subject: string; accountId: number; now: number },
): Promise<void> {
  try {
    await db.insertInto('identities').values({ issuer, subject, account_id: accountId, created_at: now }).execute()
  } catch (cause) {
    // Two requests of one newcomer: the link is there.
    if (isDuplicate(cause)) return
    throw new AppError('unavailable', 'identity-not-linked', `linking an identity of ${issuer}`, { cause })
  }
}
