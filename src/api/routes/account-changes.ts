import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  accountChange,
  accountView,
  createdKey,
  emailWish,
  keyView,
  newKey,
  openedAccount,
  passwordChange,
} from '../../accounts/contract.ts'
import { listKeys } from '../../accounts/key-store.ts'
import { accountFor, managedAccount, namedAccount, ownAccount } from '../access.ts'
import { activateAccount, approveAccount, changeRole, deactivateAccount, rejectAccount } from '../account-state.ts'
import { showAccount, showOpened } from '../account-views.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import { changeHeaders, ifMatchOf } from '../etag.ts'
import type { Guessing } from '../guessing.ts'
import { addKey, revokeKey, showKey } from '../key-cases.ts'
import { changePassword, requestMailChange } from '../password-cases.ts'
import type { SignIn } from '../sign-in.ts'
import { digestOf, idempotencyKeyOf, orderHeaders } from './headers.ts'

const tags = ['accounts']
const byName = z.object({ name: z.string().max(200) })
const problems = { '4xx': errorBody, '5xx': errorBody }

/** What becomes of an account: its state, its role, its ways in. */
export function accountChangeRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn, guessing: Guessing): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  const steps = [
    { word: 'approve', summary: 'Open an account that waits for approval', work: approveAccount },
    { word: 'deactivate', summary: 'End every way into an account; its data stays', work: deactivateAccount },
    { word: 'activate', summary: 'Let a deactivated account in again', work: activateAccount },
  ] as const
  for (const { word, summary, work } of steps) {
    app.post(
      `/api/v2/accounts/:name/${word}`,
      {
        schema: {
          tags,
          summary,
          operationId: `${word}Account`,
          params: byName,
          response: { 200: openedAccount, ...problems },
        },
      },
      async (request) => {
        const caller = await signIn.account(request)
        const account = await managedAccount(deps, caller, request.params.name, 'accounts:update')
        return await showOpened(deps, await work(deps, caller, account))
      },
    )
  }

  app.post(
    '/api/v2/accounts/:name/reject',
    {
      schema: {
        tags,
        summary: 'Refuse an account that waits for approval; it is gone then',
        operationId: 'rejectAccount',
        params: byName,
        response: { 204: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      await rejectAccount(deps, caller, await managedAccount(deps, caller, request.params.name, 'accounts:update'))
      return reply.code(204).send(null)
    },
  )

  app.patch(
    '/api/v2/accounts/:name',
    {
      schema: {
        tags,
        summary: 'Change what a person is and may do; for admins',
        operationId: 'changeAccount',
        headers: changeHeaders,
        params: byName,
        body: accountChange,
        response: { 200: accountView, ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.admin(request)
      const account = await namedAccount(deps, request.params.name)
      return await showAccount(deps, await changeRole(deps, caller, account, request.body, ifMatchOf(request)))
    },
  )

  app.post(
    '/api/v2/accounts/:name/password',
    {
      schema: {
        tags,
        summary: 'Change one’s own password; every session of the account ends, also this one',
        operationId: 'changePassword',
        params: byName,
        body: passwordChange,
        response: { 204: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      const account = ownAccount(await signIn.account(request), request.params.name)
      await changePassword(deps, guessing, account, request.body, request.ip)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/v2/accounts/:name/email',
    {
      schema: {
        tags,
        summary: 'Change the address, once the new one is confirmed',
        operationId: 'changeEmail',
        params: byName,
        body: emailWish,
        response: { 202: z.object({}), ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const account = await accountFor(deps, caller, request.params.name, 'accounts:update')
      await requestMailChange(deps, caller, account, request.body.email)
      return reply.code(202).send({})
    },
  )

  app.get(
    '/api/v2/accounts/:name/keys',
    {
      schema: {
        tags,
        summary: 'List the API keys of an account, without the keys themselves',
        operationId: 'listKeys',
        params: byName,
        response: { 200: z.object({ keys: z.array(keyView) }), ...problems },
      },
    },
    async (request) => {
      const account = await accountFor(deps, await signIn.account(request), request.params.name, 'accounts:read')
      return { keys: (await listKeys(deps.db, account.id)).map(showKey) }
    },
  )

  app.post(
    '/api/v2/accounts/:name/keys',
    {
      schema: {
        tags,
        summary:
          'Make another API key of one’s own; it is told once. With the same Idempotency-Key none is made: 409 names it',
        operationId: 'createKey',
        params: byName,
        headers: orderHeaders,
        body: newKey,
        response: { 201: createdKey, ...problems },
      },
    },
    async (request, reply) => {
      const account = ownAccount(await signIn.account(request), request.params.name)
      const { name, expiresAt } = request.body
      const sent = idempotencyKeyOf(request)
      const key = await addKey(deps, account, {
        name,
        expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
        idempotencyKey: sent === undefined ? undefined : digestOf(sent),
      })
      return reply.code(201).header('cache-control', 'no-store').send(key)
    },
  )

  app.delete(
    '/api/v2/accounts/:name/keys/:id',
    {
      schema: {
        tags,
        summary: 'Revoke an API key',
        operationId: 'revokeKey',
        params: byName.extend({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
        response: { 204: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const account = await accountFor(deps, caller, request.params.name, 'accounts:update')
      await revokeKey(deps, caller, account, request.params.id)
      return reply.code(204).send(null)
    },
  )
}
