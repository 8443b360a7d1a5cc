import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { accountStates, roles } from '../../accounts/account.ts'
import {
  accountCredentials,
  accountView,
  createdAccount,
  newAccount,
  removal,
  rotatedCredentials,
} from '../../accounts/contract.ts'
import { listAccounts } from '../../accounts/store.ts'
import { accountFor, ownCredentials } from '../access.ts'
import { createAccount, type Delivered, removeAccount, rotateCredentials } from '../account-cases.ts'
import { showAccount, showAccounts, showCredentials } from '../account-views.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'
import { idempotencyKeyOf, orderHeaders } from './headers.ts'

const tags = ['accounts']
const byName = z.object({ name: z.string().max(200) })
const problems = { '4xx': errorBody, '5xx': errorBody }

export function accountRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/api/v2/accounts',
    {
      schema: {
        tags,
        summary: 'Create an account and order its plan',
        operationId: 'createAccount',
        headers: orderHeaders,
        body: newAccount,
        response: { 201: createdAccount, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.granted(request, 'accounts:create')
      const delivered = await createAccount(deps, caller, request.body, idempotencyKeyOf(request))
      void reply.header('location', `/api/v2/accounts/${delivered.account.name}`).header('cache-control', 'no-store')
      return reply.code(201).send(await created(delivered))
    },
  )

  app.get(
    '/api/v2/accounts',
    {
      schema: {
        tags,
        summary: 'List accounts by name',
        operationId: 'listAccounts',
        querystring: z.object({
          after: z.string().max(200).optional().describe('`next` of the page before'),
          role: z.enum(roles).optional(),
          search: z.string().min(1).max(200).optional().describe('part of the name or address'),
          state: z.enum(accountStates).optional(),
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: { 200: z.object({ accounts: z.array(accountView), next: z.string().optional() }), ...problems },
      },
    },
    async (request) => {
      await signIn.granted(request, 'accounts:read')
      const accounts = await listAccounts(deps.db, request.query)
      const last = accounts.length === request.query.limit ? accounts.at(-1)?.name : undefined
      return { accounts: await showAccounts(deps, accounts), ...(last === undefined ? {} : { next: last }) }
    },
  )

  app.get(
    '/api/v2/accounts/:name',
    {
      schema: {
        tags,
        summary: 'Show an account',
        operationId: 'getAccount',
        params: byName,
        response: { 200: accountView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const shown = await showAccount(deps, await accountFor(deps, caller, request.params.name, 'accounts:read'))
      void reply.header('etag', shown.etag)
      return shown
    },
  )

  app.get(
    '/api/v2/accounts/:name/credentials',
    {
      schema: {
        tags,
        summary: 'Show the credentials to their owner; nobody else is told them, not even admins',
        operationId: 'getCredentials',
        params: byName,
        response: { 200: accountCredentials, ...problems },
      },
    },
    async (request, reply) => {
      const account = ownCredentials(await signIn.account(request), request.params.name)
      void reply.header('cache-control', 'no-store')
      return showCredentials(deps, account, await deps.accounts.apiKeyOf(account))
    },
  )

  app.post(
    '/api/v2/accounts/:name/credentials/rotate',
    {
      schema: {
        tags,
        summary: 'Replace the API key at once, and database and broker passwords by the command that is answered',
        operationId: 'rotateCredentials',
        headers: orderHeaders,
        params: byName,
        response: { 200: rotatedCredentials, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const account = await accountFor(deps, caller, request.params.name, 'accounts:update')
      const { apikey, command } = await rotateCredentials(deps, caller, account, idempotencyKeyOf(request))
      void reply.header('cache-control', 'no-store')
      return showCredentials(deps, account, caller.id === account.id ? apikey : undefined, command)
    },
  )

  app.delete(
    '/api/v2/accounts/:name',
    {
      schema: {
        tags,
        summary: 'Remove an account with everything it was given',
        operationId: 'removeAccount',
        params: byName,
        response: { 202: removal, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const { account, command } = await removeAccount(
        deps,
        caller,
        await accountFor(deps, caller, request.params.name, 'accounts:delete'),
      )
      const status = command === undefined ? ('removed' as const) : ('removing' as const)
      const shown = { ...(await showAccount(deps, account)), status }
      return reply.code(202).send({ ...shown, ...(command === undefined ? {} : { command }) })
    },
  )

  async function created({ account, apikey, command }: Delivered) {
    return {
      ...(await showAccount(deps, account)),
      ...(apikey === undefined ? {} : { apikey }),
      ...(command === undefined ? {} : { command }),
    }
  }
}
