import { type Kysely, sql } from 'kysely'
import { addColumn, createIndex, createTable, type Schema } from '../schema.ts'

export async function up(db: Kysely<Schema>): Promise<void> {
  await createTable(db, 'oidc_artifacts', ({ table, longText }) =>
    table
      .addColumn('key', 'varchar(190)', (column) => column.notNull().unique())
      .addColumn('payload', longText, (column) => column.notNull())
      .addColumn('grant_id', 'varchar(64)')
      .addColumn('uid', 'varchar(64)')
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('consumed_at', 'bigint'),
  )
  await createIndex(db, 'oidc_artifacts_grant', 'oidc_artifacts', ['grant_id'])
  await createIndex(db, 'oidc_artifacts_uid', 'oidc_artifacts', ['uid'])
  await createIndex(db, 'oidc_artifacts_expiry', 'oidc_artifacts', ['expires_at'])
  await addColumn(db, 'sessions', 'oidc_uid', sql`varchar(64)`)
  await createIndex(db, 'sessions_oidc_uid', 'sessions', ['oidc_uid'])
}
