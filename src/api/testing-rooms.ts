import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { Accounts } from '../accounts/accounts.ts'
import { Jwts } from '../accounts/jwt.ts'
import { Memberships } from '../accounts/memberships.ts'
import { createFakeJwks } from '../adapters/jwks/fake.ts'
import type { Jwks } from '../adapters/jwks/port.ts'
import type { Clock } from '../base/clock.ts'
import { type KeyRing, parseKeyRing } from '../base/key-ring.ts'
import { accountActionNames } from '../books/books-actions.ts'
import { loadPlans } from '../catalog/load.ts'
import type { Db } from '../db/database.ts'
import { Deployments } from '../deployments/deployments.ts'
import { parseSiteFacts, type SiteFacts } from '../deployments/site-facts.ts'
import { Outbox } from '../mails/outbox.ts'

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

const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')

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
    keys: ring,
    accounts,
    outbox,
    jwts,
    memberships,
    deployments: new Deployments({ db, keys: ring, engineKeys: ring, site, clock }),
    site,
  }
}
