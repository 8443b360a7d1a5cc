import { type Account, mayActFor } from '../accounts/account.ts'
import { roleInGroupOf } from '../accounts/group-store.ts'
import { findAccount } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { namedAccount } from './access.ts'
import type { ApiDeps } from './deps.ts'

type Deps = Pick<ApiDeps, 'accounts' | 'db'>

/** What somebody wants with what an account has. Members of a group see what it has, its owners order for it. */
export type Aim = 'see' | 'order'

/** Whose things are listed: everybody's (`undefined`) for admins only, else the caller's. */
export async function subjectOf(deps: Deps, caller: Account, account: string | undefined): Promise<number | undefined> {
  if (account === undefined) return caller.role === 'admin' ? undefined : caller.id
  return (await accountFor(deps, caller, account, 'see')).id
}

/** The account of that name if the caller may act for it: its own, one of its groups', or any for admins. */
export async function accountFor(deps: Deps, caller: Account, account: string, aim: Aim): Promise<Account> {
  if (account === caller.name) return caller
  if (mayActFor(caller, account)) return await namedAccount(deps, account)
  const target = await findAccount(deps.db, account)
  if (target?.role === 'group' && (await mayForGroup(deps, caller, target.id, aim))) return target
  throw new AppError('forbidden', 'not-your-account', `account ${JSON.stringify(account)} is not yours`, {
    details: { field: 'account', value: account, right: caller.name },
  })
}

/** Throws for members who may see and not order. */
export async function mayForGroup(
  { db }: Pick<Deps, 'db'>,
  caller: Account,
  groupAccount: number,
  aim: Aim,
): Promise<boolean> {
  const role = await roleInGroupOf(db, groupAccount, caller.id)
  if (role === undefined) return false
  if (role === 'owner' || aim === 'see') return true
  throw new AppError('forbidden', 'owners-only', 'orders of a group are for its owners')
}
