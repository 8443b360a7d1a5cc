import { hkdfSync } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import { randomWord } from '../base/secrets.ts'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'

export const OWN_ALGORITHM = 'ES256'

/** How long a key verifies after it has signed the last time: as long as a sign-in through us lasts, and an hour. */
export const VERIFIES_MS = 13 * 3_600_000
/** How long a process signs on with a key that another one has replaced. */
const KNOWN_MS = 10_000
const SETTING = 'jwt.signing-key'

type Jwk = Readonly<Record<string, unknown>>

interface StoredKey {
  readonly kid: string
  readonly privateJwk: Jwk
  readonly publicJwk: Jwk
  readonly createdAt?: number
  /** Since when a newer one signs. */
  readonly replacedAt?: number
}

export type NewSigningKey = StoredKey

export interface SigningKey extends StoredKey {
  /** From our own key pair alone: signs the cookies of the OpenID Connect provider. */
  readonly cookieKey: string
}

/** The keys that sign our tokens and ID tokens: one signs, those before it verify until what they signed has ended. */
export class SigningKeys {
  private readonly db: Db
  private readonly keys: KeyRing
  private readonly clock: Clock
  private known: { readonly list: Promise<readonly SigningKey[]>; readonly at: number } | undefined

  constructor(deps: { db: Db; keys: KeyRing; clock: Clock }) {
    this.db = deps.db
    this.keys = deps.keys
    this.clock = deps.clock
  }

  /** The one that signs, then those that verify, newest first. Asked for anew now and then, and with `anew` at once. */
  async list({ anew = false } = {}): Promise<readonly [SigningKey, ...SigningKey[]]> {
    const now = this.clock.now()
    if (anew || this.known === undefined || now - this.known.at > KNOWN_MS) this.known = { list: this.load(), at: now }
    const { known } = this
    try {
      const all = (await known.list).filter(
        ({ replacedAt }) => replacedAt === undefined || replacedAt + VERIFIES_MS > now,
      )
      return all as [SigningKey, ...SigningKey[]]
    } catch (error) {
      if (this.known === known) this.known = undefined
      throw error
    }
  }

  /** A key for `rotate`, made before its transaction. */
  async make(): Promise<NewSigningKey> {
    // There is one before the first rotation, whether anything was signed or not.
    await this.list()
    return await makeKey(this.clock.now())
  }

  /** From here on `made` signs. With `endOld` what the others signed is void at once. */
  async rotate(tx: Db, made: NewSigningKey, { endOld }: { readonly endOld: boolean }): Promise<void> {
    const { value } = await tx
      .selectFrom('settings')
      .select('value')
      .where('name', '=', SETTING)
      .executeTakeFirstOrThrow()
    const now = this.clock.now()
    const before = this.open(value).map((key) => ({ ...key, replacedAt: key.replacedAt ?? now }))
    const kept = endOld ? [] : before.filter(({ replacedAt }) => replacedAt + VERIFIES_MS > now)
    const { numUpdatedRows } = await tx
      .updateTable('settings')
      .set({ value: this.seal([made, ...kept]) })
      .where('name', '=', SETTING)
      .where('value', '=', value)
      .executeTakeFirst()
    if (numUpdatedRows === 1n) return
    throw new AppError('conflict', 'signing-key-changed', 'somebody else has just replaced the signing key')
  }

  /** After a rotation was committed. */
  forget(): void {
    this.known = undefined
  }

  /** One key for all processes, made by the first that needs it. */
  private async load(): Promise<readonly SigningKey[]> {
    const stored = await this.stored()
    if (stored !== undefined) return stored.map(withCookieKey)
    const made = await makeKey(this.clock.now())
    try {
      await this.db
        .insertInto('settings')
        .values({ name: SETTING, value: this.seal([made]) })
        .execute()
      return [withCookieKey(made)]
    } catch (error) {
      const winner = isDuplicate(error) ? await this.stored() : undefined
      if (winner === undefined) throw error
      return winner.map(withCookieKey)
    }
  }

  private async stored(): Promise<readonly StoredKey[] | undefined> {
    const row = await this.db.selectFrom('settings').select('value').where('name', '=', SETTING).executeTakeFirst()
    return row === undefined ? undefined : this.open(row.value)
  }

  private seal(keys: readonly StoredKey[]): string {
    return this.keys.seal(JSON.stringify(keys), SETTING)
  }

  private open(sealed: string): readonly StoredKey[] {
    const value: unknown = JSON.parse(this.keys.open(sealed, SETTING))
    // A site's first key was written by itself before a site could have several.
    return Array.isArray(value) ? (value as StoredKey[]) : [value as StoredKey]
  }
}

function withCookieKey(key: StoredKey): SigningKey {
  const secret = String(key.privateJwk['d'])
  const derived = hkdfSync('sha256', secret, '', 'cookies of the OpenID Connect provider', 32)
  return { ...key, cookieKey: Buffer.from(derived).toString('base64url') }
}

async function makeKey(now: number): Promise<StoredKey> {
  const { privateKey, publicKey } = await generateKeyPair(OWN_ALGORITHM, { extractable: true })
  const kid = randomWord(16)
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: OWN_ALGORITHM, use: 'sig' }
  return { kid, privateJwk: { ...(await exportJWK(privateKey)) }, publicJwk, createdAt: now }
}
