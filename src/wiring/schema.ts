import { systemClock as clock } from '../base/clock.ts'
import { AppError, explain } from '../base/errors.ts'
import { createLog } from '../base/log.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate, pendingMigrations } from '../db/migrate.ts'
import { databaseOf } from './service-env.ts'

/** Brings the schema up to date; with `--wait` only waits until somebody did. */
export async function migrateSchema(words: readonly string[]): Promise<number> {
  const log = createLog('migrate')
  const db = openDatabase(databaseOf(process.env))
  try {
    if (words.includes('--wait')) await waitForSchema(db, log)
    else log.info('schema is up to date', { done: await migrate(db) })
    return 0
  } finally {
    await db.destroy()
  }
}

const SCHEMA_WAIT_MS = 600_000

async function waitForSchema(db: Db, log: ReturnType<typeof createLog>): Promise<void> {
  const until = clock.now() + SCHEMA_WAIT_MS
  for (;;) {
    const reason = await schemaGap(db)
    if (reason === undefined) return
    if (clock.now() > until) throw new Error(`the schema is not there after ten minutes: ${reason}`)
    log.info('waiting for the schema', { reason })
    await clock.sleep(1_000)
  }
}

async function schemaGap(db: Db): Promise<string | undefined> {
  try {
    const pending = await pendingMigrations(db)
    return pending.length === 0 ? undefined : `${pending.join(', ')} to come`
  } catch (error) {
    // Waiting would not bring the older schema back.
    if (error instanceof AppError && error.code === 'schema-newer') throw error
    return explain(error)
  }
}
