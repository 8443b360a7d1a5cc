import { type ColumnDefinitionBuilder, type CreateTableBuilder, type Expression, type Kysely, sql } from 'kysely'
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

/** Empty, or with its default, in the rows that are there. After a killed migration of MySQL the column may be there. */
export async function addColumn(
  db: Kysely<Schema>,
  table: string,
  column: string,
  type: Expression<unknown>,
  define: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder = (plain) => plain,
): Promise<void> {
  if (capabilities(db).kind === 'mysql') {
    const found = await sql`select 1 from information_schema.columns
      where table_schema = database() and table_name = ${table} and column_name = ${column} limit 1`.execute(db)
    if (found.rows.length > 0) return
  }
  await db.schema.alterTable(table).addColumn(column, sql`${type}`, define).execute()
}

export interface UniqueChange {
  readonly before: string
  readonly after: string
  readonly columns: readonly string[]
  /** For SQLite, which changes its schema in a transaction but no constraint of a table. */
  readonly rebuild: (db: Kysely<Schema>) => Promise<void>
}

/** Another unique constraint instead of one that is there. */
export async function replaceUnique(db: Kysely<Schema>, table: string, change: UniqueChange): Promise<void> {
  if (capabilities(db).kind !== 'mysql') return await change.rebuild(db)
  const has = async (name: string) => {
    const found = await sql`select 1 from information_schema.statistics
      where table_schema = database() and table_name = ${table} and index_name = ${name} limit 1`.execute(db)
    return found.rows.length > 0
  }
  // The new one first: a foreign key needs an index on its column at all times.
  if (!(await has(change.after)))
    await db.schema
      .alterTable(table)
      .addUniqueConstraint(change.after, [...change.columns])
      .execute()
  if (await has(change.before)) await db.schema.alterTable(table).dropIndex(change.before).execute()
}
