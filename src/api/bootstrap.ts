import { createHash, timingSafeEqual } from 'node:crypto'
import { type Account, planOf, siteAccounts } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { hashPassword } from '../accounts/password.ts'
import { findAccount } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { findDeployment } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

export interface SiteAccountWish {
  /** Made elsewhere, such as by the chart's Secret; left out, one is made (once). */
  readonly apikey?: string | undefined
  readonly email?: string | undefined
  readonly password?: string | undefined
}

export interface SiteAccount {
  readonly userid: string
  readonly apikey: string
  readonly command?: number
}

/** Makes the accounts that a site can't be without. Again: the same accounts and keys. */
export async function bootstrap(
  deps: ApiDeps,
  wishes: Readonly<Record<string, SiteAccountWish>>,
): Promise<Record<string, SiteAccount>> {
  const names = Object.keys(siteAccounts)
  const hashes = new Map<string, string | null>()
  for (const name of names) {
    const password = wishes[name]?.password
    hashes.set(name, password === undefined ? null : await hashPassword(password))
  }
  const made = await inTransaction(deps.db, async (tx) => {
    const accounts: Record<string, SiteAccount> = {}
    for (const name of names)
      accounts[name] = await ensureSiteAccount(deps, tx, name, wishes[name] ?? {}, hashes.get(name) ?? null)
    return accounts
  })
  for (const name of names) deps.accounts.forget(name)
  bellOf(deps.db).ring()
  return made
}

async function ensureSiteAccount(
  deps: ApiDeps,
  tx: Db,
  name: string,
  wish: SiteAccountWish,
  passwordHash: string | null,
): Promise<SiteAccount> {
  const existing = await findAccount(tx, name)
  const { account, apikey } =
    existing === undefined
      ? await addSiteAccount(deps, tx, name, wish, passwordHash)
      : { account: existing, apikey: await keyOf(deps, tx, existing, wish.apikey) }
  const command = await orderOnce(tx, account)
  return { userid: name, apikey, ...(command === undefined ? {} : { command }) }
}

async function addSiteAccount(deps: ApiDeps, tx: Db, name: string, wish: SiteAccountWish, passwordHash: string | null) {
  const { role = 'machine', rights = [] } = siteAccounts[name] ?? {}
  const email = wish.email ?? `${name}@${deps.site.domain}`
  const made = await deps.accounts.create(tx, { name, email, role, rights, passwordHash, apikey: wish.apikey })
  await audit(tx, {
    at: deps.clock.now(),
    actor: 'bootstrap',
    action: 'account.create',
    subject: name,
    details: { role },
  })
  return made
}

/** A key given by the installation wins: it lies in a Secret that programs read. */
async function keyOf(deps: ApiDeps, tx: Db, account: Account, given: string | undefined): Promise<string> {
  const present = await deps.accounts.apiKeyOf(account, tx)
  if (given === undefined || given === present) return present
  await audit(tx, { at: deps.clock.now(), actor: 'bootstrap', action: 'account.rotate', subject: account.name })
  return await deps.accounts.setKey(tx, account, given)
}

/** The order of its plan, unless it was delivered or is on its way. */
async function orderOnce(tx: Db, account: Account): Promise<number | undefined> {
  const plan = planOf(account)
  if (plan === undefined) return undefined
  const deployment = await findDeployment(tx, account.id, plan)
  if (deployment?.status === Status.completed) return undefined
  // One order until it has failed; then its number is part of the key of the next.
  const attempt = deployment?.status === Status.failed ? `bootstrap-${deployment.updatedAt}` : 'bootstrap'
  return await placeOrder(tx, {
    plan,
    phase: 'install',
    subject: account,
    requestedBy: 'bootstrap',
    idempotencyKey: `${account.id}-${attempt}`,
  })
}

/** Its power ends for good: another key must be set to begin again. */
export async function revokeBootstrap(deps: ApiDeps, actor: string): Promise<void> {
  if (deps.bootstrapKey === undefined) return
  const name = revokedName(deps.bootstrapKey)
  await inTransaction(deps.db, async (tx) => {
    const known = await tx.selectFrom('settings').select('name').where('name', '=', name).executeTakeFirst()
    if (known !== undefined) return
    await tx
      .insertInto('settings')
      .values({ name, value: String(deps.clock.now()) })
      .execute()
    await audit(tx, { at: deps.clock.now(), actor, action: 'bootstrap.revoke', subject: 'bootstrap' })
  })
}

/** Passes for the bootstrap key while it is in use. */
export async function checkBootstrapKey(deps: Pick<ApiDeps, 'db' | 'bootstrapKey'>, key: string): Promise<void> {
  if (deps.bootstrapKey === undefined || !sameText(key, deps.bootstrapKey)) {
    throw new AppError('unauthenticated', 'bootstrap-key-wrong', 'the bootstrap key is wrong or the site has none')
  }
  const name = revokedName(deps.bootstrapKey)
  const revoked = await deps.db.selectFrom('settings').select('name').where('name', '=', name).executeTakeFirst()
  if (revoked !== undefined)
    throw new AppError('forbidden', 'bootstrap-revoked', 'the bootstrap key was revoked; use an admin’s API key')
}

function revokedName(key: string): string {
  return `bootstrap.revoked.${createHash('sha256').update(key, 'utf8').digest('hex').slice(0, 16)}`
}

function sameText(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest()
  return timingSafeEqual(digest(one), digest(other))
}
