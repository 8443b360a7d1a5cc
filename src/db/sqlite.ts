import { chmodSync, existsSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import { AppError } from '../base/errors.ts'

/** SQLite changes its schema in transactions; Kysely's own adapter doesn't say so. A killed migration leaves nothing half done. */
export class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

export class NodeSqliteDialect extends SqliteDialect {
  override createAdapter(): TransactionalSqliteAdapter {
    return new TransactionalSqliteAdapter()
  }
}

/** Opens (or makes) the file, readable by its owner only; several processes may share it. */
export function openSqlite(path: string): SqliteDatabase {
  const isNew = path !== ':memory:' && !existsSync(path)
  const database = open(path)
  if (isNew) chmodSync(path, 0o600)
  for (const pragma of ['busy_timeout = 10000', 'journal_mode = WAL', 'synchronous = NORMAL', 'foreign_keys = ON']) {
    database.exec(`PRAGMA ${pragma}`)
  }
  const keep = keptStatements((sql) => database.prepare(immediate(sql)))
  const prepare = (sql: string) => (sql === 'rollback' ? unlessDone(database, keep(sql)) : keep(sql))
  return { close: () => database.close(), prepare }
}

const MOST_KEPT = 200
const touchesRowsOnly = /^\s*(select|insert|update|delete|begin|commit|rollback)\b/

/** Preparing costs more than most statements do: those used last are kept. What changes the schema is the end of all. */
function keptStatements(prepare: (sql: string) => StatementSync): (sql: string) => SqliteStatement {
  const kept = new Map<string, SqliteStatement>()
  return (sql) => {
    const known = kept.get(sql)
    // Put at the end again: the first is the one that was not used for longest.
    kept.delete(sql)
    const fresh = known ?? statement(prepare(sql), () => prepare(sql))
    if (touchesRowsOnly.test(sql)) kept.set(sql, fresh)
    else kept.clear()
    const [oldest] = kept.size > MOST_KEPT ? kept.keys() : []
    if (oldest !== undefined) kept.delete(oldest)
    return fresh
  }
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path)
  } catch (cause) {
    throw new AppError('invalid', 'database-not-opened', `opening the database file ${path}`, { cause })
  }
}

/** A transaction that reads first and writes later would fail as "busy" instead of waiting for its turn. */
function immediate(sql: string): string {
  return sql === 'begin' ? 'begin immediate' : sql
}

/** On a full disk SQLite takes the transaction back by itself; to do that again would hide why. */
function unlessDone(database: DatabaseSync, rollback: SqliteStatement): SqliteStatement {
  const nothing = { changes: 0, lastInsertRowid: 0 }
  return { ...rollback, run: (parameters) => (database.isTransaction ? rollback.run(parameters) : nothing) }
}

/** Who iterates gets one of its own: the same may be run again before its last row was read. */
function statement(prepared: StatementSync, own: () => StatementSync): SqliteStatement {
  return {
    reader: prepared.columns().length > 0,
    all: (parameters) => prepared.all(...bindable(parameters)),
    run: (parameters) => prepared.run(...bindable(parameters)),
    iterate: (parameters) => own().iterate(...bindable(parameters)),
  }
}

/** node:sqlite binds a Date as NULL without a word: nothing but what SQL knows gets through. */
function bindable(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value, index) => {
    const known = value === null || ['string', 'number', 'bigint'].includes(typeof value) || value instanceof Uint8Array
    if (known) return value as SQLInputValue
    const type = value instanceof Date ? 'Date' : typeof value
    throw new AppError(
      'bug',
      'not-bindable',
      `parameter ${index + 1} of a statement is a ${type}; use text, a number or null`,
    )
  })
}
