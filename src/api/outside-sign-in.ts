import type { OutsideClaims } from '../adapters/openid/port.ts'
import { type Account, mailAddress, nameFromMail, planOf } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { findLinked, linkIdentity } from '../accounts/identities.ts'
import { type OutsideRole, verifiedMail, wantedName, wantedRole } from '../accounts/outside.ts'
import { findByMail, updateAccount } from '../accounts/store.ts'
import { dropTokens } from '../accounts/tokens.ts'
import { closeSessionsOf } from '../accounts/sessions.ts'
import { AppError } from '../base/errors.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { OpenidFacts } from '../deployments/site-facts.ts'
import { findDeployment } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { openAccount, orderSetUp } from './open-account.ts'
import { keepGroupsInStep } from './outside-groups.ts'
import { admitted } from './password-sign-in.ts'
import { checkDomain, freeName, retriedWhenTaken } from './sign-up.ts'

/**
 * The account of somebody whom the site's other issuer has signed in. From the first time on it is known by issuer and
 * subject; before that, by an address that the issuer verified, of a user only. Who is nobody yet gets an account where
 * the site makes them. Groups and role follow the claims each time.
 */
export async function signInOutside(deps: ApiDeps, facts: OpenidFacts, claims: OutsideClaims): Promise<Account> {
  const { account, groups } = await retriedWhenTaken(
    async () =>
      await inTransaction(deps.db, async (tx) => {
        const known = await findLinked(tx, claims.iss, claims.sub)
        const found = known ?? (await linkOrMake(deps, tx, facts, claims))
        if (!found.active) return { account: found, groups: [] }
        const stepped = await keepRoleInStep(deps, tx, found, wantedRole(claims, facts))
        refuseForeignPower(stepped, facts)
        return { account: stepped, groups: await keepGroupsInStep(deps, tx, stepped, claims, facts) }
      }),
  )
  deps.accounts.forget(account.name)
  for (const group of groups) deps.memberships.forget(group, account.id)
  bellOf(deps.db).ring()
  return admitted(account)
}

async function linkOrMake(deps: ApiDeps, tx: Db, facts: OpenidFacts, claims: OutsideClaims): Promise<Account> {
  const mail = verifiedMail(claims)
  if (mail === undefined) {
    throw refused('outside-address-unverified', 'the issuer does not say that the e-mail address is verified')
  }
  const email = mailAddress(mail)
  const existing = await findByMail(tx, email)
  const account = existing === undefined ? await make(deps, tx, facts, claims, email) : await take(deps, tx, existing)
  const { iss: issuer, sub: subject } = claims
  await linkIdentity(tx, { issuer, subject, accountId: account.id, now: deps.clock.now() })
  await note(deps, tx, account, 'account.link-identity', { issuer })
  return account
}

/** An account that is there already. Whoever has power over others is never found by an address. */
async function take(deps: ApiDeps, tx: Db, account: Account): Promise<Account> {
  if (account.role !== 'user') {
    throw refused('outside-address-taken', 'the address belongs to an account that does not sign in this way')
  }
  // Somebody signed up with an address that now proves to be another's: the password of that sign-up goes with it.
  if (account.state === 'unconfirmed') return await confirm(deps, tx, account)
  if (!account.mailConfirmed) {
    throw refused(
      'outside-address-unconfirmed',
      'an account has this address but never confirmed it; sign in with its password',
    )
  }
  return admitted(account)
}

async function confirm(deps: ApiDeps, tx: Db, account: Account): Promise<Account> {
  await dropTokens(tx, account.id, 'confirm-mail')
  const state = deps.site.signUp.approval ? 'waiting-approval' : 'active'
  await updateAccount(tx, account.id, { state, mailConfirmedAt: deps.clock.now() })
  await note(deps, tx, account, 'account.confirm')
  const confirmed: Account = { ...account, state, active: state === 'active', mailConfirmed: true }
  return confirmed.active ? (await openAccount(deps, tx, confirmed, confirmed)).account : confirmed
}

async function make(deps: ApiDeps, tx: Db, facts: OpenidFacts, claims: OutsideClaims, email: string): Promise<Account> {
  const { signUp } = deps.site
  if (!facts.accounts && !signUp.open) {
    throw refused('outside-no-account', 'nobody here has this address, and this site makes no accounts by itself')
  }
  checkDomain(email, signUp.domains)
  const { role, rights } = wantedRole(claims, facts) ?? { role: 'user', rights: [] }
  const { account } = await deps.accounts.create(tx, {
    name: await freeName(tx, wantedName(claims, facts) ?? nameFromMail(email)),
    email,
    role,
    rights,
    passwordHash: null,
    state: signUp.approval ? 'waiting-approval' : 'active',
    mailConfirmed: true,
  })
  await note(deps, tx, account, 'account.sign-up', { issuer: claims.iss, role })
  return account.active ? (await openAccount(deps, tx, account, account)).account : account
}

/** Where the site's rules speak of roles, they decide; who has a service of an account's own can't lose it for a role. */
async function keepRoleInStep(
  deps: ApiDeps,
  tx: Db,
  account: Account,
  wanted: OutsideRole | undefined,
): Promise<Account> {
  if (wanted === undefined || sameRole(account, wanted)) return account
  const changed: Account = { ...account, ...wanted }
  const plan = planOf(account)
  const delivered = plan === undefined ? undefined : await findDeployment(tx, account.id, plan)
  if (delivered !== undefined && plan !== planOf(changed)) {
    await note(deps, tx, account, 'account.role-kept', { wanted: wanted.role })
    return account
  }
  await updateAccount(tx, account.id, wanted)
  await closeSessionsOf(tx, account.id)
  await note(deps, tx, account, 'account.change-role', { role: wanted.role, rights: wanted.rights })
  if (plan === undefined) await orderSetUp(tx, changed, { requestedBy: account.name })
  return changed
}

function sameRole(account: Account, { role, rights }: OutsideRole): boolean {
  return account.role === role && account.rights.toSorted().join() === rights.join()
}

/** Power over others comes from this site itself, or from its rules for the issuer; never from a link made before. */
function refuseForeignPower(account: Account, { roles }: OpenidFacts): void {
  if (account.role === 'user' || roles.length > 0) return
  throw refused('outside-role', 'accounts with rights over others do not sign in this way; use the password')
}

function refused(code: string, message: string): AppError {
  return new AppError('forbidden', code, message)
}

async function note(
  deps: ApiDeps,
  tx: Db,
  account: Account,
  action: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const about = { account: account.id, ...details }
  await audit(tx, { at: deps.clock.now(), actor: account.name, action, subject: account.name, details: about })
}
