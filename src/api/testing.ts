import type { FastifyInstance } from 'fastify'
import type { Jwks } from '../adapters/jwks/port.ts'
import { silentLog } from '../base/log.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { createLifecycle, type Lifecycle } from '../deployments/lifecycle.ts'
import { AccountStatus } from '../status/status.ts'
import type { ApiDeps } from './deps.ts'
import { createServer } from './server.ts'
import { createRooms, siteWith, testPlans, testSite } from './testing-rooms.ts'

export { createRooms, siteWith, testPlans, testSite }

/** Both listeners on a fresh database, with a clock of the test's own. */
export interface TestHouse {
  readonly deps: ApiDeps
  readonly db: Db
  readonly open: FastifyInstance
  readonly inside: FastifyInstance
  readonly lifecycle: Lifecycle
  readonly time: { now: number }
  close(): Promise<void>
}

export const bootstrapKey = 'bootstrapKeyOfTheTest'

/** On a database in memory, or on a migrated one that stays the caller's. */
export async function startHouse({
  jwks,
  ...change
}: Partial<ApiDeps> & { readonly jwks?: Jwks } = {}): Promise<TestHouse> {
  const db = change.db ?? (await emptyDatabase())
  const time = { now: Date.parse('2026-11-24T08:00:00Z') }
  const clock = change.clock ?? { now: () => time.now, sleep: async () => {} }
  const deps: ApiDeps = {
    ...createRooms(db, clock, change.site, jwks),
    // Nothing outside that could be asked, unless a test brings it.
    status: new AccountStatus({ db, clock, site: testSite }),
    plans: testPlans,
    clock,
    log: silentLog,
    bootstrapKey,
    oidcClients: [],
    version: 'test',
    ...change,
  }
  const open = await createServer(deps, 'public')
  const inside = await createServer(deps, 'internal')
  const close = async () => {
    await Promise.all([open.close(), inside.close()])
    if (change.db === undefined) await db.destroy()
  }
  return { deps, db, open, inside, time, lifecycle: createLifecycle(deps), close }
}

async function emptyDatabase(): Promise<Db> {
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  return db
}

export function signedInAs(userid: string, apikey: string): { authorization: string } {
  return { authorization: `ApiKey ${userid}:${apikey}` }
}
