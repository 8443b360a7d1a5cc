import type { Db } from '../db/database.ts'
import { type Account, type Right, type Role, rights as knownRights } from './account.ts'

/** An account with what its sign-in is compared with. */
export interface Login {
  readonly account: Account
  /** Absent: it can't sign in by key. */
  readonly keyHash: string | undefined
}

export interface NewAccountRow {
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly rights: readonly Right[]
  readonly passwordHash: string | null
  readonly now: number
}

const columns = [
  'accounts.id',
  'accounts.name',
  'accounts.email',
  'accounts.role',
  'accounts.rights',
  'accounts.created_at',
  'accounts.status',
] as const

interface Row {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly role: string
  readonly rights: string
  readonly created_at: number
  readonly status: string
}

function toAccount(row: Row): Account {
  return {
    id: Number(row.id),
    name: row.name,
    email: row.email,
    role: row.role as Role,
    rights: (JSON.parse(row.rights) as string[]).filter((word): word is Right => knownRights.includes(word as Right)),
    active: row.status === 'active',
    createdAt: Number(row.created_at),
  }
}

/** One indexed query: the hot path of every sign-in by key. */
export async function findLogin(db: Db, name: string): Promise<Login | undefined> {
  const row = await db
    .selectFrom('accounts')
    .leftJoin('api_keys', 'api_keys.account_id', 'accounts.id')
    .select([...columns, 'api_keys.key_hash'])
    .where('accounts.name', '=', name)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return { account: toAccount(row), keyHash: row.key_hash ?? undefined }
}

export async function findAccount(db: Db, name: string): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').select(columns).where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : toAccount(row)
}

export async function findAccountById(db: Db, id: number): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').select(columns).where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toAccount(row)
}

/** By name, from after `after` on. */
export async function listAccounts(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Account[]> {
  let query = db.selectFrom('accounts').select(columns).orderBy('name').limit(limit)
  if (after !== undefined) query = query.where('name', '>', after)
  return (await query.execute()).map(toAccount)
}

/** Names by id; of accounts that are gone there is none. */
export async function accountNames(db: Db, ids: readonly number[]): Promise<Map<number, string>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('accounts')
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(ids)])
    .execute()
  return new Map(rows.map((row) => [Number(row.id), row.name]))
}

export async function isMailTaken(db: Db, email: string): Promise<boolean> {
  return (await db.selectFrom('accounts').select('id').where('email', '=', email).executeTakeFirst()) !== undefined
}

/** The unique indexes decide between two at once; the caller translates. */
export async function insertAccount(db: Db, row: NewAccountRow): Promise<void> {
  await db
    .insertInto('accounts')
    .values({
      name: row.name,
      email: row.email,
      role: row.role,
      rights: JSON.stringify(row.rights),
      password_hash: row.passwordHash,
      status: 'active',
      created_at: row.now,
    })
    .execute()
}

export async function markRemoving(db: Db, id: number): Promise<void> {
  await db.updateTable('accounts').set({ status: 'removing' }).where('id', '=', id).execute()
}

/** The name is free again; its commands stay as history. */
export async function deleteAccount(db: Db, id: number): Promise<void> {
  await db.deleteFrom('api_keys').where('account_id', '=', id).execute()
  await db.deleteFrom('accounts').where('id', '=', id).execute()
}

export async function findSealedKey(db: Db, accountId: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('api_keys')
    .select('key_encrypted')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return row?.key_encrypted
}

/** One key per account: the one before stops working. */
export async function replaceKey(
  db: Db,
  key: { accountId: number; hash: string; sealed: string; now: number },
): Promise<void> {
  await db.deleteFrom('api_keys').where('account_id', '=', key.accountId).execute()
  await db
    .insertInto('api_keys')
    .values({
      account_id: key.accountId,
      label: 'default',
      key_hash: key.hash,
      key_encrypted: key.sealed,
      created_at: key.now,
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    })
    .execute()
}
