import { type Kysely, sql } from 'kysely'
import { capabilities } from '../dialect.ts'
import { addColumn, type Schema } from '../schema.ts'

/** What may be told of states without reading them. Empty in versions of before. */
export async function up(db: Kysely<Schema>): Promise<void> {
  const { longText } = capabilities(db)
  await addColumn(db, 'terraform_state_versions', 'serial', sql`bigint`)
  await addColumn(db, 'terraform_state_versions', 'bytes', sql`integer`)
  await addColumn(db, 'terraform_state_versions', 'addresses', longText)
  await addColumn(db, 'terraform_states', 'locked_at', sql`bigint`)
}
