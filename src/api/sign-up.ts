import {
  type Account,
  type AccountState,
  isReserved,
  mailAddress,
  mayUseMail,
  nameFromMail,
  numberedName,
  userName,
} from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { acceptablePassword, hashPassword } from '../accounts/password.ts'
import { findAccount, findAccountById, findByMail, isMailTaken, updateAccount } from '../accounts/store.ts'
import { dropTokens, issueToken, newestToken, useToken } from '../accounts/tokens.ts'
import { AppError } from '../base/errors.ts'
import { checkAll } from '../base/field-errors.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import { accountKnown, confirmMail, mailChanged } from '../mails/mail.ts'
import type { ApiDeps } from './deps.ts'
import { openAccount } from './open-account.ts'

export interface SignUpWish {
  readonly email: string
  readonly password: string
  readonly name?: string | undefined
}

export interface Opened {
  readonly account: Account
  /** The order that delivers its plan. */
  readonly command: number | undefined
}

/** What somebody new has to do after signing up; follows from the site alone. */
export function nextStep({ signUp }: SiteFacts): 'confirm' | 'wait-for-approval' | 'sign-in' {
  if (signUp.confirmation) return 'confirm'
  return signUp.approval ? 'wait-for-approval' : 'sign-in'
}

/** Outwardly the same whether the address is known or not: who has it is told by mail. */
export async function signUp(deps: ApiDeps, wish: SignUpWish): Promise<void> {
  if (!deps.site.signUp.open) {
    throw new AppError('forbidden', 'sign-up-closed', 'this site makes no accounts by sign-up; ask its administrators')
  }
  checkWish(deps.site, wish)
  // Also for an address that is known: otherwise the time it takes would tell.
  const passwordHash = await hashPassword(wish.password)
  await retriedWhenTaken(async () => {
    await inTransaction(deps.db, async (tx) => {
      const known = await findByMail(tx, mailAddress(wish.email))
      if (known !== undefined) await tellKnown(deps, tx, known, passwordHash)
      else await addSignedUp(deps, tx, wish, passwordHash, undefined)
    })
  })
  bellOf(deps.db).ring()
}

/** By a program for somebody else: the caller may know who there is. */
export async function signUpFor(deps: ApiDeps, caller: Account, wish: SignUpWish): Promise<Account> {
  checkWish(deps.site, wish)
  const passwordHash = await hashPassword(wish.password)
  const { account } = await retriedWhenTaken(async () =>
    inTransaction(deps.db, async (tx) => await addSignedUp(deps, tx, wish, passwordHash, caller)),
  )
  bellOf(deps.db).ring()
  return account
}

/** Every bad field at once. */
function checkWish(site: SiteFacts, { email, password, name }: SignUpWish): void {
  checkAll(
    () => checkDomain(mailAddress(email), site.signUp.domains),
    () => acceptablePassword(password),
    () => name === undefined || userName(name),
  )
}

/** Throws unless addresses of this domain may sign up. */
export function checkDomain(email: string, domains: readonly string[]): void {
  if (mayUseMail(email, domains)) return
  const right = `an address at ${domains.join(' or ')}`
  throw new AppError(
    'invalid',
    'mail-domain-refused',
    `email ${JSON.stringify(email)} can't be used: right is ${right}`,
    {
      details: { field: 'email', value: email, right },
    },
  )
}

/** Two at once with one address or one name made of it: the later one looks again, and finds what the other made. */
export async function retriedWhenTaken<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt()
    } catch (error) {
      const isRace = error instanceof AppError && ['account-exists', 'email-taken'].includes(error.code)
      if (!isRace || attempts >= 3) throw error
    }
  }
}

/** Who signs up again before confirming gets a new link with the new password; others learn that they have an account. */
async function tellKnown(deps: ApiDeps, tx: Db, known: Account, passwordHash: string): Promise<void> {
  if (known.state === 'unconfirmed') return await sendConfirmation(deps, tx, known, passwordHash)
  if (await deps.outbox.isTooSoon(tx, known.email, 'account-known')) return
  await deps.outbox.put(tx, accountKnown(deps.site, { to: known.email, name: known.name }))
}

async function addSignedUp(
  deps: ApiDeps,
  tx: Db,
  wish: SignUpWish,
  passwordHash: string,
  caller: Account | undefined,
): Promise<Opened> {
  const { confirmation } = deps.site.signUp
  // A taken name gets a number and no refusal: that would tell of an earlier sign-up whether its address was known.
  const name = await freeName(tx, wish.name ?? nameFromMail(wish.email))
  const { account } = await deps.accounts.create(tx, {
    name,
    email: wish.email,
    role: 'user',
    rights: [],
    // Whoever confirms gets the password of the very sign-up whose link was used: nobody can lay one ready for others.
    passwordHash: confirmation ? null : passwordHash,
    state: firstState(deps.site),
    mailConfirmed: false,
  })
  await note(deps, tx, caller ?? account, 'account.sign-up', account)
  if (confirmation) {
    await sendConfirmation(deps, tx, account, passwordHash)
    return { account, command: undefined }
  }
  return account.active ? await openAccount(deps, tx, account, caller ?? account) : { account, command: undefined }
}

