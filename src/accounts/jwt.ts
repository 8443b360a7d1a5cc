import { createLocalJWKSet, decodeJwt, importJWK, type JSONWebKeySet, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Jwks } from '../adapters/jwks/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db } from '../db/database.ts'
import type { Account } from './account.ts'
import { accountOfIdentity } from './identities.ts'
import { OWN_ALGORITHM, SigningKeys } from './signing-keys.ts'
import { findAccountById, passwordChangedAt } from './store.ts'

/** Of a token; whoever wants to go on asks for the next one before. */
export const TOKEN_LIFE_S = 300
/** How long tokens are renewed without the password. */
const REFRESH_LIFE_S = 7 * 86_400
/** How much the clocks of issuer and site may differ. */
const SKEW_S = 30
/** How long the keys of another issuer hold, and how often an unknown key makes us ask again. */
const KEYS_HOLD_MS = 600_000
const ASK_AGAIN_MS = 30_000

/** Asymmetric ones only: nobody takes a public key for a shared secret. */
const FOREIGN_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** An issuer whose tokens are taken as well. */
export interface ForeignIssuer {
  readonly issuer: string
  readonly jwksUri: string
  readonly audience: string
  /** The claim that holds the user id here. */
  readonly nameClaim: string
}

export interface JwtDeps {
  readonly db: Db
  readonly keys: KeyRing
  readonly clock: Clock
  readonly jwks: Jwks
  /** Ourselves, as `iss` and `aud`: the public URL. */
  readonly issuer: string
  readonly foreign: readonly ForeignIssuer[]
}

/** Signs tokens for accounts and tells whose a token is, our own and those of issuers that the site trusts. */
export class Jwts {
  private readonly deps: JwtDeps
  /** Also those of our OpenID Connect provider. */
  readonly signingKeys: SigningKeys
  private readonly foreignKeys = new Map<string, { keys: Promise<JSONWebKeySet>; at: number }>()

  constructor(deps: JwtDeps) {
    this.deps = deps
    this.signingKeys = new SigningKeys(deps)
  }

  async issue(account: Account): Promise<string> {
    return await this.sign(account, this.seconds())
  }

  /** The next token for a token that still holds; `unauthenticated` for every other, and once the password was changed. */
  async refresh(token: string): Promise<string> {
    const claims = await this.verifyOwn(token)
    const begun = Number(claims['orig_iat'])
    const account = await this.ownAccount(claims)
    const changedAt = Math.floor((await passwordChangedAt(this.deps.db, account.id)) / 1000)
    if (begun + REFRESH_LIFE_S <= this.seconds() || begun < changedAt) throw wrongToken()
    return await this.sign(account, begun)
  }

  /** Whose token it is. */
  async verify(token: string): Promise<Account> {
    const issuer = issuerOf(token)
    if (issuer === this.deps.issuer) return await this.ownAccount(await this.verifyOwn(token))
    const foreign = this.deps.foreign.find((candidate) => candidate.issuer === issuer)
    if (foreign === undefined) throw wrongToken()
    const claims = await this.verifyForeign(token, foreign)
    const account = await accountOfIdentity(this.deps.db, foreign, claims, this.deps.clock.now())
    if (account === undefined) throw wrongToken()
    return account
  }

  /** For whoever verifies our tokens. */
  async publicKeys({ anew = false } = {}): Promise<{ keys: Readonly<Record<string, unknown>>[] }> {
    return { keys: (await this.signingKeys.list({ anew })).map(({ publicJwk }) => publicJwk) }
  }

  private async sign({ id, email, name }: Account, begun: number): Promise<string> {
    const [{ kid, privateJwk }] = await this.signingKeys.list()
    const now = this.seconds()
    return await new SignJWT({ user_id: id, email, username: name, orig_iat: begun })
      .setProtectedHeader({ alg: OWN_ALGORITHM, kid, typ: 'JWT' })
      .setIssuer(this.deps.issuer)
      .setAudience(this.deps.issuer)
      .setSubject(String(id))
      .setIssuedAt(now)
      .setExpirationTime(now + TOKEN_LIFE_S)
      .sign(await importJWK(privateJwk, OWN_ALGORITHM))
  }

  private async verifyOwn(token: string): Promise<JWTPayload> {
    const { issuer } = this.deps
    const check = async (anew: boolean) =>
      await this.check(token, await this.publicKeys({ anew }), { issuer, audience: issuer }, [OWN_ALGORITHM])
    try {
      return await check(false)
    } catch (error) {
      // Another process may sign with a newer key since.
      if (!(error instanceof AppError) || error.code !== 'token-key-unknown') throw error
      return await check(true)
    }
  }

  private async verifyForeign(token: string, foreign: ForeignIssuer): Promise<JWTPayload> {
    const known = this.foreignKeys.get(foreign.jwksUri)
    const keys = await this.keysOf(foreign, KEYS_HOLD_MS)
    try {
      return await this.check(token, keys, foreign, FOREIGN_ALGORITHMS)
    } catch (error) {
      // The issuer may have a new key since.
      if (known === undefined || !(error instanceof AppError) || error.code !== 'token-key-unknown') throw error
      return await this.check(token, await this.keysOf(foreign, ASK_AGAIN_MS), foreign, FOREIGN_ALGORITHMS)
    }
  }

  private async check(
    token: string,
    keys: JSONWebKeySet,
    { issuer, audience }: { issuer: string; audience: string },
    algorithms: string[],
  ): Promise<JWTPayload> {
    const currentDate = new Date(this.deps.clock.now())
    const options = {
      issuer,
      audience,
      algorithms,
      currentDate,
      clockTolerance: SKEW_S,
      requiredClaims: ['exp', 'sub'],
    }
    try {
      return (await jwtVerify(token, createLocalJWKSet(keys), options)).payload
    } catch (cause) {
      const isUnknown = (cause as { code?: string }).code === 'ERR_JWKS_NO_MATCHING_KEY'
      throw wrongToken(isUnknown ? 'token-key-unknown' : 'token-wrong')
    }
  }

  /** Keys not older than `maxAgeMs`; callers at the same time share one question. */
  private async keysOf({ jwksUri }: ForeignIssuer, maxAgeMs: number): Promise<JSONWebKeySet> {
    const now = this.deps.clock.now()
    const known = this.foreignKeys.get(jwksUri)
    if (known !== undefined && now - known.at < maxAgeMs) return await known.keys
    const keys = this.deps.jwks.fetch(jwksUri) as unknown as Promise<JSONWebKeySet>
    const entry = { keys, at: now }
    this.foreignKeys.set(jwksUri, entry)
    try {
      return await keys
    } catch (error) {
      if (this.foreignKeys.get(jwksUri) === entry) this.foreignKeys.delete(jwksUri)
      throw error
    }
  }

  private async ownAccount({ sub }: JWTPayload): Promise<Account> {
    const account = await findAccountById(this.deps.db, Number(sub))
    if (account?.active !== true || account.role === 'group') throw wrongToken()
    return account
  }

  private seconds(): number {
    return Math.floor(this.deps.clock.now() / 1000)
  }
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    // Not even the shape of a token.
    throw wrongToken()
  }
}

function wrongToken(code = 'token-wrong'): AppError {
  return new AppError('unauthenticated', code, 'the token is wrong, too old, or of nobody here')
}
