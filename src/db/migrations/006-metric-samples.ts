import type { Kysely } from 'kysely'
import { createIndex, createTable, type Schema } from '../schema.ts'

export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'metric_samples', ({ table, longText }) =>
    table
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('scope', 'varchar(80)', (column) => column.notNull())
      .addColumn('used', longText, (column) => column.notNull())
      .addUniqueConstraint('metric_samples_scope_at', ['scope', 'at']),
  )
  await createIndex(db, 'metric_samples_at', 'metric_samples', ['at'])
}
