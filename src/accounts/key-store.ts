import type { Db } from '../db/database.ts'

/** The key that `om` uses and that the config answers with. Others are made with names of their own. */
export const MAIN_KEY = 'default'

export interface KeyRow {
  readonly id: number
  readonly label: string
  readonly createdAt: number
  readonly expiresAt: number | undefined
  /** To a few minutes. */
  readonly lastUsedAt: number | undefined
  /** Digest of the request's key that it was made with. */
  readonly idempotencyKey: string | undefined
}

export async function listKeys(db: Db, accountId: number): Promise<KeyRow[]> {
  const rows = await db
    .selectFrom('api_keys')
    .select(['id', 'label', 'created_at', 'expires_at', 'last_used_at', 'idempotency_key'])
    .where('account_id', '=', accountId)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: Number(row.id),
    label: row.label,
    createdAt: Number(row.created_at),
    expiresAt: row.expires_at === null ? undefined : Number(row.expires_at),
    lastUsedAt: row.last_used_at === null ? undefined : Number(row.last_used_at),
    idempotencyKey: row.idempotency_key ?? undefined,
  }))
}

/** As it was sealed; `undefined` when the account has none. */
export async function findSealedKey(db: Db, accountId: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('api_keys')
    .select('key_encrypted')
    .where('account_id', '=', accountId)
    .where('label', '=', MAIN_KEY)
    .executeTakeFirst()
  return row?.key_encrypted
}

export interface NewKeyRow {
  readonly accountId: number
  readonly label: string
  readonly hash: string
  /** Empty: shown once and never again. */
  readonly sealed: string
  readonly expiresAt: number | undefined
  readonly idempotencyKey?: string | undefined
  readonly now: number
}

/** The unique index decides between two of one label. */
export async function insertKey(db: Db, key: NewKeyRow): Promise<void> {
  await db
    .insertInto('api_keys')
    .values({
      account_id: key.accountId,
      label: key.label,
      key_hash: key.hash,
      key_encrypted: key.sealed,
      created_at: key.now,
      expires_at: key.expiresAt ?? null,
      last_used_at: null,
      revoked_at: null,
      idempotency_key: key.idempotencyKey ?? null,
    })
    .execute()
}

/** The main key before stops working. */
export async function replaceKey(
  db: Db,
  key: { accountId: number; hash: string; sealed: string; now: number },
): Promise<void> {
  await db.deleteFrom('api_keys').where('account_id', '=', key.accountId).where('label', '=', MAIN_KEY).execute()
  await insertKey(db, { ...key, label: MAIN_KEY, expiresAt: undefined })
}

export async function deleteKey(db: Db, id: number): Promise<void> {
  await db.deleteFrom('api_keys').where('id', '=', id).execute()
}

/** Never moves a time back: other processes write too. */
export async function writeLastUse(db: Db, id: number, at: number): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ last_used_at: at })
    .where('id', '=', id)
    .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', at)]))
    .execute()
}
