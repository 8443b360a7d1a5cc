import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { IncomingMessage } from 'node:http'
import type { Provider } from 'oidc-provider'
import { findSession, isOidcSessionOpen } from '../../accounts/sessions.ts'
import { sessionIdOf } from '../cookie.ts'
import type { ApiDeps, Side } from '../deps.ts'
import { endSessionRoute } from './end-session.ts'
import { createOidcProvider } from './provider.ts'

/** What programs inside the cluster ask for; browsers are none of the internal side's business. */
const INSIDE = ['token', 'me', 'jwks']

/** OpenID Connect under `/oidc`: all of it on the public side, what programs ask for on the internal one. */
export async function mountOidc(app: FastifyInstance, deps: ApiDeps, side: Side): Promise<void> {
  let made: { readonly kids: string; readonly provider: Provider } | undefined
  const ownSession = async (request: Pick<IncomingMessage, 'headers'>) => {
    const id = sessionIdOf(request as FastifyRequest, deps.site)
    const session = id === undefined ? undefined : await findSession(deps.db, id, deps.clock.now())
    return session === undefined ? undefined : { accountId: session.account.id, rowId: session.rowId }
  }
  // Made at the first use, and again for other keys, which lie in the database as all else does.
  const provider = async (): Promise<Provider> => {
    const keys = await deps.jwts.signingKeys.list()
    const kids = keys.map(({ kid }) => kid).join()
    if (made?.kids !== kids) made = { kids, provider: createOidcProvider(deps, ownSession, keys) }
    return made.provider
  }
  await app.register(async (scope) => {
    // The library reads the body itself.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const callback = (await provider()).callback()
      reply.hijack()
      await callback(mounted(request.raw), reply.raw)
    }
    const urls = side === 'internal' ? INSIDE : ['*']
    for (const url of urls)
      scope.route({ method: ['GET', 'POST'], url: `/oidc/${url}`, handler, schema: { hide: true } })
  })
  if (side === 'internal') sessionCheck(app, deps)
  else {
    interactionRoute(app, provider, ownSession)
    await app.register(async (scope) => endSessionRoute(scope, { deps, provider, own: ownSession }))
  }
}

/** Goes on with a sign-in once somebody is signed in with us; sends them to our page before. */
function interactionRoute(
  app: FastifyInstance,
  provider: () => Promise<Provider>,
  ownSession: (request: FastifyRequest) => Promise<{ accountId: number } | undefined>,
): void {
  app.get<{ Params: { uid: string } }>('/oidc/interaction/:uid', async (request, reply) => {
    const session = await ownSession(request)
    if (session === undefined) {
      const next = encodeURIComponent(`/oidc/interaction/${request.params.uid}`)
      return reply.code(303).header('cache-control', 'no-store').redirect(`/accounts/login?next=${next}`)
    }
    reply.hijack()
    const login = { accountId: String(session.accountId) }
    await (await provider()).interactionFinished(request.raw, reply.raw, { login }, { mergeWithLastSubmission: false })
  })
}

/** For JupyterHub: whether the session with us that stands behind a sign-in is still open. */
function sessionCheck(plain: FastifyInstance, deps: ApiDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ sid: z.string().max(64) })
  app.get('/oidc/sessions/:sid', { schema: { params, hide: true } }, async (request, reply) => {
    const open = await isOidcSessionOpen(deps.db, request.params.sid, deps.clock.now())
    return reply.code(open ? 204 : 404).send()
  })
}

/** The library is mounted: it finds its own path before the one it was asked for. */
function mounted(request: IncomingMessage): IncomingMessage {
  const originalUrl = request.url ?? ''
  return Object.assign(request, { originalUrl, url: originalUrl.replace(/^\/oidc/, '') })
}
