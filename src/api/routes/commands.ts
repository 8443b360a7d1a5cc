import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { audit } from '../../accounts/audit.ts'
import { phases } from '../../catalog/plan.ts'
import type { Command } from '../../commands/command.ts'
import { cancelOrder } from '../../commands/cancel.ts'
import type { CommandChange } from '../../commands/next-steps.ts'
import { repeatedChange, retryCommand } from '../../commands/retry.ts'
import { getCommand, listCommands } from '../../commands/store.ts'
import { undoCommand } from '../../commands/undo.ts'
import { errorBody } from '../answers.ts'
import { commandDetails, commandView } from '../command-views.ts'
import type { ApiDeps } from '../deps.ts'
import { ensureDeployments } from '../ensure-deployments.ts'
import { viewCommand, viewCommands, viewDetails } from '../show-command.ts'
import type { SignIn } from '../sign-in.ts'
import { subjectOf } from '../subject.ts'
import { changeableCommand, visibleCommand } from '../visible-command.ts'
import { digestOf, idempotencyKeyOf, orderHeaders } from './headers.ts'

const tags = ['commands']
const byId = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) })
const problems = { '4xx': errorBody, '5xx': errorBody }

export function commandRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/api/v2/commands',
    {
      schema: {
        tags,
        summary: 'List orders, newest first; users see their own',
        operationId: 'listCommands',
        querystring: z.object({
          account: z.string().max(200).optional(),
          plan: z.string().max(100).optional(),
          phase: z.enum(phases).optional(),
          state: z.enum(['waiting', 'running', 'done', 'failed']).optional(),
          before: z.coerce.number().int().optional().describe('`next` of the page before'),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: { 200: z.object({ commands: z.array(commandView), next: z.int().optional() }), ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      const { account, plan, phase, state, before, limit } = request.query
      const subject = await subjectOf(deps, caller, account)
      const commands = await listCommands(deps.db, {
        limit,
        ...(subject === undefined ? {} : { subject }),
        ...(plan === undefined ? {} : { plan }),
        ...(phase === undefined ? {} : { phase }),
        ...(state === undefined ? {} : { state }),
        ...(before === undefined ? {} : { before }),
      })
      const next = commands.length === limit ? commands.at(-1)?.id : undefined
      return { commands: await viewCommands(deps, commands), ...(next === undefined ? {} : { next }) }
    },
  )

  app.get(
    '/api/v2/commands/:id',
    {
      schema: {
        tags,
        summary: 'Show an order with its steps, what they wait for and what they said',
        operationId: 'getCommand',
        params: byId,
        response: { 200: commandDetails, ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      return await viewDetails(deps, caller, await visibleCommand(deps, caller, request.params.id))
    },
  )

  app.post(
    '/api/v2/commands/:id/cancel',
    {
      schema: {
        tags,
        summary: 'End an order that has not ended; what was done stays done',
        operationId: 'cancelCommand',
        params: byId,
        headers: orderHeaders,
        response: { 202: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const key = changeKey(caller, 'cancel', request)
      const repeated = key === null ? undefined : await repeatedOf(caller, request.params.id, key)
      if (repeated !== undefined) return reply.code(202).send(await viewCommand(deps, repeated))
      const { id } = await changeableCommand(deps, caller, request.params.id, 'cancel')
      const command = await cancelOrder(deps.db, id, `cancelled by ${caller.name}`, deps.clock.now(), key)
      await note(caller, 'command.cancel', id)
      return reply.code(202).send(await viewCommand(deps, command))
    },
  )

  app.post(
    '/api/v2/commands/:id/retry',
    {
      schema: {
        tags,
        summary: 'Continue a failed order',
        operationId: 'retryCommand',
        params: byId,
        headers: orderHeaders,
        response: { 202: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const key = changeKey(caller, 'retry', request)
      const repeated = key === null ? undefined : await repeatedOf(caller, request.params.id, key)
      if (repeated !== undefined) return reply.code(202).send(await viewCommand(deps, repeated))
      const { id } = await changeableCommand(deps, caller, request.params.id, 'retry')
      const command = await retryCommand(deps.db, id, () => deps.clock.now(), key)
      await note(caller, 'command.retry', id)
      return reply.code(202).send(await viewCommand(deps, command))
    },
  )

  app.post(
    '/api/v2/commands/:id/undo',
    {
      schema: {
        tags,
        summary: 'Take back what a failed install has begun',
        operationId: 'undoCommand',
        params: byId,
        response: { 202: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const { id } = await changeableCommand(deps, caller, request.params.id, 'undo')
      const command = await undoCommand(deps.db, id, caller.name, () => deps.clock.now())
      await note(caller, 'command.undo', id)
      return reply.code(202).send(await viewCommand(deps, command))
    },
  )

  app.post(
    '/api/v2/deployments/ensure',
    {
      schema: {
        tags: ['deployments'],
        summary: 'Make sure of what every active account was delivered, as after a restored site',
        operationId: 'ensureDeployments',
        headers: orderHeaders,
        response: { 202: z.object({ commands: z.array(commandView) }), ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.admin(request)
      const ids = await ensureDeployments(deps, caller, idempotencyKeyOf(request))
      await note(caller, 'deployments.ensure', ids.length)
      const commands = await viewCommands(deps, await Promise.all(ids.map(async (id) => await getCommand(deps.db, id))))
      return reply.code(202).send({ commands })
    },
  )

  /** What this very request has changed before. */
  async function repeatedOf(caller: Account, id: number, key: string): Promise<Command | undefined> {
    return await repeatedChange(deps.db, (await visibleCommand(deps, caller, id)).id, key)
  }

  async function note(caller: Account, action: string, subject: number): Promise<void> {
    await audit(deps.db, { at: deps.clock.now(), actor: caller.name, action, subject: String(subject) })
  }
}

function changeKey(caller: Account, what: CommandChange, request: FastifyRequest): string | null {
  const key = idempotencyKeyOf(request)
  return key === undefined ? null : digestOf(caller.name, what, key)
}
