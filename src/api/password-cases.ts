import { type Account, mailAddress } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { acceptablePassword, hashPassword, passwordMatches } from '../accounts/password.ts'
import { closeSessionsOf } from '../accounts/sessions.ts'
import { findAccountById, findByMail, findPasswordHash, updateAccount } from '../accounts/store.ts'
import { dropTokens, issueToken, useToken } from '../accounts/tokens.ts'
import { AppError } from '../base/errors.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { accountKnown, changeMail, passwordChanged, resetPassword } from '../mails/mail.ts'
import type { ApiDeps } from './deps.ts'
import type { Guessing } from './guessing.ts'

/** Sends a link if somebody has that address. The answer is the same if nobody has. */
export async function forgotPassword(deps: ApiDeps, email: string): Promise<void> {
  const address = mailAddress(email)
  await inTransaction(deps.db, async (tx) => {
    const account = await findByMail(tx, address)
    if (account === undefined || !account.active || account.role === 'machine') return
    if (await deps.outbox.isTooSoon(tx, address, 'reset-password')) return
    const token = await issueToken(tx, { accountId: account.id, purpose: 'reset-password', now: deps.clock.now() })
    await deps.outbox.put(tx, resetPassword(deps.site, { to: address, name: account.name, token }))
  })
  bellOf(deps.db).ring()
}

/** Whoever has the link reads the mails of that address: it counts as confirmed, too. */
export async function resetForgotten(deps: ApiDeps, wish: { token: string; password: string }): Promise<Account> {
  const hash = await hashPassword(wish.password)
  const account = await inTransaction(deps.db, async (tx) => {
    const { accountId } = await useToken(tx, 'reset-password', wish.token, deps.clock.now())
    const found = await findAccountById(tx, accountId)
    if (found?.active !== true) throw new AppError('conflict', 'account-inactive', 'the account can’t be signed in to')
    await updateAccount(tx, found.id, { mailConfirmedAt: deps.clock.now() })
    await setPassword(deps, tx, found, hash, 'account.reset-password')
    return found
  })
  bellOf(deps.db).ring()
  return account
}

/** By its owner, who knows the one before. Everybody signed in with it is signed out. */
export async function changePassword(
  deps: ApiDeps,
  guessing: Guessing,
  account: Account,
  wish: { current: string; new: string },
  address: string,
): Promise<void> {
  acceptablePassword(wish.new, 'new')
  await guessing.pass(account.name, address)
  if (!(await passwordMatches(await findPasswordHash(deps.db, account.id), wish.current))) {
    guessing.failed(account.name, address)
    throw new AppError('forbidden', 'password-wrong', 'the current password is wrong', {
      details: { field: 'current', right: 'the password that the account has now' },
    })
  }
  const hash = await hashPassword(wish.new)
  await inTransaction(deps.db, async (tx) => await setPassword(deps, tx, account, hash, 'account.change-password'))
  bellOf(deps.db).ring()
}

async function setPassword(deps: ApiDeps, tx: Db, account: Account, hash: string, action: string): Promise<void> {
  const at = deps.clock.now()
  await updateAccount(tx, account.id, { password: { hash, at } })
  await closeSessionsOf(tx, account.id)
  await dropTokens(tx, account.id, 'reset-password')
  if (account.mailConfirmed)
    await deps.outbox.put(tx, passwordChanged(deps.site, { to: account.email, name: account.name }))
  await audit(tx, { at, actor: account.name, action, subject: account.name, details: { account: account.id } })
}

/** The address changes once the new one is confirmed. Whether somebody else has it is told to that address only. */
export async function requestMailChange(
  deps: ApiDeps,
  caller: Account,
  account: Account,
  email: string,
): Promise<void> {
  const address = mailAddress(email)
  if (account.role === 'group') throw new AppError('conflict', 'group-account', 'a group has no e-mail address')
  await inTransaction(deps.db, async (tx) => {
    const owner = await findByMail(tx, address)
    if (owner !== undefined) return await tellOwner(deps, tx, owner)
    if (await deps.outbox.isTooSoon(tx, address, 'change-mail')) return
    const wish = { accountId: account.id, purpose: 'change-mail', detail: { email: address } } as const
    const token = await issueToken(tx, { ...wish, now: deps.clock.now() })
    await deps.outbox.put(tx, changeMail(deps.site, { to: address, name: account.name, token }))
    const entry = { actor: caller.name, action: 'account.request-mail-change', subject: account.name }
    await audit(tx, { at: deps.clock.now(), ...entry, details: { account: account.id } })
  })
  bellOf(deps.db).ring()
}

async function tellOwner(deps: ApiDeps, tx: Db, owner: Account): Promise<void> {
  if (await deps.outbox.isTooSoon(tx, owner.email, 'account-known')) return
  await deps.outbox.put(tx, accountKnown(deps.site, { to: owner.email, name: owner.name }))
}
