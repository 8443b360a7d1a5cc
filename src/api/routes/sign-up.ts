import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  emailWish,
  openedAccount,
  passwordReset,
  signUpAnswer,
  signUpWish,
  tokenWish,
} from '../../accounts/contract.ts'
import { showOpened } from '../account-views.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import { forgotPassword, resetForgotten } from '../password-cases.ts'
import { confirmAddress, nextStep, resendConfirmation, signUp } from '../sign-up.ts'

const tags = ['sign-up']
const security: [] = []
const problems = { '4xx': errorBody, '5xx': errorBody }
/** Of one address; a whole course may sit behind one. */
const config = { rateLimit: { max: 300, timeWindow: '1 minute' } }

/** What needs no sign-in: one's way to an account, and back to one. */
export function signUpRoutes(plain: FastifyInstance, deps: ApiDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/api/v2/signup',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Sign up; the answer is the same whether the address is known or not',
        operationId: 'signUp',
        body: signUpWish,
        response: { 202: signUpAnswer, ...problems },
      },
    },
    async (request, reply) => {
      await signUp(deps, request.body)
      return reply.code(202).send({ next: nextStep(deps.site) })
    },
  )

  app.post(
    '/api/v2/signup/confirm',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Confirm an address by the token that was sent to it: of a sign-up, or the new one of an account',
        operationId: 'confirmAddress',
        body: tokenWish,
        response: { 200: openedAccount, ...problems },
      },
    },
    async (request) => await showOpened(deps, await confirmAddress(deps, request.body.token)),
  )

  app.post(
    '/api/v2/signup/resend',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Send the confirmation again, to who has not confirmed yet',
        operationId: 'resendConfirmation',
        body: emailWish,
        response: { 202: signUpAnswer, ...problems },
      },
    },
    async (request, reply) => {
      await resendConfirmation(deps, request.body.email)
      return reply.code(202).send({ next: nextStep(deps.site) })
    },
  )

  app.post(
    '/api/v2/password/forgot',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Send a link to choose a new password, if somebody has the address',
        operationId: 'forgotPassword',
        body: emailWish,
        response: { 202: z.object({}), ...problems },
      },
    },
    async (request, reply) => {
      await forgotPassword(deps, request.body.email)
      return reply.code(202).send({})
    },
  )

  app.post(
    '/api/v2/password/reset',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Choose a new password by the token that was sent',
        operationId: 'resetPassword',
        body: passwordReset,
        response: { 200: z.object({ userid: z.string() }), ...problems },
      },
    },
    async (request) => ({ userid: (await resetForgotten(deps, request.body)).name }),
  )
}
