import { afterAll, beforeAll, describe } from 'vitest'
import { startMariadb, type TestMariadb } from '../../test/support/mariadb.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { statesSuite } from './states-suite.ts'

describe('on MariaDB', () => {
  let mariadb: TestMariadb
  let db: ReturnType<typeof openDatabase>
  beforeAll(async () => {
    mariadb = await startMariadb()
    db = openDatabase(await mariadb.fresh())
    await migrate(db)
  })
  afterAll(async () => {
    await db?.destroy()
    await mariadb?.stop()
  })

  statesSuite(async () => db)
})
