import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sessionView, sessionWish } from '../../accounts/contract.ts'
import { closeSession, openSession, type Session } from '../../accounts/sessions.ts'
import { showAccount } from '../account-views.ts'
import { errorBody } from '../answers.ts'
import { sessionCookie, sessionIdOf } from '../cookie.ts'
import type { ApiDeps } from '../deps.ts'
import type { Guessing } from '../guessing.ts'
import { signInByPassword } from '../password-sign-in.ts'
import { checkOrigin, type SignIn } from '../sign-in.ts'

const tags = ['session']
const problems = { '4xx': errorBody, '5xx': errorBody }

/** Sign-in of browsers. The cookie is for our own pages; programs use keys. */
export function sessionRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn, guessing: Guessing): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/api/v2/session',
    {
      schema: {
        tags,
        security: [],
        summary: 'Sign in by user id or e-mail address and password; sets the cookie',
        operationId: 'signIn',
        body: sessionWish,
        response: { 200: sessionView, ...problems },
      },
    },
    async (request, reply) => {
      // Signing somebody in as somebody else is an attack as well. Programs send no origin.
      if (request.headers.origin !== undefined) checkOrigin(request, deps.site.publicUrl)
      const account = await signInByPassword(deps, guessing, request.body, request.ip)
      const before = sessionIdOf(request, deps.site)
      if (before !== undefined) await closeSession(deps.db, before)
      const session = await openSession(deps.db, account, deps.clock.now())
      void reply.header('set-cookie', sessionCookie(session.id, deps.site))
      return await show(reply, session)
    },
  )

  app.get(
    '/api/v2/session',
    {
      schema: {
        tags,
        security: [{ session: [] }],
        summary: 'Who is signed in, and the token for changes',
        operationId: 'getSession',
        response: { 200: sessionView, ...problems },
      },
    },
    async (request, reply) => await show(reply, await signIn.session(request)),
  )

  app.delete(
    '/api/v2/session',
    {
      schema: {
        tags,
        security: [{ session: [] }],
        summary: 'Sign out',
        operationId: 'signOut',
        response: { 204: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      await signIn.session(request)
      await closeSession(deps.db, sessionIdOf(request, deps.site) ?? '')
      void reply.header('set-cookie', sessionCookie('', deps.site))
      return reply.code(204).send(null)
    },
  )

  async function show(reply: FastifyReply, { account, csrfToken, expiresAt }: Session) {
    void reply.header('cache-control', 'no-store')
    return { account: await showAccount(deps, account), csrfToken, expiresAt: new Date(expiresAt).toISOString() }
  }
}
