import type { Kysely } from 'kysely'
import { addColumn, createIndex, createTable, type Schema } from '../schema.ts'

/** New tables go with their account (cascade): an older program that deletes one knows nothing of them. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await addColumn(db, 'accounts', 'mail_confirmed_at', 'bigint')
  await addColumn(db, 'accounts', 'password_changed_at', 'bigint')
  await createIndex(db, 'api_keys_label', 'api_keys', ['account_id', 'label'], { unique: true })
  await createIndex(db, 'audit_log_subject', 'audit_log', ['subject'])
  await createIndex(db, 'audit_log_actor', 'audit_log', ['actor'])
  await createTable(db, 'sessions', ({ table, id }) =>
    table
      .addColumn('id_hash', 'char(64)', (column) => column.notNull().unique())
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addForeignKeyConstraint('sessions_account', ['account_id'], 'accounts', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  )
  await createTable(db, 'one_time_tokens', ({ table, id, longText }) =>
    table
      .addColumn('token_hash', 'char(64)', (column) => column.notNull().unique())
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('purpose', 'varchar(32)', (column) => column.notNull())
      .addColumn('detail', longText, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addForeignKeyConstraint('one_time_tokens_account', ['account_id'], 'accounts', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  )
  await createTable(db, 'mails', ({ table, longText }) =>
    table
      .addColumn('recipient', 'varchar(255)', (column) => column.notNull())
      .addColumn('kind', 'varchar(32)', (column) => column.notNull())
      .addColumn('subject', 'varchar(255)', (column) => column.notNull())
      .addColumn('body_encrypted', longText, (column) => column.notNull())
      .addColumn('status', 'varchar(16)', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('sent_at', 'bigint')
      .addColumn('message', longText),
  )
  await createIndex(db, 'mails_due', 'mails', ['status', 'due_at'])
  await createIndex(db, 'mails_recipient', 'mails', ['recipient', 'kind'])
  // Not `groups`: a reserved word of MySQL 8.
  await createTable(db, 'account_groups', ({ table, id }) =>
    table
      .addColumn('name', 'varchar(64)', (column) => column.notNull().unique())
      .addColumn('account_id', id, (column) => column.notNull().unique())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addForeignKeyConstraint('account_groups_account', ['account_id'], 'accounts', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  )
  await createTable(db, 'group_members', ({ table, id }) =>
    table
      .addColumn('group_id', id, (column) => column.notNull())
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('role', 'varchar(16)', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('group_members_once', ['account_id', 'group_id'])
      .addForeignKeyConstraint('group_members_group', ['group_id'], 'account_groups', ['id'], (key) =>
        key.onDelete('cascade'),
      )
      .addForeignKeyConstraint('group_members_account', ['account_id'], 'accounts', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  )
  await createTable(db, 'identities', ({ table, id }) =>
    table
      .addColumn('issuer', 'varchar(255)', (column) => column.notNull())
      .addColumn('subject', 'varchar(255)', (column) => column.notNull())
      .addColumn('account_id', id, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('identities_once', ['issuer', 'subject'])
      .addForeignKeyConstraint('identities_account', ['account_id'], 'accounts', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  )
}
