import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { type Account, type AccountState, type Right, type Role, rights as knownRights } from './account.ts'

/** An account with what its sign-in is compared with. */
export interface Login {
  readonly account: Account
  /** None: it can't sign in by key. */
  readonly keys: readonly { readonly id: number; readonly hash: string; readonly expiresAt: number | undefined }[]
}

export interface NewAccountRow {
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly rights: readonly Right[]
  readonly passwordHash: string | null
  readonly state: AccountState
  readonly mailConfirmed: boolean
  readonly now: number
}

export const accountColumns = [
  'accounts.id',
  'accounts.name',
  'accounts.email',
  'accounts.role',
  'accounts.rights',
  'accounts.created_at',
  'accounts.status',
  'accounts.mail_confirmed_at',
] as const

export interface AccountRow {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly role: string
  readonly rights: string
  readonly created_at: number
  readonly status: string
  readonly mail_confirmed_at: number | null
}

export function toAccount(row: AccountRow): Account {
  return {
    id: Number(row.id),
    name: row.name,
    email: row.role === 'group' ? '' : row.email,
    mailConfirmed: row.mail_confirmed_at !== null,
    role: row.role as Role,
    rights: (JSON.parse(row.rights) as string[]).filter((word): word is Right => knownRights.includes(word as Right)),
    state: row.status as AccountState,
    active: row.status === 'active',
    createdAt: Number(row.created_at),
  }
}

/** One indexed query: the hot path of every sign-in by key. */
export async function findLogin(db: Db, name: string): Promise<Login | undefined> {
  const rows = await db
    .selectFrom('accounts')
    .leftJoin('api_keys', 'api_keys.account_id', 'accounts.id')
    .select([...accountColumns, 'api_keys.id as key_id', 'api_keys.key_hash', 'api_keys.expires_at'])
    .where('accounts.name', '=', name)
    .execute()
  const [first] = rows
  if (first === undefined) return undefined
  const keys = rows.flatMap(({ key_id: id, key_hash: hash, expires_at: end }) =>
    id === null || hash === null ? [] : [{ id: Number(id), hash, expiresAt: end === null ? undefined : Number(end) }],
  )
  return { account: toAccount(first), keys }
}

export async function findAccount(db: Db, name: string): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').select(accountColumns).where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : toAccount(row)
}

export async function findAccountById(db: Db, id: number): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').select(accountColumns).where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toAccount(row)
}

/** Until the transaction ends nobody else changes the row. SQLite lets one write at a time in any case. */
export async function lockAccount(tx: Db, name: string): Promise<void> {
  const query = tx.selectFrom('accounts').select('id').where('name', '=', name)
  await (capabilities(tx).rowLocks ? query.forUpdate() : query).execute()
}

/** Of everybody, for guesses at what was meant. */
export async function listNames(db: Db): Promise<string[]> {
  return (await db.selectFrom('accounts').select('name').execute()).map(({ name }) => name)
}

export interface AccountFilter {
  readonly after?: string | undefined
  readonly state?: AccountState | undefined
  readonly role?: Role | undefined
  /** Part of a name or mail address. */
  readonly search?: string | undefined
  readonly limit: number
}

/** By name, from after `after` on. */
export async function listAccounts(db: Db, { after, state, role, search, limit }: AccountFilter): Promise<Account[]> {
  let query = db.selectFrom('accounts').select(accountColumns).orderBy('name').limit(limit)
  if (after !== undefined) query = query.where('name', '>', after)
  if (state !== undefined) query = query.where('status', '=', state)
  if (role !== undefined) query = query.where('role', '=', role)
  if (search !== undefined) {
    // A mark that no name or address has: % and _ are letters like others.
    const like = `%${search.toLowerCase().replace(/[%_!]/g, '!$&')}%`
    query = query.where(({ or }) =>
      or([sql<boolean>`name like ${like} escape '!'`, sql<boolean>`email like ${like} escape '!'`]),
    )
  }
  return (await query.execute()).map(toAccount)
}

export async function accountsById(db: Db, ids: readonly number[]): Promise<Account[]> {
  if (ids.length === 0) return []
  const rows = await db.selectFrom('accounts').select(accountColumns).where('id', 'in', ids).execute()
  return rows.map(toAccount)
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

export async function findByMail(db: Db, email: string): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').select(accountColumns).where('email', '=', email).executeTakeFirst()
  return row === undefined ? undefined : toAccount(row)
}

export async function findPasswordHash(db: Db, id: number): Promise<string | null> {
  const row = await db.selectFrom('accounts').select('password_hash').where('id', '=', id).executeTakeFirst()
  return row?.password_hash ?? null
}

/** Since when its password holds: what was signed before is void. */
export async function passwordChangedAt(db: Db, id: number): Promise<number> {
  const row = await db.selectFrom('accounts').select('password_changed_at').where('id', '=', id).executeTakeFirst()
  return Number(row?.password_changed_at ?? 0)
}

export interface AccountChange {
  readonly state?: AccountState
  readonly email?: string
  readonly mailConfirmedAt?: number
  readonly role?: Role
  readonly rights?: readonly Right[]
  readonly password?: { readonly hash: string; readonly at: number }
}

/** Changes what is given. */
export async function updateAccount(db: Db, id: number, change: AccountChange): Promise<void> {
  const { state, email, mailConfirmedAt, role, rights, password } = change
  await db
    .updateTable('accounts')
    .set({
      ...(state === undefined ? {} : { status: state }),
      ...(email === undefined ? {} : { email }),
      ...(mailConfirmedAt === undefined ? {} : { mail_confirmed_at: mailConfirmedAt }),
      ...(role === undefined ? {} : { role }),
      ...(rights === undefined ? {} : { rights: JSON.stringify(rights) }),
      ...(password === undefined ? {} : { password_hash: password.hash, password_changed_at: password.at }),
    })
    .where('id', '=', id)
    .execute()
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
      status: row.state,
      created_at: row.now,
      mail_confirmed_at: row.mailConfirmed ? row.now : null,
      password_changed_at: row.passwordHash === null ? null : row.now,
    })
    .execute()
}

export async function markRemoving(db: Db, id: number): Promise<void> {
  await updateAccount(db, id, { state: 'removing' })
}

/** The name is free again; its commands stay as history. */
export async function deleteAccount(db: Db, id: number): Promise<void> {
  await db.deleteFrom('api_keys').where('account_id', '=', id).execute()
  await db.deleteFrom('accounts').where('id', '=', id).execute()
}
