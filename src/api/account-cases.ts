import { type Account, checkRights, mailAddress, planOf, siteAccounts, userName } from '../accounts/account.ts'
import type { Right, Role } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { acceptablePassword, hashPassword } from '../accounts/password.ts'
import { listKeys, MAIN_KEY } from '../accounts/key-store.ts'
import { findAccount, markRemoving } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { checkAll } from '../base/field-errors.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { eraseAccount } from '../deployments/lifecycle.ts'
import type { ApiDeps } from './deps.ts'
import { lockOutOfGroups } from './group-cases.ts'
import { orderSetUp } from './open-account.ts'
import { orderOthers } from './other-deployments.ts'
import { findOrder, placeOrder } from './orders.ts'
import { endSharesWith, renewSharesWith } from './share-orders.ts'

export interface AccountWish {
  readonly name: string
  readonly email: string
  readonly password?: string | undefined
  readonly role: Role
  readonly rights: readonly Right[]
}

/** How long a creation that is repeated with its `Idempotency-Key` tells the key again: an answer may get lost. */
const TOLD_AGAIN_MS = 600_000

export interface Delivered {
  readonly account: Account
  /** Left out: whoever asks is not told it. */
  readonly apikey: string | undefined
  readonly command: number | undefined
}

/** The account and the order of its plan in one transaction. The same key and wish again: the same answer. */
export async function createAccount(
  deps: ApiDeps,
  caller: Account,
  wish: AccountWish,
  idempotencyKey?: string,
): Promise<Delivered> {
  checkAll(
    () => userName(wish.name),
    () => mailAddress(wish.email),
    () => wish.password === undefined || acceptablePassword(wish.password),
    () => checkRights(wish),
  )
  if (caller.role !== 'admin' && wish.role !== 'user') {
    throw new AppError('forbidden', 'role-for-admins', `accounts of role ${wish.role} are made by admins`)
  }
  const { name } = wish
  const passwordHash = wish.password === undefined ? null : await hashPassword(wish.password)
  const created = await inTransaction(deps.db, async (tx): Promise<Delivered> => {
    const repeated = await repeatedCreation(deps, tx, caller, name, idempotencyKey)
    if (repeated !== undefined) return repeated
    const { account, apikey } = await deps.accounts.create(tx, { ...wish, name, passwordHash })
    const command = await orderSetUp(tx, account, { requestedBy: caller.name, idempotencyKey })
    await note(deps, tx, caller.name, 'account.create', account, { role: account.role })
    return { account, apikey, command }
  })
  bellOf(deps.db).ring()
  return created
}

async function repeatedCreation(deps: ApiDeps, tx: Db, caller: Account, name: string, key: string | undefined) {
  const order = key === undefined ? undefined : await findOrder(tx, caller.name, key)
  if (order === undefined) return undefined
  const account = await findAccount(tx, name)
  if (account === undefined || account.id !== order.subject) {
    throw new AppError('conflict', 'idempotency-key-reused', 'this Idempotency-Key was used for another order already')
  }
  return { account, apikey: await keyOfCreation(deps, tx, account), command: order.id }
}

/** The key that the account was made with, for a while. One that its owner has replaced is the owner's alone. */
async function keyOfCreation(deps: ApiDeps, tx: Db, account: Account): Promise<string | undefined> {
  const main = (await listKeys(tx, account.id)).find(({ label }) => label === MAIN_KEY)
  const isFirst = main?.createdAt === account.createdAt
  if (!isFirst || deps.clock.now() - account.createdAt > TOLD_AGAIN_MS) return undefined
  return await deps.accounts.apiKeyOf(account, tx)
}

/** A new API key at once; new database and broker passwords by the command that follows. */
export async function rotateCredentials(
  deps: ApiDeps,
  caller: Account,
  account: Account,
  idempotencyKey?: string,
): Promise<Delivered> {
  refuseRemoving(account)
  if (account.role === 'group') {
    throw new AppError('conflict', 'group-account', `${account.name} is a group's: rotate the group instead`)
  }
  const rotated = await inTransaction(deps.db, async (tx): Promise<Delivered> => {
    const order = idempotencyKey === undefined ? undefined : await findOrder(tx, caller.name, idempotencyKey)
    if (order !== undefined) return { account, apikey: await deps.accounts.apiKeyOf(account, tx), command: order.id }
    const apikey = await deps.accounts.rotateKey(tx, account)
    const command = await orderPlan(tx, account, 'update', caller.name, idempotencyKey, { rotate: true })
    await orderOthers(deps, tx, account, 'update', caller.name)
    await renewSharesWith(tx, account)
    await note(deps, tx, caller.name, 'account.rotate', account)
    return { account, apikey, command }
  })
  deps.accounts.forget(account.name)
  bellOf(deps.db).ring()
  return rotated
}

/** Sign-in ends at once; the row goes when everything delivered is gone, at once when there was nothing. */
export async function removeAccount(
  deps: ApiDeps,
  caller: Account,
  account: Account,
): Promise<{ account: Account; command: number | undefined }> {
  if (Object.hasOwn(siteAccounts, account.name)) {
    throw new AppError('conflict', 'account-needed', `account ${account.name} belongs to the site itself and stays`)
  }
  if (account.id === caller.id && account.role === 'admin') {
    throw new AppError('conflict', 'own-account', 'an admin’s own account is removed by another admin')
  }
  const command = await inTransaction(deps.db, async (tx) => {
    await markRemoving(tx, account.id)
    await lockOutOfGroups(deps, tx, account, caller)
    await endSharesWith(tx, account)
    await note(deps, tx, caller.name, 'account.remove', account)
    const order = await orderRemoval(deps, tx, account, caller.name)
    if (order === undefined) await eraseAccount(tx, account.id)
    return order
  })
  deps.accounts.forget(account.name)
  bellOf(deps.db).ring()
  return { account: { ...account, state: 'removing', active: false }, command }
}

async function orderRemoval(deps: ApiDeps, tx: Db, account: Account, requestedBy: string): Promise<number | undefined> {
  const plan = planOf(account)
  // Of who never came in nothing was ordered.
  const cameIn = account.state !== 'unconfirmed' && account.state !== 'waiting-approval'
  if (plan === undefined || !cameIn) return undefined
  await orderOthers(deps, tx, account, 'remove', requestedBy)
  await deps.deployments.beginRemoval(tx, account.id, plan)
  return await orderPlan(tx, account, 'remove', requestedBy)
}

async function orderPlan(
  tx: Db,
  account: Account,
  phase: 'update' | 'remove',
  requestedBy: string,
  idempotencyKey?: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<number | undefined> {
  const plan = planOf(account)
  if (plan === undefined) return undefined
  return await placeOrder(tx, { plan, phase, subject: account, requestedBy, idempotencyKey, params })
}

function refuseRemoving(account: Account): void {
  if (account.state === 'removing')
    throw new AppError('conflict', 'account-removing', `account ${account.name} is being removed`)
}

async function note(
  deps: ApiDeps,
  tx: Db,
  actor: string,
  action: string,
  account: Account,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await audit(tx, {
    at: deps.clock.now(),
    actor,
    action,
    subject: account.name,
    details: { account: account.id, ...details },
  })
}
