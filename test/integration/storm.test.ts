import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runStorm } from '../storm/storm.ts'
import { startMariadb, type TestMariadb } from '../support/mariadb.ts'

/** A short one; `npm run storm` kills hundreds of times. */
const SEED = Number(process.env['CLOUDMGR_STORM_SEED'] ?? 1 + Math.floor(Math.random() * 1_000_000))
const SHORT = { seed: SEED, kills: 12, minutes: 0.3 }

let mariadb: TestMariadb
let folder: string
beforeAll(async () => {
  mariadb = await startMariadb()
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-storm-test-'))
})
afterAll(async () => {
  await mariadb?.stop()
  rmSync(folder, { recursive: true, force: true })
})

for (const [name, database] of [
  ['SQLite', async () => ({ kind: 'sqlite' as const, path: join(folder, 'storm.db') })],
  ['MariaDB', async () => await mariadb.fresh()],
] as const) {
  test(`engines killed at random moments on ${name} lose nothing and do nothing twice (CLOUDMGR_STORM_SEED=${SEED})`, async () => {
    const { kills, orders, wrongs } = await runStorm({ ...SHORT, database: await database() })
    expect(wrongs).toEqual([])
    // The guard's guard: there was a storm.
    expect(kills).toBeGreaterThan(0)
    expect(orders).toBeGreaterThan(0)
  })
}
