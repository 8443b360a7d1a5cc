import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sessionView, sessionWish, signedOutView } from '../../accounts/contract.ts'
import { closeSession, openSession, outsideOf, type Session } from '../../accounts/sessions.ts'
import { showAccount } from '../account-views.ts'
import { errorBody } from '../answers.ts'
import { sessionCookie, sessionIdOf } from '../cookie.ts'
import type { ApiDeps } from '../deps.ts'
import type { Guessing } from '../guessing.ts'
import { stillSignedIn } from '../outside-sign-out.ts'
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
        summary: 'Sign out; 200 where one is still signed in at the issuer that the session came by',
        operationId: 'signOut',
        response: { 200: signedOutView, 204: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      await signIn.session(request)
      const id = sessionIdOf(request, deps.site) ?? ''
      const outside = await outsideOf(deps.db, id)
      await closeSession(deps.db, id)
      void reply.header('set-cookie', sessionCookie('', deps.site)).header('cache-control', 'no-store')
      const elsewhere = await stillSignedIn(deps, outside)
      return elsewhere === undefined ? reply.code(204).send(null) : reply.code(200).send({ elsewhere })
    },
  )

  async function show(reply: FastifyReply, { account, csrfToken, expiresAt }: Session) {
    void reply.header('cache-control', 'no-store')
    return { account: await showAccount(deps, account), csrfToken, expiresAt: new Date(expiresAt).toISOString() }
  }
}
