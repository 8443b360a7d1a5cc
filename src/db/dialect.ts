import { CompiledQuery, type Dialect, type Kysely, MysqlDialect, type RawBuilder, sql } from 'kysely'
import type { DatabaseOptions } from './database.ts'
import { createMysqlPool } from './mysql.ts'
import { NodeSqliteDialect, openSqlite, TransactionalSqliteAdapter } from './sqlite.ts'

export type DatabaseKind = 'sqlite' | 'mysql'

/** What the two databases do differently; queries ask for a capability, never for a name. */
export interface Capabilities {
  readonly kind: DatabaseKind
  /** `SELECT … FOR UPDATE [SKIP LOCKED]`; without it a write transaction has the whole database for itself. */
  readonly rowLocks: boolean
  readonly idType: 'integer' | 'bigint'
  /** Long texts: MySQL's `text` ends at 64 KiB. */
  readonly longText: RawBuilder<unknown>
  /** After `create table (…)`: names compare byte by byte on both. */
  readonly tableOptions: RawBuilder<unknown>
}

const sqlite: Capabilities = {
  kind: 'sqlite',
  rowLocks: false,
  idType: 'integer',
  longText: sql`text`,
  tableOptions: sql``,
}
const mysql: Capabilities = {
  kind: 'mysql',
  rowLocks: true,
  idType: 'bigint',
  longText: sql`longtext`,
  tableOptions: sql`engine=InnoDB default character set utf8mb4 collate utf8mb4_bin`,
}

// oxlint-disable-next-line typescript/no-explicit-any -- migrations know no tables
export function capabilities(db: Kysely<any>): Capabilities {
  return db.getExecutor().adapter instanceof TransactionalSqliteAdapter ? sqlite : mysql
}

export function dialectFor(options: DatabaseOptions): Dialect {
  switch (options.kind) {
    case 'sqlite':
      return new NodeSqliteDialect({ database: async () => openSqlite(options.path ?? ':memory:') })
    case 'mysql':
      return new MysqlDialect({
        pool: async () => createMysqlPool(options),
        // A locking read must see what was committed last, and gap locks would make claims wait for each other.
        onCreateConnection: async (connection) => {
          await connection.executeQuery(CompiledQuery.raw('set session transaction isolation level read committed'))
        },
      })
  }
}

/**
 * Brings what was committed onto the disk. SQLite may forget the last moments when the power goes; who throws something
 * away because it is in the database calls this first.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- any database of ours
export async function makeDurable(db: Kysely<any>): Promise<void> {
  if (capabilities(db).kind === 'sqlite') await sql`pragma wal_checkpoint(passive)`.execute(db)
}

/** Is this the error of a unique index? Both databases' words for it. */
export function isDuplicate(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number }
  return code === 'ER_DUP_ENTRY' || errcode === 2067 || errcode === 1555
}

/** Did the server go away, or was it not there? What was asked for may or may not have been done. */
export function isDatabaseAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, fatal } = error as { code?: string; fatal?: boolean }
  // The driver calls fatal what ends a connection, and gives no code for what was asked after its end.
  return away.has(code ?? '') || (fatal === true && code === undefined)
}

const away = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ER_CON_COUNT_ERROR',
  'ER_SERVER_SHUTDOWN',
])

/** Is there no space left for what was to be written? */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number }
  return errcode === 13 || ['ENOSPC', 'ER_DISK_FULL', 'ER_RECORD_FILE_FULL'].includes(code ?? '')
}

/** Is it worth doing the transaction again? A deadlock or a busy file, not a wrong statement. */
export function isTransient(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number }
  const crossed = code === 'ER_LOCK_DEADLOCK' || code === 'ER_LOCK_WAIT_TIMEOUT'
  return crossed || errcode === 5 || errcode === 6 || isDatabaseAway(error)
}
