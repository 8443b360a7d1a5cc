import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { accountNames } from '../../accounts/store.ts'
import { Status, type StatusCode } from '../../base/status.ts'
import { deploymentView, showDeployment } from '../../deployments/contract.ts'
import { pageDeployments } from '../../deployments/store.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'
import { subjectOf } from '../subject.ts'

const problems = { '4xx': errorBody, '5xx': errorBody }

const codesOf: Readonly<Record<string, readonly StatusCode[]>> = {
  pending: [Status.initiated, Status.pending],
  completed: [Status.completed],
  failed: [Status.failed],
  removed: [Status.removed],
}

export function deploymentRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/api/v2/deployments',
    {
      schema: {
        tags: ['deployments'],
        summary: 'List what was delivered, in the order of its making; users see their own',
        operationId: 'listDeployments',
        querystring: z.object({
          account: z.string().max(200).optional(),
          plan: z.string().max(100).optional(),
          status: z.enum(['pending', 'completed', 'failed', 'removed']).optional(),
          after: z.coerce.number().int().optional().describe('`next` of the page before'),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: { 200: z.object({ deployments: z.array(deploymentView), next: z.int().optional() }), ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      const { account, plan, status, after, limit } = request.query
      const accountId = await subjectOf(deps, caller, account)
      const rows = await pageDeployments(deps.db, {
        accountId,
        plan,
        status: status === undefined ? undefined : codesOf[status],
        removed: status === 'removed',
        after,
        limit,
      })
      const names = await accountNames(
        deps.db,
        rows.map((row) => row.accountId),
      )
      const deployments = rows.map((row) => showDeployment(row, names.get(row.accountId), deps.plans.get(row.plan)))
      const next = rows.length === limit ? rows.at(-1)?.id : undefined
      return { deployments, ...(next === undefined ? {} : { next }) }
    },
  )
}
