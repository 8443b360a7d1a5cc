import { type Kysely, sql } from 'kysely'
import { capabilities } from '../dialect.ts'
import { addColumn, createIndex, type Schema } from '../schema.ts'

/** A step may order something itself. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await addColumn(db, 'commands', 'issued_by', sql.raw(capabilities(db).idType))
  await createIndex(db, 'commands_issued_by', 'commands', ['issued_by'])
}
