import { type Kysely, sql } from 'kysely'
import { addColumn, type Schema } from '../schema.ts'

export async function up(db: Kysely<Schema>): Promise<void> {
  await addColumn(db, 'deployments', 'ran_at', sql`bigint`)
}
