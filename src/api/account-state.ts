import { type Account, checkRights, planOf, type Right, type Role, siteAccounts } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { closeSessionsOf } from '../accounts/sessions.ts'
import { lockAccount, updateAccount } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { findDeployment } from '../deployments/store.ts'
import { eraseAccount } from '../deployments/lifecycle.ts'
import { accountRejected } from '../mails/mail.ts'
import type { ApiDeps } from './deps.ts'
import { assertMatch, etagOfAccount } from './etag.ts'
import { lockOutOfGroups } from './group-cases.ts'
import { openAccount } from './open-account.ts'
import { placeOrder } from './orders.ts'
import { renewSharesWith } from './share-orders.ts'
import type { Opened } from './sign-up.ts'

/** Opens an account that waits for it: its plan is ordered in the same transaction. */
export async function approveAccount(deps: ApiDeps, caller: Account, { name }: Account): Promise<Opened> {
  return await change(deps, caller, name, 'account.approve', async (tx, account) => {
    if (account.state !== 'waiting-approval') throw notInState(account, 'waiting-approval', 'approved')
    await updateAccount(tx, account.id, { state: 'active' })
    return await openAccount(deps, tx, { ...account, state: 'active', active: true }, caller)
  })
}

/** Nothing was delivered yet: the account goes at once, and its name and address are free again. */
export async function rejectAccount(deps: ApiDeps, caller: Account, { name }: Account): Promise<void> {
  await change(deps, caller, name, 'account.reject', async (tx, account) => {
    if (account.state !== 'waiting-approval') throw notInState(account, 'waiting-approval', 'rejected')
    await deps.outbox.put(tx, accountRejected(deps.site, { to: account.email }))
    await eraseAccount(tx, account.id)
    return { account, command: undefined }
  })
}

/** Ends every way in: sign-in at once, database and broker by the order that gives them new passwords. Data stays. */
export async function deactivateAccount(deps: ApiDeps, caller: Account, { name }: Account): Promise<Opened> {
  refuseSitesOwn(name)
  if (name === caller.name) throw new AppError('conflict', 'own-account', 'nobody switches off the own account')
  return await change(deps, caller, name, 'account.deactivate', async (tx, account) => {
    if (account.state !== 'active') throw notInState(account, 'active', 'switched off')
    await updateAccount(tx, account.id, { state: 'disabled' })
    await closeSessionsOf(tx, account.id)
    await lockOutOfGroups(deps, tx, account, caller)
    await renewSharesWith(tx, account)
    return { account: { ...account, state: 'disabled', active: false }, command: await lockOut(tx, account, caller) }
  })
}

async function lockOut(tx: Db, account: Account, caller: Account): Promise<number | undefined> {
  const plan = planOf(account)
  const delivered = plan === undefined ? undefined : await findDeployment(tx, account.id, plan)
  if (plan === undefined || delivered?.readyAt === undefined) return undefined
  const params = { rotate: true }
  return await placeOrder(tx, { plan, phase: 'update', subject: account, requestedBy: caller.name, params })
}

export async function activateAccount(deps: ApiDeps, caller: Account, { name }: Account): Promise<Opened> {
  return await change(deps, caller, name, 'account.activate', async (tx, account) => {
    if (account.state !== 'disabled') throw notInState(account, 'disabled', 'switched on')
    await updateAccount(tx, account.id, { state: 'active' })
    return { account: { ...account, state: 'active', active: true }, command: undefined }
  })
}

/** What a person is and may do. Whoever had more before is signed out. */
export async function changeRole(
  deps: ApiDeps,
  caller: Account,
  { name }: Account,
  wish: { readonly role: Role; readonly rights: readonly Right[] },
  ifMatch?: string,
): Promise<Account> {
  refuseSitesOwn(name)
  if (name === caller.name)
    throw new AppError('conflict', 'own-account', 'an admin’s own role is changed by another admin')
  checkRights(wish)
  const { account } = await change(deps, caller, name, 'account.change-role', async (tx, account) => {
    assertMatch(ifMatch, etagOfAccount(account), `account ${name}`)
    if (account.role === 'machine' || account.role === 'group') {
      throw new AppError('conflict', 'role-fixed', `account ${name} is a ${account.role} and stays one`)
    }
    if (planOf(account) !== planOf(wish)) await refuseDelivered(tx, account)
    await updateAccount(tx, account.id, wish)
    await closeSessionsOf(tx, account.id)
    return { account: { ...account, ...wish }, command: undefined, details: wish }
  })
  return account
}

/** Admins and staff own no deployment: it must not be left behind without anybody. */
async function refuseDelivered(tx: Db, account: Account): Promise<void> {
  const plan = planOf(account)
  const row = plan === undefined ? undefined : await findDeployment(tx, account.id, plan)
  if (row?.readyAt === undefined) return
  throw new AppError(
    'conflict',
    'account-delivered',
    `account ${account.name} has the service ${plan}: only accounts without one become admin or staff`,
  )
}

interface Changed extends Opened {
  readonly details?: Readonly<Record<string, unknown>>
}

/** Reads the account anew in the transaction: what it was when the request came may have changed. */
async function change(
  deps: ApiDeps,
  caller: Account,
  name: string,
  action: string,
  work: (tx: Db, account: Account) => Promise<Changed>,
): Promise<Changed> {
  const changed = await inTransaction(deps.db, async (tx) => {
    await lockAccount(tx, name)
    const account = await deps.accounts.get(tx, name)
    const done = await work(tx, account)
    const details = { account: account.id, ...done.details }
    await audit(tx, { at: deps.clock.now(), actor: caller.name, action, subject: name, details })
    return done
  })
  deps.accounts.forget(name)
  bellOf(deps.db).ring()
  return changed
}

function refuseSitesOwn(name: string): void {
  if (!Object.hasOwn(siteAccounts, name)) return
  throw new AppError('conflict', 'account-needed', `account ${name} belongs to the site itself and stays as it is`)
}

function notInState(account: Account, wanted: string, what: string): AppError {
  const message = `account ${account.name} can't be ${what}: it is ${account.state}, right is ${wanted}`
  return new AppError('conflict', 'account-state-wrong', message, { details: { state: account.state, right: wanted } })
}
