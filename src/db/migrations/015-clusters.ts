import type { Kysely } from 'kysely'
import { createTable, type Schema } from '../schema.ts'

/** Clusters beside the site's own, and how they are reached. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'clusters', ({ table, id, longText }) =>
    table
      .addColumn('name', 'varchar(40)', (column) => column.notNull().unique())
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('provider', 'varchar(60)', (column) => column.notNull())
      .addColumn('state', 'varchar(20)', (column) => column.notNull())
      .addColumn('api_server', 'varchar(255)')
      .addColumn('address', 'varchar(64)')
      .addColumn('kubeconfig', longText)
      .addColumn('observer', longText)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull()),
  )
}
