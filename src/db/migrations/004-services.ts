import { type Kysely, sql } from 'kysely'
import { capabilities } from '../dialect.ts'
import { addColumn, createIndex, createTable, replaceUnique, type Schema } from '../schema.ts'

/** An account may have several deployments, and several of one plan. The version before goes on working with all of it. */
export async function up(db: Kysely<Schema>): Promise<void> {
  const { longText } = capabilities(db)
  const name = sql`varchar(64)`
  await addColumn(db, 'commands', 'instance', name, (column) => column.notNull().defaultTo(''))
  await addColumn(db, 'tasks', 'mode', sql`varchar(8)`, (column) => column.notNull().defaultTo('ensure'))
  await addColumn(db, 'tasks', 'waiting_since', sql`bigint`)
  await addColumn(db, 'deployments', 'instance', name, (column) => column.notNull().defaultTo(''))
  await addColumn(db, 'deployments', 'params', longText)
  await addColumn(db, 'deployments', 'suspended_at', sql`bigint`)
  await replaceUnique(db, 'deployments', {
    before: 'deployments_account_plan',
    after: 'deployments_account_instance',
    columns: ['account_id', 'plan', 'instance'],
    rebuild: rebuildDeployments,
  })
  await createIndex(db, 'task_output_task', 'task_output', ['task_id'])
}

const kept = 'id, account_id, plan, status, settings_encrypted, ready_at, message, created_at, updated_at'

/** SQLite can't take a constraint away from a table. */
async function rebuildDeployments(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'deployments_new', ({ table, id, longText }) =>
    table
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('plan', 'varchar(64)', (column) => column.notNull())
      .addColumn('status', 'integer', (column) => column.notNull())
      .addColumn('settings_encrypted', longText)
      .addColumn('ready_at', 'bigint')
      .addColumn('message', longText)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('instance', 'varchar(64)', (column) => column.notNull().defaultTo(''))
      .addColumn('params', longText)
      .addColumn('suspended_at', 'bigint')
      .addUniqueConstraint('deployments_account_instance', ['account_id', 'plan', 'instance'])
      .addForeignKeyConstraint('deployments_account', ['account_id'], 'accounts', ['id']),
  )
  await sql.raw(`insert into deployments_new (${kept}) select ${kept} from deployments`).execute(db)
  await db.schema.dropTable('deployments').execute()
  await db.schema.alterTable('deployments_new').renameTo('deployments').execute()
}
