import type { Kysely } from 'kysely'
import { createIndex, createTable, type Schema } from '../schema.ts'

export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'terraform_states', ({ table, longText }) =>
    table
      .addColumn('root', 'varchar(190)', (column) => column.notNull().unique())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('state', longText)
      .addColumn('lock_id', 'varchar(64)')
      .addColumn('lock_info', 'text')
      .addColumn('updated_at', 'bigint', (column) => column.notNull()),
  )
  await createTable(db, 'terraform_state_versions', ({ table, longText }) =>
    table
      .addColumn('root', 'varchar(190)', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('state', longText, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull()),
  )
  await createIndex(db, 'terraform_state_versions_root', 'terraform_state_versions', ['root', 'version'])
}
