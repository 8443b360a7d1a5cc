import { Cache } from '../base/cache.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import { type Account, mailAddress, type Right, type Role } from './account.ts'
import { acceptableApiKey, apiKeyMatches, hashApiKey, newApiKey } from './api-key.ts'
import * as store from './store.ts'

/** How long a key revoked by another process may still work here; in this process it ends at once. */
const REMEMBERED_MS = 3_000

export interface NewAccount {
  /** Already checked by `userName` or known as one of the site's own. */
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly rights: readonly Right[]
  /** Made before the transaction: hashing takes its time. */
  readonly passwordHash: string | null
  readonly apikey?: string | undefined
}

/** Who there is and how they prove it. */
export class Accounts {
  private readonly db: Db
  private readonly keys: KeyRing
  private readonly clock: Clock
  private readonly logins: Cache<store.Login>
  private readonly apiKeys: Cache<string>

  constructor(deps: { db: Db; keys: KeyRing; clock: Clock }) {
    this.db = deps.db
    this.keys = deps.keys
    this.clock = deps.clock
    this.logins = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
    this.apiKeys = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
  }

  /** The account whose key this is; `unauthenticated` for everything else, without saying what was wrong. */
  async signIn(name: string, apikey: string): Promise<Account> {
    const login = await this.logins.get(name, () => store.findLogin(this.db, name))
    if (login?.keyHash === undefined || !login.account.active || !apiKeyMatches(login.keyHash, apikey))
      throw notSignedIn()
    return login.account
  }

  /** Adds the account with its key in the caller's transaction; `conflict` when name or address are taken. */
  async create(tx: Db, wanted: NewAccount): Promise<{ account: Account; apikey: string }> {
    const email = mailAddress(wanted.email)
    if ((await store.findAccount(tx, wanted.name)) !== undefined) throw taken('name', wanted.name, 'account-exists')
    if (await store.isMailTaken(tx, email)) throw taken('email', email, 'email-taken')
    const { name, role, rights, passwordHash } = wanted
    try {
      await store.insertAccount(tx, { name, email, role, rights, passwordHash, now: this.clock.now() })
    } catch (cause) {
      // Somebody else was faster.
      throw isDuplicate(cause) ? taken('name or email', `${name}, ${email}`, 'account-exists') : cause
    }
    const account = await this.get(tx, name)
    return { account, apikey: await this.setKey(tx, account, wanted.apikey ?? newApiKey()) }
  }

  /** A new key; the one before stops working once the transaction is committed and `forget` was called. */
  async rotateKey(tx: Db, account: Account): Promise<string> {
    return await this.setKey(tx, account, newApiKey())
  }

  async setKey(tx: Db, account: Account, apikey: string): Promise<string> {
    const sealed = this.keys.seal(acceptableApiKey(apikey, 'apikey'), keyContext(account))
    await store.replaceKey(tx, { accountId: account.id, hash: hashApiKey(apikey), sealed, now: this.clock.now() })
    return apikey
  }

  /** For showing it to its owner. */
  async apiKeyOf(account: Account, db: Db = this.db): Promise<string> {
    const sealed = await store.findSealedKey(db, account.id)
    if (sealed === undefined)
      throw new AppError('not-found', 'api-key-missing', `account ${account.name} has no API key`)
    return this.keys.open(sealed, keyContext(account))
  }

  /** As `apiKeyOf`, for the hot path: one rotated by another process is seen a moment later. */
  async rememberedApiKey(account: Account): Promise<string> {
    const apikey = await this.apiKeys.get(account.name, () => this.apiKeyOf(account))
    return apikey ?? ''
  }

  async get(db: Db, name: string): Promise<Account> {
    const account = await store.findAccount(db, name)
    if (account !== undefined) return account
    throw new AppError('not-found', 'account-unknown', `there is no account ${JSON.stringify(name)}`, {
      details: { name },
    })
  }

  /** After any change of the account's row or key. */
  forget(name: string): void {
    this.logins.forget(name)
    this.apiKeys.forget(name)
  }
}

function keyContext(account: Account): string {
  return `api key of account ${account.id}`
}

function notSignedIn(): AppError {
  return new AppError('unauthenticated', 'credentials-wrong', 'the user id or the API key is wrong')
}

function taken(field: string, value: string, code: string): AppError {
  return new AppError('conflict', code, `${field} ${JSON.stringify(value)} belongs to another account already`, {
    details: { field, value, right: `a ${field} that no account has` },
  })
}
