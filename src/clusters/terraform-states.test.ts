import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { statesSuite } from './states-suite.ts'

statesSuite(async () => {
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  return db
})
