import { type Account, mayActFor } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import { namedAccount } from './access.ts'
import type { ApiDeps } from './deps.ts'

/** Whose things are listed: everybody's (`undefined`) for admins only, else the caller's. */
export async function subjectOf(
  deps: Pick<ApiDeps, 'accounts' | 'db'>,
  caller: Account,
  account: string | undefined,
): Promise<number | undefined> {
  if (account === undefined) return caller.role === 'admin' ? undefined : caller.id
  return (await accountFor(deps, caller, account)).id
}

/** The account of that name if the caller may act for it. */
export async function accountFor(
  deps: Pick<ApiDeps, 'accounts' | 'db'>,
  caller: Account,
  account: string,
): Promise<Account> {
  if (account === caller.name) return caller
  if (mayActFor(caller, account)) return await namedAccount(deps, account)
  throw new AppError('forbidden', 'not-your-account', `account ${JSON.stringify(account)} is not yours`, {
    details: { field: 'account', value: account, right: caller.name },
  })
}
