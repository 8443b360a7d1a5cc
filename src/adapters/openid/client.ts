import * as openid from 'openid-client'
import { AppError, must } from '../../base/errors.ts'
import type { OpenidIssuer, OutsideSignIn, PendingSignIn } from './port.ts'

export interface OpenidSettings {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly clientAuth: 'post' | 'basic'
  readonly scopes: readonly string[]
}

const TIMEOUT_S = 10
/** What the issuer says of itself, and its keys, hold so long. */
const KNOWN_MS = 3_600_000
const SKEW_S = 30

/** By the library openid-client: discovery, code flow, and the signature of every ID token. */
export function createOpenidIssuer(settings: OpenidSettings, now: () => number): OpenidIssuer {
  let known: { readonly config: Promise<openid.Configuration>; readonly at: number } | undefined

  async function configuration(): Promise<openid.Configuration> {
    if (known === undefined || now() - known.at > KNOWN_MS) known = { config: discover(settings), at: now() }
    try {
      return await known.config
    } catch (cause) {
      known = undefined
      throw unreachable(settings, cause)
    }
  }

  return {
    begin: async (callback) => {
      const config = await configuration()
      const pending = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        verifier: openid.randomPKCECodeVerifier(),
      }
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: callback,
        response_type: 'code',
        scope: settings.scopes.join(' '),
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
      })
      return { url: url.href, pending }
    },
    finish: async (answer, pending) => {
      const config = await configuration()
      try {
        return await exchange(config, new URL(answer), pending)
      } catch (cause) {
        throw isUnreachable(cause) ? unreachable(settings, cause) : refused(cause)
      }
    },
    end: async (idToken, back) => {
      const config = await configuration()
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined
      return openid.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: back }).href
    },
  }
}

async function discover({ issuer, clientId, clientSecret, clientAuth }: OpenidSettings): Promise<openid.Configuration> {
  const server = new URL(issuer)
  const auth = clientAuth === 'basic' ? openid.ClientSecretBasic(clientSecret) : openid.ClientSecretPost(clientSecret)
  // The library signs with no key of its own: the issuer's signature is checked although the token came from itself.
  const execute = [openid.enableNonRepudiationChecks]
  // Only the site's settings can say so, and only of a site that has no HTTPS itself.
  if (server.protocol === 'http:') execute.push(openid.allowInsecureRequests)
  const metadata = { [openid.clockTolerance]: SKEW_S }
  return await openid.discovery(server, clientId, metadata, auth, { execute, timeout: TIMEOUT_S })
}

async function exchange(
  config: openid.Configuration,
  answer: URL,
  { state, nonce, verifier }: PendingSignIn,
): Promise<OutsideSignIn> {
  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }
  const tokens = await openid.authorizationCodeGrant(config, answer, checks)
  const said = must(tokens.claims(), 'the ID token')
  const asked = config.serverMetadata().userinfo_endpoint !== undefined
  const more = asked ? await openid.fetchUserInfo(config, tokens.access_token, said.sub) : {}
  return { claims: { ...more, ...said }, idToken: must(tokens.id_token, 'the ID token') }
}

/** Nobody answered, or with an error of the server's own. */
function isUnreachable(cause: unknown): boolean {
  const { code, status, cause: inner } = cause as { code?: string; status?: number; cause?: { status?: number } }
  if (code === 'OAUTH_TIMEOUT') return true
  if (cause instanceof TypeError && cause.message === 'fetch failed') return true
  return (status ?? inner?.status ?? 0) >= 500
}

function unreachable({ issuer }: OpenidSettings, cause: unknown): AppError {
  return new AppError('unavailable', 'issuer-unreachable', `asking the issuer ${issuer}`, { cause })
}

/** The cause is for the log: it may hold what the issuer said, never a token. */
function refused(cause: unknown): AppError {
  return new AppError(
    'unauthenticated',
    'outside-refused',
    'the sign-in elsewhere did not succeed, or took too long; try again',
    { cause },
  )
}
