import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Account, hasRight, type StaffRight } from '../accounts/account.ts'
import { csrfMatches, findSession, type Session } from '../accounts/sessions.ts'
import { AppError } from '../base/errors.ts'
import { pathOf } from './answers.ts'
import { checkBootstrapKey } from './bootstrap.ts'
import { sessionIdOf } from './cookie.ts'
import type { ApiDeps, Side } from './deps.ts'
import { createLimits } from './limits.ts'

export interface SignIn {
  /** The account of the request's `Authorization`, or of its session on the public side. */
  account(request: FastifyRequest): Promise<Account>
  admin(request: FastifyRequest): Promise<Account>
  /** An admin, or staff that was granted this. */
  granted(request: FastifyRequest, right: StaffRight): Promise<Account>
  /** The session of the request's cookie. What changes something must come from our own pages. */
  session(request: FastifyRequest): Promise<Session>
  /** Passes when the request holds the bootstrap key: `Authorization: Bootstrap <key>`. */
  bootstrap(request: FastifyRequest): Promise<void>
}

/** Failures are counted per address; right credentials pass whatever others of the same address did. */
export function createSignIn(app: FastifyInstance, deps: ApiDeps, side: Side): SignIn {
  const failures = app.createRateLimit({ max: 60, timeWindow: '1 minute', keyGenerator: (request) => request.ip })

  async function counted<T>(request: FastifyRequest, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'unauthenticated') throw error
      // Without any credentials nobody guesses: so comes everybody who opens a page.
      if (error.code === 'not-signed-in') throw error
      const count = await failures(request)
      if (count.isAllowed || !count.isExceeded) throw error
      throw new AppError(
        'unavailable',
        'too-many-failures',
        'too many failed sign-ins from this address; wait a minute',
      )
    }
  }

  async function session(request: FastifyRequest): Promise<Session> {
    const id = sessionIdOf(request, deps.site)
    const found = id === undefined ? undefined : await findSession(deps.db, id, deps.clock.now())
    if (found === undefined) throw new AppError('unauthenticated', 'not-signed-in', 'nobody is signed in')
    if (!isHarmless(request)) checkForgery(request, found, deps.site.publicUrl)
    return found
  }

  const count = createLimits(app, deps.site)

  const account = async (request: FastifyRequest) => {
    const caller = await proved(request)
    await count(request, caller)
    return caller
  }

  const proved = (request: FastifyRequest) =>
    counted(request, async () => {
      const byCookie = side === 'public' && request.headers.authorization === undefined
      if (byCookie && sessionIdOf(request, deps.site) !== undefined) return (await session(request)).account
      const token = tokenOf(request)
      if (token !== undefined) return await deps.jwts.verify(token)
      const { name, key } = apiKeyOf(request)
      const caller = await deps.accounts.signIn(name, key, side === 'internal' ? 'inside' : 'outside')
      if (deps.site.jwtOnly && side === 'public') refuseKey(caller)
      return caller
    })

  return {
    account,
    admin: async (request) => {
      const caller = await account(request)
      if (caller.role !== 'admin') throw new AppError('forbidden', 'admins-only', 'this is for admins')
      return caller
    },
    granted: async (request, right) => {
      const caller = await account(request)
      if (hasRight(caller, right)) return caller
      throw new AppError('forbidden', 'right-missing', `this is for admins, and staff with the right ${right}`)
    },
    session: async (request) => {
      const found = await counted(request, async () => await session(request))
      await count(request, found.account)
      return found
    },
    bootstrap: (request) =>
      counted(request, async () => {
        const [, key = ''] = /^Bootstrap\s+(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
        await checkBootstrapKey(deps, key)
      }),
  }
}

function isHarmless({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** A cookie comes along whoever made the browser send the request: token and origin tell that it was one of our pages. */
function checkForgery(request: FastifyRequest, session: Session, publicUrl: string): void {
  checkOrigin(request, publicUrl)
  const sent = request.headers['x-csrf-token']
  if (typeof sent === 'string' && csrfMatches(session, sent)) return
  throw new AppError(
    'forbidden',
    'csrf-token-wrong',
    'send the header x-csrf-token with the csrfToken of GET /api/v2/session',
  )
}

/** Throws unless the browser says that the request comes from a page of ours. */
export function checkOrigin(request: FastifyRequest, publicUrl: string): void {
  const { origin } = request.headers
  if (origin === new URL(publicUrl).origin) return
  throw new AppError('forbidden', 'csrf-origin-wrong', `requests of a session come from pages of ${publicUrl} only`)
}

/** `Bearer <jwt>`, or a key with a token in it: `ApiKey jwt:<token>` or `ApiKey jwt:<userid>:<token>`. The name counts for nothing. */
function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization ?? ''
  const [, token] = /^(?:Bearer\s+|ApiKey\s+jwt:(?:[^:\s]*:)?)([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header) ?? []
  return token
}

function apiKeyOf(request: FastifyRequest): { name: string; key: string } {
  const match = /^([^:\s]{1,100}):(\S{1,200})$/.exec(keyTextOf(request))
  if (match !== null) return { name: match[1] ?? '', key: match[2] ?? '' }
  throw new AppError(
    'unauthenticated',
    'not-signed-in',
    'send the header Authorization: ApiKey <userid>:<apikey>, or Bearer <token>',
  )
}

/** `ApiKey <userid>:<apikey>`; on the omega-ml client's paths also the same as `Basic`, which it uses for apps. */
function keyTextOf(request: FastifyRequest): string {
  const [, scheme = '', text = ''] = /^(\w+)\s+(\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (scheme.toLowerCase() === 'apikey') return text
  const isOurs = pathOf(request).replace(/\/+/g, '/').startsWith('/api/v2')
  return scheme.toLowerCase() === 'basic' && !isOurs ? Buffer.from(text, 'base64').toString('utf8') : ''
}

/** The site's own programs and its operator keep their keys: they have nothing else. */
function refuseKey({ role }: Account): void {
  if (role === 'machine' || role === 'admin') return
  throw new AppError(
    'unauthenticated',
    'api-keys-off',
    'this site takes no API keys from outside: send Authorization: Bearer with a token of /token-auth/ or of its issuer',
  )
}
