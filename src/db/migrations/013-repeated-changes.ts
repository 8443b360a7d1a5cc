import { type Kysely, sql } from 'kysely'
import { addColumn, createIndex, type Schema } from '../schema.ts'

/** Requests that may be sent again after a lost answer: what they have changed remembers their key. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await addColumn(db, 'commands', 'change_key', sql`char(64)`)
  await addColumn(db, 'api_keys', 'idempotency_key', sql`char(64)`)
  await createIndex(db, 'api_keys_idempotency', 'api_keys', ['account_id', 'idempotency_key'], { unique: true })
}