function firstState({ signUp: { confirmation, approval } }: SiteFacts): AccountState {
  if (confirmation) return 'unconfirmed'
  return approval ? 'waiting-approval' : 'active'
}

/** The name, or the first with a number that nobody has. */
export async function freeName(tx: Db, wanted: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    const name = numberedName(wanted, n)
    if (!isReserved(name) && (await findAccount(tx, name)) === undefined) return name
  }
}

async function sendConfirmation(deps: ApiDeps, tx: Db, account: Account, passwordHash: string): Promise<void> {
  if (await deps.outbox.isTooSoon(tx, account.email, 'confirm-mail')) return
  const wish = {
    accountId: account.id,
    purpose: 'confirm-mail',
    detail: { passwordHash },
    now: deps.clock.now(),
  } as const
  const token = await issueToken(tx, wish)
  await deps.outbox.put(tx, confirmMail(deps.site, { to: account.email, name: account.name, token }))
}

/** Another link for who has not confirmed yet. Nothing is told, as with `signUp`. */
export async function resendConfirmation(deps: ApiDeps, email: string): Promise<void> {
  const address = mailAddress(email)
  await inTransaction(deps.db, async (tx) => {
    const account = await findByMail(tx, address)
    if (account?.state !== 'unconfirmed') return
    const passwordHash = (await newestToken(tx, account.id, 'confirm-mail'))?.['passwordHash']
    if (typeof passwordHash === 'string') await sendConfirmation(deps, tx, account, passwordHash)
  })
  bellOf(deps.db).ring()
}

/** The address is theirs: of a sign-up, or a new one of an account. Account, approval and order are one transaction. */
export async function confirmAddress(deps: ApiDeps, token: string): Promise<Opened> {
  const opened = await inTransaction(deps.db, async (tx) => {
    const { accountId, detail, purpose } = await useEither(tx, token, deps.clock.now())
    const account = await findAccountById(tx, accountId)
    if (account === undefined) throw new AppError('not-found', 'account-unknown', 'the account is gone')
    return purpose === 'confirm-mail'
      ? await confirmSignUp(deps, tx, account, String(detail['passwordHash']))
      : await takeNewAddress(deps, tx, account, String(detail['email']))
  })
  deps.accounts.forget(opened.account.name)
  bellOf(deps.db).ring()
  return opened
}

async function useEither(tx: Db, token: string, now: number) {
  try {
    return { ...(await useToken(tx, 'confirm-mail', token, now)), purpose: 'confirm-mail' as const }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'token-invalid') throw error
    return { ...(await useToken(tx, 'change-mail', token, now)), purpose: 'change-mail' as const }
  }
}

async function confirmSignUp(deps: ApiDeps, tx: Db, account: Account, passwordHash: string): Promise<Opened> {
  await dropTokens(tx, account.id, 'confirm-mail')
  if (account.state !== 'unconfirmed') return { account, command: undefined }
  const now = deps.clock.now()
  const state = deps.site.signUp.approval ? 'waiting-approval' : 'active'
  await updateAccount(tx, account.id, { state, mailConfirmedAt: now, password: { hash: passwordHash, at: now } })
  const confirmed: Account = { ...account, state, active: state === 'active', mailConfirmed: true }
  await note(deps, tx, account, 'account.confirm', account)
  return confirmed.active
    ? await openAccount(deps, tx, confirmed, confirmed)
    : { account: confirmed, command: undefined }
}

async function takeNewAddress(deps: ApiDeps, tx: Db, account: Account, email: string): Promise<Opened> {
  if (await isMailTaken(tx, email)) {
    throw new AppError('conflict', 'email-taken', `email ${JSON.stringify(email)} belongs to another account already`)
  }
  await updateAccount(tx, account.id, { email, mailConfirmedAt: deps.clock.now() })
  // Links that were sent to the address before must not open the account any more.
  for (const purpose of ['reset-password', 'change-mail'] as const) await dropTokens(tx, account.id, purpose)
  await deps.outbox.put(tx, mailChanged(deps.site, { to: account.email, name: account.name }))
  await note(deps, tx, account, 'account.change-mail', account)
  return { account: { ...account, email, mailConfirmed: true }, command: undefined }
}

async function note(deps: ApiDeps, tx: Db, actor: Account, action: string, account: Account): Promise<void> {
  const details = { account: account.id }
  await audit(tx, { at: deps.clock.now(), actor: actor.name, action, subject: account.name, details })
}
