import { type CreateTableBuilder, type Expression, type Kysely, sql } from 'kysely'
import { capabilities } from './dialect.ts'

/** Migrations see the schema of their time, so they name tables and columns freely. */
// oxlint-disable-next-line typescript/no-explicit-any -- see above
export type Schema = any

// oxlint-disable-next-line typescript/no-explicit-any -- see above
type Table = CreateTableBuilder<string, any>

export interface TableParts {
  readonly table: Table
  /** Type of columns that name a row of another table. */
  readonly id: 'integer' | 'bigint'
  readonly longText: Expression<unknown>
}

/** Creates the table with a numbered `id` unless told otherwise. Harmless when it exists: MySQL can't undo half a migration. */
export async function createTable(
  db: Kysely<Schema>,
  name: string,
  columns: (parts: TableParts) => Table,
  { numbered = true }: { numbered?: boolean } = {},
): Promise<void> {
  const { idType, longText, tableOptions } = capabilities(db)
  const empty: Table = db.schema.createTable(name).ifNotExists()
  const table = numbered ? empty.addColumn('id', idType, (column) => column.primaryKey().autoIncrement()) : empty
  await columns({ table, id: idType, longText }).modifyEnd(tableOptions).execute()
}

/** MySQL knows no `create index if not exists`; after a killed migration the index may be there. */
export async function createIndex(
  db: Kysely<Schema>,
  name: string,
  table: string,
  columns: readonly string[],
  { unique = false }: { unique?: boolean } = {},
): Promise<void> {
  if (capabilities(db).kind === 'mysql') {
    const found = await sql`select 1 from information_schema.statistics
      where table_schema = database() and table_name = ${table} and index_name = ${name} limit 1`.execute(db)
    if (found.rows.length > 0) return
  }
  const index = db.schema
    .createIndex(name)
    .on(table)
    .columns([...columns])
  await (unique ? index.unique() : index).execute()
}

/** Empty in the rows that are there. After a killed migration of MySQL the column may be there. */
export async function addColumn(db: Kysely<Schema>, table: string, name: string, type: 'bigint'): Promise<void> {
  if (capabilities(db).kind === 'mysql') {
    const found = await sql`select 1 from information_schema.columns
      where table_schema = database() and table_name = ${table} and column_name = ${name} limit 1`.execute(db)
    if (found.rows.length > 0) return
  }
  await db.schema.alterTable(table).addColumn(name, type).execute()
}
