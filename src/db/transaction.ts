import { setTimeout as delay } from 'node:timers/promises'
import type { Db, Tx } from './database.ts'
import { isTransient } from './dialect.ts'

/** Runs `work` in a transaction, again after a deadlock or a lost connection; so it must do nothing but read and write rows. */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>, attempts = 5): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error
      await delay(attempt * 20 + Math.random() * 30)
    }
  }
}
