import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import { mailView } from '../../mails/contract.ts'
import { findMail, listMails } from '../../mails/store.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const tags = ['mails']
const problems = { '4xx': errorBody, '5xx': errorBody }

/** What the site wrote to people, with links and tokens: for admins only. */
export function mailRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/api/v2/mails',
    {
      schema: {
        tags,
        summary: 'List mails, newest first',
        operationId: 'listMails',
        querystring: z.object({
          to: z.string().max(400).optional(),
          before: z.coerce.number().int().optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: { 200: z.object({ mails: z.array(mailView), next: z.int().optional() }), ...problems },
      },
    },
    async (request, reply) => {
      await signIn.admin(request)
      const { to, before, limit } = request.query
      const rows = await listMails(deps.db, { recipient: to?.toLowerCase(), before, limit })
      const last = rows.length === limit ? rows.at(-1)?.id : undefined
      void reply.header('cache-control', 'no-store')
      return { mails: rows.map((row) => deps.outbox.show(row)), ...(last === undefined ? {} : { next: Number(last) }) }
    },
  )

  app.get(
    '/api/v2/mails/:id',
    {
      schema: {
        tags,
        summary: 'Show a mail',
        operationId: 'getMail',
        params: z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
        response: { 200: mailView, ...problems },
      },
    },
    async (request, reply) => {
      await signIn.admin(request)
      const { id } = request.params
      const row = await findMail(deps.db, id)
      if (row === undefined) {
        throw new AppError('not-found', 'mail-unknown', `there is no mail ${id}`, { details: { id } })
      }
      void reply.header('cache-control', 'no-store')
      return deps.outbox.show(row)
    },
  )
}
