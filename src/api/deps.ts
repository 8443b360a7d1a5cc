import type { Accounts } from '../accounts/accounts.ts'
import type { Jwts } from '../accounts/jwt.ts'
import type { Memberships } from '../accounts/memberships.ts'
import type { OpenidIssuer } from '../adapters/openid/port.ts'
import type { Clock } from '../base/clock.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Log } from '../base/log.ts'
import type { Plans } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import type { AccountStatus } from '../status/status.ts'
import type { OidcClient } from './oidc/provider.ts'
import type { Outbox } from '../mails/outbox.ts'

/** What the routes work with; the wiring builds it. */
export interface ApiDeps {
  readonly db: Db
  /** What API and engine share; the engine shows by it who it is. */
  readonly keys: KeyRing
  readonly accounts: Accounts
  readonly deployments: Deployments
  readonly outbox: Outbox
  readonly jwts: Jwts
  /** Programs that sign people in through us. */
  readonly oidcClients: readonly OidcClient[]
  /** The issuer of `site.openid`, and what seals a browser's words on the way there and back. */
  readonly openid?: { readonly issuer: OpenidIssuer; readonly keys: KeyRing } | undefined
  readonly memberships: Memberships
  readonly site: SiteFacts
  readonly status: AccountStatus
  /** What accounts can be delivered. */
  readonly plans: Plans
  readonly clock: Clock
  readonly log: Log
  /** Makes the first accounts until it is revoked; absent: no bootstrap. */
  readonly bootstrapKey: string | undefined
  readonly version: string
  /** Folder of the built pages; without it, or while it is empty, a plain front page says what this is. */
  readonly pages?: string
}

/** `internal`: for workers and JupyterHub inside the cluster, never routed by the ingress. */
export type Side = 'public' | 'internal'
