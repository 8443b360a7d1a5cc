import type { Kysely } from 'kysely'
import { createIndex, createTable, type Schema } from '../schema.ts'

/** What differs between books and world, and what the lists of a service with a long past are looked up by. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'findings', ({ table, longText }) =>
    table
      .addColumn('difference', 'varchar(16)', (column) => column.notNull())
      .addColumn('system', 'varchar(64)', (column) => column.notNull())
      .addColumn('kind', 'varchar(100)', (column) => column.notNull())
      .addColumn('name', 'varchar(255)', (column) => column.notNull())
      .addColumn('account', 'varchar(64)')
      .addColumn('plan', 'varchar(64)')
      .addColumn('instance', 'varchar(64)')
      .addColumn('mendable', 'integer', (column) => column.notNull())
      .addColumn('detail', longText, (column) => column.notNull()),
  )
  await createIndex(db, 'findings_difference', 'findings', ['difference'])
  await createTable(
    db,
    'comparisons',
    ({ table }) =>
      table
        .addColumn('difference', 'varchar(16)', (column) => column.primaryKey())
        .addColumn('compared_at', 'bigint', (column) => column.notNull()),
    { numbered: false },
  )
  await createIndex(db, 'commands_plan', 'commands', ['plan'])
  await createIndex(db, 'commands_state', 'commands', ['status'])
  await createIndex(db, 'commands_undo_of', 'commands', ['undo_of'])
}
