import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { accountNames } from '../../accounts/store.ts'
import { audit } from '../../accounts/audit.ts'
import { AppError } from '../../base/errors.ts'
import type { Command } from '../../commands/command.ts'
import { listSteps } from '../../commands/progress.ts'
import { retryCommand } from '../../commands/retry.ts'
import { getCommand, listCommands } from '../../commands/store.ts'
import { undoCommand } from '../../commands/undo.ts'
import { errorBody } from '../answers.ts'
import { commandDetails, commandView, showCommand, showStep } from '../command-views.ts'
import type { ApiDeps } from '../deps.ts'
import { ensureDeployments } from '../ensure-deployments.ts'
import type { SignIn } from '../sign-in.ts'
import { subjectOf } from '../subject.ts'

const tags = ['commands']
const byId = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) })
const problems = { '4xx': errorBody, '5xx': errorBody }

export function commandRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  async function show(command: Command) {
    const names = await accountNames(deps.db, command.subject === undefined ? [] : [command.subject])
    return showCommand(command, command.subject === undefined ? undefined : names.get(command.subject))
  }

  app.get(
    '/api/v2/commands',
    {
      schema: {
        tags,
        summary: 'List orders, newest first; users see their own',
        operationId: 'listCommands',
        querystring: z.object({
          account: z.string().max(200).optional(),
          state: z.enum(['waiting', 'running', 'done', 'failed']).optional(),
          before: z.coerce.number().int().optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: { 200: z.object({ commands: z.array(commandView) }), ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      const { account, state, before, limit } = request.query
      const subject = await subjectOf(deps, caller, account)
      const commands = await listCommands(deps.db, {
        limit,
        ...(subject === undefined ? {} : { subject }),
        ...(state === undefined ? {} : { state }),
        ...(before === undefined ? {} : { before }),
      })
      const names = await accountNames(
        deps.db,
        commands.flatMap((command) => command.subject ?? []),
      )
      return { commands: commands.map((command) => showCommand(command, names.get(command.subject ?? -1))) }
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
      const command = await visible(await signIn.account(request), request.params.id)
      const steps = await listSteps(deps.db, command.id)
      return { ...(await show(command)), steps: await Promise.all(steps.map((step) => showStep(deps.db, step))) }
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
        response: { 202: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.admin(request)
      const command = await retryCommand(deps.db, request.params.id, () => deps.clock.now())
      await note(caller, 'command.retry', command.id)
      return reply.code(202).send(await show(command))
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
      const caller = await signIn.admin(request)
      const command = await undoCommand(deps.db, request.params.id, caller.name, () => deps.clock.now())
      await note(caller, 'command.undo', request.params.id)
      return reply.code(202).send(await show(command))
    },
  )

  app.post(
    '/api/v2/deployments/ensure',
    {
      schema: {
        tags: ['deployments'],
        summary: 'Make sure of what every active account was delivered, as after a restored site',
        operationId: 'ensureDeployments',
        response: { 202: z.object({ commands: z.array(commandView) }), ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.admin(request)
      const ids = await ensureDeployments(deps, caller)
      await note(caller, 'deployments.ensure', ids.length)
      const commands = await Promise.all(ids.map(async (id) => await show(await getCommand(deps.db, id))))
      return reply.code(202).send({ commands })
    },
  )

  /** Of others' orders one does not even learn that they exist. */
  async function visible(caller: Account, id: number): Promise<Command> {
    const command = await getCommand(deps.db, id)
    if (caller.role === 'admin' || command.subject === caller.id) return command
    throw new AppError('not-found', 'command-unknown', `there is no command ${id}`, { details: { id } })
  }

  async function note(caller: Account, action: string, subject: number): Promise<void> {
    await audit(deps.db, { at: deps.clock.now(), actor: caller.name, action, subject: String(subject) })
  }
}
