import type { Account } from '../accounts/account.ts'
import { passwordMatches } from '../accounts/password.ts'
import { findAccount, findByMail, findPasswordHash } from '../accounts/store.ts'
import { newestToken } from '../accounts/tokens.ts'
import { AppError } from '../base/errors.ts'
import type { ApiDeps } from './deps.ts'
import type { Guessing } from './guessing.ts'

/** The account of user id or address and password. Why it may not come in is told to who knows the password only. */
export async function signInByPassword(
  deps: ApiDeps,
  guessing: Guessing,
  { login: typed, password }: { readonly login: string; readonly password: string },
  address: string,
): Promise<Account> {
  const login = typed.trim().toLowerCase()
  await guessing.pass(login, address)
  const account = login.includes('@') ? await findByMail(deps.db, login) : await findAccount(deps.db, login)
  const isPerson = account !== undefined && account.role !== 'machine' && account.role !== 'group'
  const matches = await passwordMatches(isPerson ? await hashOf(deps, account) : null, password)
  if (!isPerson || !matches) {
    guessing.failed(login, address)
    throw new AppError('unauthenticated', 'credentials-wrong', 'the user id, the address or the password is wrong')
  }
  guessing.succeeded(login, address)
  return admitted(account)
}

/** Of a sign-up that is not confirmed the password lies with its token. */
async function hashOf({ db }: ApiDeps, account: Account): Promise<string | null> {
  if (account.state !== 'unconfirmed') return await findPasswordHash(db, account.id)
  const detail = await newestToken(db, account.id, 'confirm-mail')
  return typeof detail?.['passwordHash'] === 'string' ? detail['passwordHash'] : null
}

/** The account, if its state lets it in; who asks has proved to be its owner. */
export function admitted(account: Account): Account {
  switch (account.state) {
    case 'active':
      return account
    case 'unconfirmed':
      throw refused('account-unconfirmed', 'the e-mail address is not confirmed yet; use the link that was sent')
    case 'waiting-approval':
      throw refused('account-waiting-approval', 'the account waits for the approval of an admin')
    case 'disabled':
      throw refused('account-disabled', 'the account is switched off; ask the administrators of the site')
    case 'removing':
      throw refused('account-removing', 'the account is being removed')
  }
}

function refused(code: string, message: string): AppError {
  return new AppError('forbidden', code, message)
}
