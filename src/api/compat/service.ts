import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Account, groupAccountName, mayActFor, planOf } from '../../accounts/account.ts'
import { AppError } from '../../base/errors.ts'
import { parseParamText, typedParams } from '../../catalog/param-text.ts'
import { parametersOf } from '../../catalog/parameters.ts'
import { getPlan, type Phase, phases, type Plan } from '../../catalog/plan.ts'
import { accountNames } from '../../accounts/store.ts'
import type { Command } from '../../commands/command.ts'
import { withIssued } from '../../commands/issued.ts'
import { placeOrder } from '../../commands/order.ts'
import { hasQualifier } from '../../deployments/config.ts'
import { pageDeployments } from '../../deployments/store.ts'
import { withoutSecrets } from '../../deployments/contract.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'
import { accountFor } from '../subject.ts'
import { qualifierOf } from './config.ts'
import { visibleCommand } from '../visible-command.ts'

const COMMAND = '/admin/api/v2/service/command'
const DEPLOYMENT = '/admin/api/v2/service/deployment'

interface CommandBody {
  readonly offering: string
  readonly user?: string
  readonly phase: string
  readonly params?: string
}

/**
 * `om cloud add | update | remove`: an order, then the same resource until its status is above 1.
 *
 * The client compares the status as text; a number makes it print "Error 5" for success. Since its 0.16.2 it follows the
 * `Location` of a 201 only, and dies at an ordinary 200: it is answered 201 again and again.
 */
export function serviceRoutes(app: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  app.post(COMMAND, { schema: { hide: true } }, async (request, reply) => {
    const requester = await signIn.account(request)
    const { offering, user, phase, params = '' } = bodyOf(request)
    const account = await orderedFor(deps, requester, user, request)
    const plan = getPlan(deps.plans, offering)
    const command = await placeOrder(deps, {
      plan: plan.plan,
      phase: phaseOf(phase),
      params: paramsOf(plan, params),
      account,
      requester,
    })
    void reply.header('location', locationOf(command.id))
    return reply.code(201).send(await show(deps, command))
  })

  app.get<{ Params: { id: string } }>(`${COMMAND}/:id`, { schema: { hide: true } }, async (request, reply) => {
    const caller = await signIn.account(request)
    const { id } = request.params
    if (!/^\d{1,15}$/.test(id)) throw new AppError('not-found', 'command-unknown', `there is no command ${id}`)
    const command = await visibleCommand(deps, caller, Number(id))
    const isClient = (request.headers['user-agent'] ?? '').startsWith('python-requests/')
    if (isClient) void reply.code(201).header('location', locationOf(command.id))
    return await show(deps, command)
  })

  app.get<{ Querystring: { user__email?: string } }>(DEPLOYMENT, { schema: { hide: true } }, async (request) => {
    const caller = await signIn.account(request)
    const { user__email: email } = request.query
    if (Array.isArray(email)) throw new AppError('invalid', 'request-invalid', 'user__email is given twice')
    const isAll = email === undefined && caller.role === 'admin'
    const account = isAll ? undefined : await subjectOf(deps, caller, email)
    const rows = await pageDeployments(deps.db, { accountId: account?.id, removed: true, limit: 500 })
    const names = await accountNames(
      deps.db,
      rows.map((row) => row.accountId),
    )
    const objects = rows.map(({ id, plan, instance, status, accountId }) => ({
      id,
      resource_uri: `${DEPLOYMENT}/${id}/`,
      name: plan,
      instance,
      user: names.get(accountId) ?? '',
      status: String(status),
    }))
    const meta = { limit: 500, next: null, offset: 0, previous: null, total_count: objects.length }
    return { meta, objects }
  })
}

function locationOf(id: number): string {
  return `${COMMAND}/${id}/`
}

