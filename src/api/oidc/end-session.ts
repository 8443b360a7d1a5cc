import type { FastifyInstance, FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import type { Provider } from 'oidc-provider'
import { closeSession, isBehind } from '../../accounts/sessions.ts'
import { sessionCookie, sessionIdOf } from '../cookie.ts'
import type { ApiDeps } from '../deps.ts'

type OwnSession = (request: FastifyRequest) => Promise<{ accountId: number; rowId: number } | undefined>

interface Parts {
  readonly deps: ApiDeps
  readonly provider: () => Promise<Provider>
  readonly own: OwnSession
}

/** Our pages: who is asked whether to sign out, and what is shown to whom that happened. */
const ASK = '/accounts/logout'
const DONE = '/accounts/login?signedOut=true'

/**
 * RP-Initiated Logout: a program sends the browser here with the ID token that it was given. When that is of the very session
 * which this browser has with us, the session ends, and with it whatever else came from it. Otherwise nobody is signed out by
 * an address that another site made up: our page asks. The library's own page asks in every case.
 */
export function endSessionRoute(scope: FastifyInstance, parts: Parts): void {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 32_768 },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  scope.route({
    method: ['GET', 'POST'],
    url: '/oidc/session/end',
    schema: { hide: true },
    handler: async (request, reply) => {
      const asked = { ...(request.query as object), ...(request.body as object | undefined) } as Asked
      const { to, ended } = await end(parts, request, asked)
      if (ended) void reply.header('set-cookie', sessionCookie('', parts.deps.site))
      return reply.header('cache-control', 'no-store').redirect(to, 303)
    },
  })
}

type Asked = Readonly<Record<string, unknown>>

async function end({ deps, provider, own }: Parts, request: FastifyRequest, asked: Asked) {
  const session = await own(request)
  const hint = await readHint(await provider(), asked)
  const back = hint === undefined ? DONE : hint.back
  if (session === undefined) return { to: back, ended: false }
  const isSame =
    hint !== undefined &&
    hint.sub === String(session.accountId) &&
    hint.sid !== undefined &&
    (await isBehind(deps.db, session.rowId, hint.sid))
  if (!isSame) return { to: ASK, ended: false }
  await closeSession(deps.db, sessionIdOf(request, deps.site) ?? '')
  return { to: back, ended: true }
}

interface Hint {
  readonly sub: string
  readonly sid: string | undefined
  /** An address that the program registered, else our page. */
  readonly back: string
}

/** An ID token that we signed for a program which we know; it may have run out. */
async function readHint(provider: Provider, asked: Asked): Promise<Hint | undefined> {
  const { id_token_hint: token, post_logout_redirect_uri: wanted, state } = asked
  if (typeof token !== 'string') return undefined
  try {
    const { aud } = decodeJwt(token)
    const client = typeof aud === 'string' ? await provider.Client.find(aud) : undefined
    if (client === undefined || (asked['client_id'] ?? aud) !== aud) return undefined
    const { sub, sid } = (await provider.IdToken.validate(token, client)).payload
    if (typeof sub !== 'string') return undefined
    const isRegistered = typeof wanted === 'string' && client.postLogoutRedirectUriAllowed(wanted)
    return { sub, sid: typeof sid === 'string' ? sid : undefined, back: isRegistered ? withState(wanted, state) : DONE }
  } catch {
    // No token of ours: as if there were none.
    return undefined
  }
}

function withState(url: string, state: unknown): string {
  if (typeof state !== 'string') return url
  const back = new URL(url)
  back.searchParams.set('state', state)
  return back.href
}
