import { Cache } from '../base/cache.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import { type Account, type AccountState, mailAddress, type Right, type Role } from './account.ts'
import { acceptableApiKey, apiKeyMatches, checkNewKey, hashApiKey, newApiKey } from './api-key.ts'
import * as keyStore from './key-store.ts'
import * as store from './store.ts'

/** How long a key revoked by another process may still work here; in this process it ends at once. */
const REMEMBERED_MS = 3_000
/** How coarse the last use of a key is. */
const LAST_USE_MS = 300_000

export interface NewKey {
  readonly name: string
  readonly expiresAt: number | undefined
  /** Digest of what the caller sent: with the same one no second key is made. */
  readonly idempotencyKey?: string | undefined
}

export interface NewAccount {
  /** Already checked by `userName` or known as one of the site's own. */
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly rights: readonly Right[]
  /** Made before the transaction: hashing takes its time. */
  readonly passwordHash: string | null
  readonly apikey?: string | undefined
  /** Default: active, with an address that whoever makes it vouches for. */
  readonly state?: AccountState | undefined
  readonly mailConfirmed?: boolean | undefined
}

/** Who there is and how they prove it. */
export class Accounts {
  private readonly db: Db
  private readonly keys: KeyRing
  private readonly clock: Clock
  private readonly logins: Cache<store.Login>
  private readonly apiKeys: Cache<string>
  private readonly used = new Map<number, number>()
  private readonly written = new Map<number, number>()

  constructor(deps: { db: Db; keys: KeyRing; clock: Clock }) {
    this.db = deps.db
    this.keys = deps.keys
    this.clock = deps.clock
    this.logins = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
    this.apiKeys = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
  }

  /**
   * The account whose key this is; `unauthenticated` for everything else, without saying what was wrong. The key of a
   * group is its workers' and good `inside` the cluster only.
   */
  async signIn(name: string, apikey: string, from: 'inside' | 'outside' = 'outside'): Promise<Account> {
    const login = await this.logins.get(name, () => store.findLogin(this.db, name))
    const now = this.clock.now()
    const key = login?.keys.find(({ hash }) => apiKeyMatches(hash, apikey))
    if (login === undefined || key === undefined || !maySignIn(login.account, from)) throw notSignedIn()
    if (key.expiresAt !== undefined && key.expiresAt <= now) throw notSignedIn()
    this.used.set(key.id, now)
    return login.account
  }

  /** Writes when keys were used last: now and then, so that no request waits for it. */
  async writeLastUse(): Promise<void> {
    const used = [...this.used]
    this.used.clear()
    for (const [id, at] of used) {
      if (at - (this.written.get(id) ?? 0) < LAST_USE_MS) continue
      await keyStore.writeLastUse(this.db, id, at)
      this.written.set(id, at)
    }
  }

  /** Adds the account with its key in the caller's transaction; `conflict` when name or address are taken. */
  async create(tx: Db, wanted: NewAccount): Promise<{ account: Account; apikey: string }> {
    const email = mailAddress(wanted.email)
    if ((await store.findAccount(tx, wanted.name)) !== undefined) throw taken('name', wanted.name, 'account-exists')
    if (await store.isMailTaken(tx, email)) throw taken('email', email, 'email-taken')
    const { name, role, rights, passwordHash, state = 'active', mailConfirmed = true } = wanted
    const now = this.clock.now()
    const row = { name, email, role, rights, passwordHash, state, mailConfirmed, now }
    try {
      await store.insertAccount(tx, row)
    } catch (cause) {
      // Somebody else was faster.
      throw isDuplicate(cause) ? taken('name or email', `${name}, ${email}`, 'account-exists') : cause
    }
    const account = await this.get(tx, name)
    return { account, apikey: await this.setKey(tx, account, wanted.apikey ?? newApiKey(), now) }
  }

  /** A new key; the one before stops working once the transaction is committed and `forget` was called. */
  async rotateKey(tx: Db, account: Account): Promise<string> {
    return await this.setKey(tx, account, newApiKey())
  }

  async setKey(tx: Db, account: Account, apikey: string, now = this.clock.now()): Promise<string> {
    const sealed = this.keys.seal(acceptableApiKey(apikey, 'apikey'), keyContext(account))
    await keyStore.replaceKey(tx, { accountId: account.id, hash: hashApiKey(apikey), sealed, now })
    return apikey
  }

  /** One more key, with a name and perhaps an end; it is told once. */
  async addKey(tx: Db, account: Account, { name: label, expiresAt, idempotencyKey }: NewKey): Promise<string> {
    const now = this.clock.now()
    const known = await keyStore.listKeys(tx, account.id)
    const made = known.find((key) => idempotencyKey !== undefined && key.idempotencyKey === idempotencyKey)
    if (made !== undefined) throw madeBefore(made)
    checkNewKey(label, expiresAt, now, known.length)
    if (known.some((key) => key.label === label)) throw keyTaken(label)
    const apikey = newApiKey()
    const row = { accountId: account.id, label, hash: hashApiKey(apikey), sealed: '', expiresAt, now, idempotencyKey }
    try {
      await keyStore.insertKey(tx, row)
    } catch (cause) {
      throw isDuplicate(cause) ? keyTaken(label) : cause
    }
    return apikey
  }

  /** For showing it to its owner. */
  async apiKeyOf(account: Account, db: Db = this.db): Promise<string> {
    const sealed = await keyStore.findSealedKey(db, account.id)
    if (sealed === undefined)
      throw new AppError(
        'not-found',
        'api-key-missing',
        `account ${account.name} has no API key: rotate its credentials, or those of its group, to make one`,
      )
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

/** Groups own things; nobody is one, only their workers come as the group. */
function maySignIn(account: Account, from: 'inside' | 'outside'): boolean {
  return account.active && (account.role !== 'group' || from === 'inside')
}

function keyTaken(label: string): AppError {
  return new AppError('conflict', 'api-key-exists', `there is a key named ${JSON.stringify(label)} already`, {
    details: { field: 'name', value: label, right: 'a name that no key of the account has' },
  })
}

/** Its answer may have been lost, and nobody can give the key again: only its digest is kept. */
function madeBefore({ id, label: name }: keyStore.KeyRow): AppError {
  return new AppError(
    'conflict',
    'api-key-made',
    `this Idempotency-Key made key ${id}, ${JSON.stringify(name)}, already, and a key is told once: if its answer was lost, revoke it and make another`,
    { details: { id, name, right: 'revoke that key and make one with another Idempotency-Key' } },
  )
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