async function show(deps: ApiDeps, command: Command) {
  const { id, plan, phase, params, subject, status, message } = (await withIssued(deps.db, command)).whole
  const names = await accountNames(deps.db, subject === undefined ? [] : [subject])
  return {
    id,
    resource_uri: locationOf(id),
    offering: plan,
    user: names.get(subject ?? -1) ?? '',
    phase,
    params: Object.entries(withoutSecrets(params, deps.plans.get(plan)))
      .map(([name, value]) => `${name}=${textOf(value)}`)
      .join(','),
    status: String(status),
    ...(message === undefined ? {} : { message }),
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(';')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function bodyOf(request: FastifyRequest): CommandBody {
  const body = (request.body ?? {}) as Record<string, unknown>
  const problems: { field: string; value?: unknown; problem: string }[] = []
  for (const field of ['offering', 'phase']) {
    if (typeof body[field] !== 'string' || body[field] === '') problems.push({ field, problem: 'must be a word' })
  }
  for (const field of ['user', 'params']) {
    if (body[field] !== undefined && body[field] !== null && typeof body[field] !== 'string')
      problems.push({ field, value: body[field], problem: 'must be a text' })
  }
  if (problems.length > 0) {
    const words = problems.map(({ field, problem }) => `${field} ${problem}`)
    throw new AppError('invalid', 'request-invalid', words.join('; '), { details: { errors: problems } })
  }
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => typeof value === 'string'),
  ) as unknown as CommandBody
}

/** The documentation says `remove`, the client `uninstall`. */
function phaseOf(text: string): Phase {
  const word = text === 'uninstall' ? 'remove' : text
  const phase = phases.find((one) => one === word)
  if (phase !== undefined) return phase
  const right = [...phases, 'uninstall'].join(', ')
  throw new AppError('invalid', 'order-invalid', `phase ${JSON.stringify(text.slice(0, 60))} must be one of ${right}`, {
    details: { errors: [{ field: 'phase', value: text.slice(0, 60), problem: `must be one of ${right}` }] },
  })
}

/** The client always says a provider, mostly an empty one. */
function paramsOf(plan: Plan, text: string): Record<string, unknown> {
  return typedParams(plan.parameters, dropUnknownProvider(plan, parseParamText(text)))
}

function dropUnknownProvider(plan: Plan, texts: Record<string, string>): Record<string, string> {
  const { provider, ...rest } = texts
  if (provider === undefined || provider === '') return rest
  if (parametersOf(plan.parameters)['provider'] !== undefined) return texts
  const problem = `can't be chosen for plan ${plan.plan}: leave it empty`
  throw new AppError('invalid', 'order-invalid', `provider ${JSON.stringify(provider)} ${problem}`, {
    details: { errors: [{ field: 'params.provider', value: provider, problem }] },
  })
}

/** Under a group's qualifier an order is for the group, by its owners; else for whom it says. */
async function orderedFor(
  deps: ApiDeps,
  caller: Account,
  user: string | undefined,
  request: FastifyRequest,
): Promise<Account> {
  const account = await subjectOf(deps, caller, user)
  const qualifier = qualifierOf(request as Parameters<typeof qualifierOf>[0])
  if (qualifier === 'default' || account.id !== caller.id) return account
  const own = await deps.deployments.servedSettings(account.id, planOf(account) ?? '')
  if (own !== undefined && hasQualifier(own, qualifier)) return account
  return await accountFor(deps, caller, groupAccountName(qualifier.split(':')[0] ?? ''), 'order')
}

/** Whom it is about: by name, mail address, or `jwt[:name]` of whoever signed in with a token. */
async function subjectOf(deps: ApiDeps, caller: Account, user: string | undefined): Promise<Account> {
  if (user === undefined || user === '' || user === 'jwt') return caller
  const name = user.replace(/^jwt:/, '')
  if (name === caller.name || name.toLowerCase() === caller.email) return caller
  if (!mayActFor(caller, name)) throw notYours(user)
  const byMail = name.includes('@') ? await nameOfMail(deps, name) : name
  return await deps.accounts.get(deps.db, byMail)
}

async function nameOfMail({ db }: ApiDeps, mail: string): Promise<string> {
  const row = await db.selectFrom('accounts').select('name').where('email', '=', mail.toLowerCase()).executeTakeFirst()
  return row?.name ?? mail
}

function notYours(user: string): AppError {
  return new AppError('forbidden', 'not-your-account', `account ${JSON.stringify(user.slice(0, 200))} is not yours`, {
    details: { field: 'user', value: user.slice(0, 200) },
  })
}
