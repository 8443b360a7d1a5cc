import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { listAudit } from '../../accounts/audit.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const entry = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    actor: z.string().describe('account that did it, or `bootstrap`'),
    action: z.string(),
    subject: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' })

/** Who changed what: rights, credentials, orders. */
export function auditRoute(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    '/api/v2/audit',
    {
      schema: {
        tags: ['audit'],
        summary: 'List what was changed by whom, newest first',
        operationId: 'listAudit',
        querystring: z.object({
          actor: z.string().max(255).optional(),
          subject: z.string().max(255).optional(),
          action: z
            .string()
            .max(255)
            .optional()
            .describe('such as account.create; with a dot at the end all of a kind'),
          from: z.iso.datetime({ offset: true }).optional(),
          to: z.iso.datetime({ offset: true }).optional(),
          before: z.coerce.number().int().optional().describe('id to continue from'),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: {
          200: z.object({ entries: z.array(entry), next: z.int().optional() }),
          '4xx': errorBody,
          '5xx': errorBody,
        },
      },
    },
    async (request) => {
      await signIn.granted(request, 'audit:read')
      const { from, to, ...rest } = request.query
      const found = await listAudit(deps.db, { ...rest, from: timeOf(from), to: timeOf(to) })
      const last = found.length === rest.limit ? found.at(-1)?.id : undefined
      const entries = found.map((row) => ({ ...row, at: new Date(row.at).toISOString() }))
      return { entries, ...(last === undefined ? {} : { next: last }) }
    },
  )
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text)
}
