import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { samplerSuite } from './sampler-suite.ts'

samplerSuite(
  async () => {
    const db = openDatabase('sqlite::memory:')
    await migrate(db)
    return db
  },
  async (db) => await db.destroy(),
)
