import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { findAccountById } from '../../accounts/store.ts'
import { AppError } from '../../base/errors.ts'
import { managedAccount } from '../access.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'
import { signUpFor } from '../sign-up.ts'

const path = '/admin/api/v2/auth/signup'

/** The original's sign-up by a program of staff, for others. Names are taken and not kept: nothing shows them. */
const wish = z.object({
  email: z.string().max(400),
  password: z.string().max(1000),
  first_name: z.string().max(400).optional(),
  last_name: z.string().max(400).optional(),
})

export function compatSignUp(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(path, { schema: { hide: true, body: wish } }, async (request, reply) => {
    const caller = await signIn.granted(request, 'accounts:create')
    if (!deps.site.signUp.api) {
      throw new AppError('forbidden', 'api-sign-up-closed', 'this site makes no accounts by API sign-up')
    }
    const { email, password } = request.body
    const account = await signUpFor(deps, caller, { email, password })
    return reply.code(201).header('location', uriOf(account)).send(show(account))
  })

  app.get<{ Params: { id: string } }>(`${path}/:id`, { schema: { hide: true } }, async (request) => {
    const caller = await signIn.account(request)
    const id = Number(request.params.id)
    const account = Number.isSafeInteger(id) ? await findAccountById(deps.db, id) : undefined
    if (account === undefined) {
      throw new AppError('not-found', 'account-unknown', `there is no sign-up ${JSON.stringify(request.params.id)}`)
    }
    return show(caller.id === id ? account : await managedAccount(deps, caller, account.name, 'accounts:read'))
  })
}

function show(account: Account) {
  const { id, name, email, active, mailConfirmed } = account
  return { id, resource_uri: uriOf(account), username: name, email, is_active: active, email_verified: mailConfirmed }
}

function uriOf({ id }: Account): string {
  return `${path}/${id}/`
}
