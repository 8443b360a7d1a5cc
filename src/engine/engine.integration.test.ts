import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { engineSuite } from '../../test/journeys/engine-suite.ts'
import { killSuite } from '../../test/journeys/engine-kill-suite.ts'
import { startMariadb, type TestMariadb } from '../../test/support/mariadb.ts'
import { type DatabaseOptions, openDatabase } from '../db/database.ts'

describe('on MariaDB', () => {
  let mariadb: TestMariadb
  beforeAll(async () => {
    mariadb = await startMariadb()
  })
  afterAll(async () => await mariadb?.stop())

  engineSuite(async () => openDatabase(await mariadb.fresh()))
  killSuite(() => mariadb.fresh())
})

describe('on SQLite', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloudmgr-engine-sqlite-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  let count = 0
  const fresh = (): DatabaseOptions => ({ kind: 'sqlite', path: join(folder, `${++count}.db`) })
  killSuite(async () => fresh())
})
