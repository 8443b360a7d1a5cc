import { afterAll, beforeAll } from 'vitest'
import { startMariadb, type TestMariadb } from '../../test/support/mariadb.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { samplerSuite } from './sampler-suite.ts'

let mariadb: TestMariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(async () => await mariadb?.stop())

samplerSuite(
  async () => {
    const db = openDatabase(await mariadb.fresh())
    await migrate(db)
    return db
  },
  async (db) => await db.destroy(),
)
