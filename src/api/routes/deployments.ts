import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { accountNames } from '../../accounts/store.ts'
import { AppError, must } from '../../base/errors.ts'
import { Status, type StatusCode } from '../../base/status.ts'
import { newestCommands } from '../../commands/store.ts'
import { deploymentView, showDeployment } from '../../deployments/contract.ts'
import { type DeploymentRow, findDeploymentById, pageDeployments } from '../../deployments/store.ts'
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
      const deployments = await show(rows)
      const next = rows.length === limit ? rows.at(-1)?.id : undefined
      return { deployments, ...(next === undefined ? {} : { next }) }
    },
  )

  app.get(
    '/api/v2/deployments/:id',
    {
      schema: {
        tags: ['deployments'],
        summary: 'Show what was delivered',
        operationId: 'getDeployment',
        params: z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
        response: { 200: deploymentView, ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      const { id } = request.params
      const row = await findDeploymentById(deps.db, id)
      // Of others' things one does not even learn that they exist.
      if (row === undefined || (caller.role !== 'admin' && row.accountId !== caller.id)) {
        throw new AppError('not-found', 'deployment-unknown', `there is no deployment ${id}`, { details: { id } })
      }
      const [view] = await show([row])
      return must(view, `deployment ${id}`)
    },
  )

  async function show(rows: readonly DeploymentRow[]) {
    const owners = rows.map((row) => row.accountId)
    const [names, newest] = await Promise.all([accountNames(deps.db, owners), newestCommands(deps.db, owners)])
    const orders = new Map(newest.map((command) => [keyOf(command.subject, command), command]))
    return rows.map((row) => {
      const shown = showDeployment(row, names.get(row.accountId), deps.plans.get(row.plan))
      const order = orders.get(keyOf(row.accountId, row))
      return order === undefined
        ? shown
        : { ...shown, command: { id: order.id, phase: order.phase, state: order.state } }
    })
  }
}

function keyOf(account: number | undefined, { plan, instance }: { plan: string; instance: string }): string {
  return `${account} ${plan} ${instance}`
}
