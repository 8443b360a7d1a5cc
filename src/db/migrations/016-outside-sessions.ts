import type { Kysely } from 'kysely'
import { capabilities } from '../dialect.ts'
import { addColumn, type Schema } from '../schema.ts'

/** What ends a session at the other issuer that it came by. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await addColumn(db, 'sessions', 'outside', capabilities(db).longText)
}
