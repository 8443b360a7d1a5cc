import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { errorBody } from '../answers.ts'
import { bootstrap, revokeBootstrap } from '../bootstrap.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const wish = z.strictObject({
  apikey: z.string().max(200).optional().describe('32 to 64 letters and digits; made when left out'),
  email: z.string().max(400).optional(),
  password: z.string().max(1000).optional(),
})
const made = z
  .object({ userid: z.string(), apikey: z.string(), command: z.int().optional() })
  .meta({ id: 'SiteAccount' })
const problems = { '4xx': errorBody, '5xx': errorBody }
const tags = ['bootstrap']
const security = [{ bootstrap: [] }]

export function bootstrapRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/api/v2/bootstrap',
    {
      schema: {
        tags,
        security,
        summary: 'Make the site’s own accounts; again: the same accounts and keys',
        operationId: 'bootstrap',
        body: z.strictObject({ admin: wish.optional(), omworker: wish.optional(), jyadmin: wish.optional() }),
        response: { 200: z.object({ admin: made, omworker: made, jyadmin: made }), ...problems },
      },
    },
    async (request, reply) => {
      await signIn.bootstrap(request)
      void reply.header('cache-control', 'no-store')
      const { admin, omworker, jyadmin } = request.body
      const accounts = await bootstrap(deps, { admin: admin ?? {}, omworker: omworker ?? {}, jyadmin: jyadmin ?? {} })
      return accounts as Record<'admin' | 'omworker' | 'jyadmin', z.infer<typeof made>>
    },
  )

  app.delete(
    '/api/v2/bootstrap',
    {
      schema: {
        tags,
        security: [{ bootstrap: [] }, { apiKey: [] }],
        summary: 'End the bootstrap key’s power; by itself or by an admin',
        operationId: 'revokeBootstrap',
        response: { 204: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      const byKey = /^Bootstrap\s/i.test(request.headers.authorization ?? '')
      const actor = byKey ? 'bootstrap' : (await signIn.admin(request)).name
      if (byKey) await signIn.bootstrap(request)
      await revokeBootstrap(deps, actor)
      return reply.code(204).send(null)
    },
  )
}
