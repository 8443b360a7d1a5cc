import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { planView, showPlan } from '../../catalog/contract.ts'
import { getPlan, notOffered, type Plan, unavailableWith } from '../../catalog/plan.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const tags = ['plans']
const problems = { '4xx': errorBody, '5xx': errorBody }

export function planRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const view = (plan: Plan) =>
    showPlan(plan, unavailableWith(plan, deps.site.provider) ?? notOffered(plan, deps.site.services))

  app.get(
    '/api/v2/plans',
    {
      schema: {
        tags,
        summary: 'List what the caller may order',
        operationId: 'listPlans',
        response: { 200: z.object({ plans: z.array(planView) }), ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      return { plans: [...deps.plans.values()].filter((plan) => isFor(plan, caller)).map(view) }
    },
  )

  app.get(
    '/api/v2/plans/:name',
    {
      schema: {
        tags,
        summary: 'Show a plan with its parameters',
        operationId: 'getPlan',
        params: z.object({ name: z.string().max(100) }),
        response: { 200: planView, ...problems },
      },
    },
    async (request) => {
      await signIn.account(request)
      return view(getPlan(deps.plans, request.params.name))
    },
  )
}

function isFor(plan: Plan, caller: Account): boolean {
  return plan.orderable === 'user' || caller.role === 'admin'
}
