import { type Account, hasRight, mayManage, type StaffRight } from '../accounts/account.ts'
import { findAccount, listNames } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { didYouMean, nearest } from '../base/nearest.ts'
import type { ApiDeps } from './deps.ts'

/** The account if it is the caller's own, or one that the caller may do `right` to. Others don't even learn that it exists. */
export async function accountFor(deps: ApiDeps, caller: Account, name: string, right: StaffRight): Promise<Account> {
  if (caller.name === name) return await deps.accounts.get(deps.db, name)
  return await managedAccount(deps, caller, name, right)
}

/** As `accountFor`, for what nobody does to an account of their own. */
export async function managedAccount(
  deps: ApiDeps,
  caller: Account,
  name: string,
  right: StaffRight,
): Promise<Account> {
  // Whoever may manage no user at all is not told whether there is one of that name.
  if (!mayManage(caller, right, { role: 'user' })) throw notYours(name)
  const target = await namedAccount(deps, name)
  if (mayManage(caller, right, target)) return target
  throw notYours(name)
}

/** The account of that name, for callers who may know who there is: a wrong one is answered with names like it. */
export async function namedAccount({ db }: Pick<ApiDeps, 'db'>, name: string): Promise<Account> {
  const account = await findAccount(db, name)
  if (account !== undefined) return account
  const near = nearest(name, await listNames(db))
  throw new AppError('not-found', 'account-unknown', `there is no account ${JSON.stringify(name)}${didYouMean(near)}`, {
    details: { name, near },
  })
}

/** The caller, when the account is its own: not even admins do this for others. */
export function ownAccount(caller: Account, name: string): Account {
  if (caller.name === name) return caller
  throw notYours(name)
}

/** As `ownAccount`, of keys and passwords: says how somebody else proceeds. */
export function ownCredentials(caller: Account, name: string): Account {
  if (caller.name === name) return caller
  if (!hasRight(caller, 'accounts:read')) throw notYours(name)
  throw new AppError(
    'forbidden',
    'credentials-of-another',
    `the credentials of ${JSON.stringify(name)} are told to that account alone: its owner signs in, with a forgotten password by mail, and sees or replaces them there; admins can make them useless by rotating them`,
  )
}

function notYours(name: string): AppError {
  return new AppError('forbidden', 'not-your-account', `account ${JSON.stringify(name)} is not yours`)
}
