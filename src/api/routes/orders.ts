import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { phases } from '../../catalog/plan.ts'
import { decideFor, placeOrder } from '../../commands/order.ts'
import { type Preview, previewOrder } from '../../commands/preview.ts'
import { errorBody } from '../answers.ts'
import { commandView } from '../command-views.ts'
import type { ApiDeps } from '../deps.ts'
import { viewCommand } from '../show-command.ts'
import type { SignIn } from '../sign-in.ts'
import { accountFor } from '../subject.ts'
import { idempotencyKeyOf, orderHeaders } from './headers.ts'

const problems = { '4xx': errorBody, '5xx': errorBody }

const newOrder = z
  .strictObject({
    plan: z.string().min(1).max(100),
    phase: z.enum(phases),
    account: z
      .string()
      .max(200)
      .optional()
      .describe('whom it is for: the caller when left out, or g-<group> for owners of the group'),
    params: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('what is not given stays as it is; null: the default'),
    preview: z.boolean().default(false).describe('answers what would change, and does nothing'),
  })
  .meta({ id: 'NewOrder' })

const previewView: z.ZodType<Preview> = z
  .object({
    name: z.string(),
    plan: z.string(),
    instance: z.string(),
    phase: z.enum(phases),
    get first() {
      return z.array(previewView).describe('orders that would be placed before it')
    },
    changes: z.array(z.object({ parameter: z.string(), from: z.unknown().optional(), to: z.unknown().optional() })),
    steps: z.array(z.object({ step: z.string(), action: z.string(), does: z.enum(['ensure', 'remove']) })),
    undone: z.array(z.string()).describe('what an undo would take back if it failed'),
  })
  .meta({ id: 'Preview' })

export function orderRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/api/v2/orders',
    {
      schema: {
        tags: ['orders'],
        summary: 'Order, change, suspend, resume or remove a service',
        operationId: 'placeOrder',
        headers: orderHeaders,
        body: newOrder,
        response: { 200: previewView, 201: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const requester = await signIn.account(request)
      const { plan, phase, params, account: name, preview } = request.body
      const account = await accountFor(deps, requester, name ?? requester.name, 'order')
      const wish = { plan, phase, params, account, requester }
      if (preview) return await previewOrder(deps, account, await decideFor(deps, deps.db, wish))
      const key = idempotencyKeyOf(request)
      const command = await placeOrder(deps, { ...wish, idempotencyKey: key === undefined ? undefined : digest(key) })
      void reply.header('location', `/api/v2/commands/${command.id}`)
      return reply.code(201).send(await viewCommand(deps, command))
    },
  )
}

/** Of one length, whatever the caller sent. */
function digest(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex').slice(0, 32)
}
