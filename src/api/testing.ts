import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { Accounts } from '../accounts/accounts.ts'
import { Jwts } from '../accounts/jwt.ts'
import { Memberships } from '../accounts/memberships.ts'
import { accountActionNames } from '../books/books-actions.ts'
import { createFakeJwks } from '../adapters/jwks/fake.ts'
import type { Jwks } from '../adapters/jwks/port.ts'
import type { Clock } from '../base/clock.ts'
import { type KeyRing, parseKeyRing } from '../base/key-ring.ts'
import { silentLog } from '../base/log.ts'
import { loadPlans } from '../catalog/load.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { Deployments } from '../deployments/deployments.ts'
import { createLifecycle, type Lifecycle } from '../deployments/lifecycle.ts'
import { parseSiteFacts, type SiteFacts } from '../deployments/site-facts.ts'
import { Outbox } from '../mails/outbox.ts'
import { AccountStatus } from '../status/status.ts'
import type { ApiDeps } from './deps.ts'
import { createServer } from './server.ts'

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

/** The site of the tests with other facts. */
export function siteWith(change: object): SiteFacts {
  return parseSiteFacts({ ...testFacts, ...change }, 'the test')
}

const testFacts = {
  domain: 'omega.localhost',
  publicUrl: 'http://hub.omega.localhost:8080',
  notebookUrl: 'http://notebook.omega.localhost:8080',
  internalUrl: 'http://omegaweb.omegaml-services.svc.cluster.local:8080',
  mongo: {
    publicHost: 'mongo.omega.localhost:27018',
    internalHost: 'mongodb.omegaml-services.svc.cluster.local:27017',
  },
  broker: {
    publicHost: 'broker.omega.localhost:5671',
    internalHost: 'rabbitmq.omegaml-services.svc.cluster.local:5672',
  },
  images: { runtime: 'registry/omegaml-runtime@sha256:1' },
  signUp: { open: true, runtime: 'shared' },
}

export const testSite: SiteFacts = siteWith({})

/** The catalogue's own. */
export const testPlans = loadPlans(
  resolve(import.meta.dirname, '../../catalog/plans'),
  accountActionNames,
  'account',
  testSite,
)

export const bootstrapKey = 'bootstrapKeyOfTheTest'

const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')

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

/** Accounts and deployments as another process sees them: same rows, same keys, memory of its own. */
export function createRooms(
  db: Db,
  clock: Clock,
  site: SiteFacts = testSite,
  jwks: Jwks = createFakeJwks(),
  ring: KeyRing = keys,
) {
  const accounts = new Accounts({ db, keys: ring, clock })
  const outbox = new Outbox({ keys: ring, clock, delivers: site.mail.smtp !== undefined })
  const jwts = new Jwts({ db, keys: ring, clock, jwks, issuer: site.publicUrl, foreign: site.issuers })
  const memberships = new Memberships({ db, clock })
  return {
    db,
    accounts,
    outbox,
    jwts,
    memberships,
    deployments: new Deployments({ db, keys: ring, site, clock }),
    site,
  }
}

async function emptyDatabase(): Promise<Db> {
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  return db
}

export function signedInAs(userid: string, apikey: string): { authorization: string } {
  return { authorization: `ApiKey ${userid}:${apikey}` }
}
