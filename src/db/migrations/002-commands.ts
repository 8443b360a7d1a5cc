import type { Kysely } from 'kysely'
import { createIndex, createTable, type Schema } from '../schema.ts'

export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'commands', ({ table, id, longText }) =>
    table
      .addColumn('plan', 'varchar(64)', (column) => column.notNull())
      .addColumn('phase', 'varchar(16)', (column) => column.notNull())
      .addColumn('params', longText, (column) => column.notNull())
      .addColumn('subject', id)
      .addColumn('requested_by', 'varchar(255)', (column) => column.notNull())
      .addColumn('idempotency_key', 'varchar(255)', (column) => column.unique())
      .addColumn('content_hash', 'char(64)', (column) => column.notNull())
      .addColumn('lane', 'varchar(128)', (column) => column.notNull())
      .addColumn('active_lane', 'varchar(128)', (column) => column.unique())
      .addColumn('status', 'integer', (column) => column.notNull())
      .addColumn('undo_of', id)
      .addColumn('cancelled', 'text')
      .addColumn('message', longText)
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('started_at', 'bigint')
      .addColumn('ended_at', 'bigint'),
  )
  await createIndex(db, 'commands_status', 'commands', ['status', 'lane'])
  await createIndex(db, 'commands_subject', 'commands', ['subject', 'plan'])
  await createTable(db, 'tasks', ({ table, id, longText }) =>
    table
      .addColumn('command_id', id, (column) => column.notNull())
      .addColumn('subject', id)
      .addColumn('step', 'varchar(128)', (column) => column.notNull())
      .addColumn('action', 'varchar(64)', (column) => column.notNull())
      .addColumn('position', 'integer', (column) => column.notNull())
      .addColumn('after', 'text', (column) => column.notNull())
      .addColumn('input', longText, (column) => column.notNull())
      .addColumn('state', 'varchar(16)', (column) => column.notNull())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('fencing', 'bigint', (column) => column.notNull())
      .addColumn('lease_owner', 'varchar(64)')
      .addColumn('lease_until', 'bigint')
      .addColumn('waiting_lock', 'varchar(255)')
      .addColumn('waiting', longText)
      .addColumn('message', longText)
      .addColumn('outputs', longText)
      .addColumn('started_at', 'bigint')
      .addColumn('ended_at', 'bigint')
      .addUniqueConstraint('tasks_command_step', ['command_id', 'step'])
      .addForeignKeyConstraint('tasks_command', ['command_id'], 'commands', ['id']),
  )
  await createIndex(db, 'tasks_due', 'tasks', ['state', 'due_at'])
  await createTable(db, 'task_output', ({ table, id, longText }) =>
    table
      .addColumn('task_id', id, (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('line', longText, (column) => column.notNull())
      .addForeignKeyConstraint('task_output_task', ['task_id'], 'tasks', ['id']),
  )
  await createTable(
    db,
    'locks',
    ({ table, id }) =>
      table
        .addColumn('name', 'varchar(255)', (column) => column.primaryKey())
        .addColumn('task_id', id, (column) => column.notNull())
        .addColumn('fencing', 'bigint', (column) => column.notNull())
        .addColumn('taken_at', 'bigint', (column) => column.notNull()),
    { numbered: false },
  )
  await createTable(
    db,
    'settings',
    ({ table, longText }) =>
      table
        .addColumn('name', 'varchar(128)', (column) => column.primaryKey())
        .addColumn('value', longText, (column) => column.notNull()),
    { numbered: false },
  )
}
