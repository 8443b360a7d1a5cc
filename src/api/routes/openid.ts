import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { PendingSignIn } from '../../adapters/openid/port.ts'
import { closeSession, openSession } from '../../accounts/sessions.ts'
import { AppError, explain } from '../../base/errors.ts'
import { pendingCookie, pendingIn, sessionCookie, sessionIdOf } from '../cookie.ts'
import type { ApiDeps } from '../deps.ts'
import { signInOutside } from '../outside-sign-in.ts'
import { sealOutside, SIGNED_OUT_PATH } from '../outside-sign-out.ts'

const PATH = '/accounts/openid'
/** How long somebody may take to sign in there. */
const PENDING_S = 600
const CONTEXT = 'sign-in at another issuer'
/** Of one address; a whole course may sit behind one. */
const config = { rateLimit: { max: 300, timeWindow: '1 minute' } }

interface Pending extends PendingSignIn {
  readonly next: string
  readonly until: number
}

/** The way in through `site.openid`: there, and back. Both are for browsers, and end in a page. */
export function openidRoutes(plain: FastifyInstance, deps: ApiDeps): void {
  const { openid, site } = deps
  const facts = site.openid
  if (openid === undefined || facts === undefined) return
  const { issuer, keys } = openid
  const callback = `${site.publicUrl.replace(/\/+$/, '')}${PATH}/callback`
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.get(
    PATH,
    { config, schema: { hide: true, querystring: z.object({ next: z.string().max(2000).optional() }) } },
    async (request, reply) => {
      const next = ownPath(request.query.next)
      try {
        const { url, pending } = await issuer.begin(callback)
        const until = deps.clock.now() + PENDING_S * 1000
        const sealed = keys.seal(JSON.stringify({ ...pending, next, until } satisfies Pending), CONTEXT)
        return await goTo(reply.header('set-cookie', pendingCookie(sealed, site, PENDING_S)), url)
      } catch (error) {
        return await failed(reply, error, next)
      }
    },
  )

  app.get(`${PATH}/callback`, { config, schema: { hide: true } }, async (request, reply) => {
    const cookies = [pendingCookie('', site, 0)]
    const pending = openPending(pendingIn(request, site))
    try {
      if (pending === undefined) {
        throw new AppError('unauthenticated', 'outside-refused', 'this sign-in was not begun in this browser')
      }
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : ''
      const { claims, idToken } = await issuer.finish(`${callback}${query}`, pending)
      const account = await signInOutside(deps, facts, claims)
      const before = sessionIdOf(request, site)
      if (before !== undefined) await closeSession(deps.db, before)
      const session = await openSession(deps.db, account, deps.clock.now(), sealOutside(deps, idToken))
      cookies.push(sessionCookie(session.id, site))
      return await goTo(reply.header('set-cookie', cookies), pending.next)
    } catch (error) {
      return await failed(reply.header('set-cookie', cookies), error, pending?.next ?? '/')
    }
  })

  app.get(
    SIGNED_OUT_PATH,
    { config, schema: { hide: true } },
    async (_request, reply) => await goTo(reply, '/accounts/login?signedOut=true'),
  )

  function openPending(sealed: string | undefined): Pending | undefined {
    try {
      const pending = sealed === undefined ? undefined : (JSON.parse(keys.open(sealed, CONTEXT)) as Pending)
      return pending !== undefined && pending.until > deps.clock.now() ? pending : undefined
    } catch {
      // Not what we sealed: nothing was begun here.
      return undefined
    }
  }

  /** Back to the sign-in page, which has words for the code. */
  async function failed(reply: FastifyReply, error: unknown, next: string) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    deps.log.warn('sign-in at another issuer failed', { code: error.code, error: explain(error) })
    if (error.code === 'account-waiting-approval') return await goTo(reply, '/accounts/waiting')
    const search = new URLSearchParams({ problem: error.code, ...(next === '/' ? {} : { next }) })
    return await goTo(reply, `/accounts/login?${search.toString()}`)
  }
}

async function goTo(reply: FastifyReply, url: string) {
  return await reply.header('cache-control', 'no-store').redirect(url, 303)
}

/** Never a way out to another site. */
function ownPath(path: string | undefined): string {
  return path !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(path) ? path : '/'
}
