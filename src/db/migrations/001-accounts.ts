import type { Kysely } from 'kysely'
import { createTable, type Schema } from '../schema.ts'

export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'accounts', ({ table }) =>
    table
      .addColumn('name', 'varchar(64)', (column) => column.notNull().unique())
      .addColumn('email', 'varchar(255)', (column) => column.notNull().unique())
      .addColumn('password_hash', 'varchar(255)')
      .addColumn('role', 'varchar(16)', (column) => column.notNull())
      .addColumn('rights', 'varchar(1000)', (column) => column.notNull())
      .addColumn('status', 'varchar(16)', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull()),
  )
  await createTable(db, 'api_keys', ({ table, id }) =>
    table
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('label', 'varchar(255)', (column) => column.notNull())
      .addColumn('key_hash', 'char(64)', (column) => column.notNull().unique())
      .addColumn('key_encrypted', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('last_used_at', 'bigint')
      .addColumn('revoked_at', 'bigint')
      .addForeignKeyConstraint('api_keys_account', ['account_id'], 'accounts', ['id']),
  )
  await createTable(db, 'deployments', ({ table, id, longText }) =>
    table
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('plan', 'varchar(64)', (column) => column.notNull())
      .addColumn('status', 'integer', (column) => column.notNull())
      .addColumn('settings_encrypted', longText)
      .addColumn('ready_at', 'bigint')
      .addColumn('message', longText)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('deployments_account_plan', ['account_id', 'plan'])
      .addForeignKeyConstraint('deployments_account', ['account_id'], 'accounts', ['id']),
  )
  await createTable(db, 'audit_log', ({ table, longText }) =>
    table
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('actor', 'varchar(255)', (column) => column.notNull())
      .addColumn('action', 'varchar(255)', (column) => column.notNull())
      .addColumn('subject', 'varchar(255)', (column) => column.notNull())
      .addColumn('detail', longText, (column) => column.notNull()),
  )
}
