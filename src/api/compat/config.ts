import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Account, mayImpersonate } from '../../accounts/account.ts'
import { audit } from '../../accounts/audit.ts'
import { accountUnknown, findByUserWord } from '../../accounts/user-word.ts'
import { AppError } from '../../base/errors.ts'
import { configFor } from '../../deployments/config.ts'
import type { ApiDeps, Side } from '../deps.ts'
import { ownService, serviceOf } from '../service-of.ts'
import type { SignIn } from '../sign-in.ts'

interface ConfigQuery {
  readonly qualifier?: string
  readonly view?: string
  readonly user?: string
}

/**
 * `GET /api/v1/config/`: the omega-ml client's only way to its credentials, called once per task of every worker.
 * The client reads `objects[0].data` of a 200 and nothing else.
 */
export function configRoute(app: FastifyInstance, deps: ApiDeps, side: Side, signIn: SignIn): void {
  app.get<{ Querystring: ConfigQuery }>('/api/v1/config', { schema: { hide: true } }, async (request, reply) => {
    const caller = await signIn.account(request)
    const { view, user } = request.query
    const inCluster = isYes(view)
    if (side === 'public' && (inCluster || user !== undefined)) {
      throw new AppError('forbidden', 'internal-only', 'view=1 and user= are answered inside the cluster only')
    }
    const subject = await subjectOf(deps, caller, one(user))
    const data = await configOf(deps, subject, qualifierOf(request), inCluster)
    void reply.header('cache-control', 'no-store')
    return {
      meta: { limit: 20, next: null, offset: 0, previous: null, total_count: 1 },
      objects: [{ resource_uri: '', data }],
    }
  })
}

async function configOf(deps: ApiDeps, subject: Account, asked: string, inCluster: boolean) {
  const own = await ownService(deps, subject)
  const { settings, qualifier } = await serviceOf(deps, subject, own, asked)
  const qualifiers = [...Object.keys(own?.qualifiers ?? {}), ...(await deps.memberships.groupsOf(subject.id))]
  const apikey = await deps.accounts.rememberedApiKey(subject)
  const { site } = deps
  return configFor({ userid: subject.name, apikey, settings, site, qualifier, asked, qualifiers, inCluster })
}

/** Whose config it is. Reading another's is the right of machines, and written down. */
async function subjectOf(deps: ApiDeps, caller: Account, user: string | undefined): Promise<Account> {
  if (user === undefined) return caller
  const target = await findByUserWord(deps.db, caller, user)
  if (target?.id === caller.id) return caller
  // Who may not read it does not learn whether there is one.
  if (!caller.rights.includes('config:impersonate')) throw notAllowed(user)
  if (target === undefined) throw accountUnknown(user)
  if (!mayImpersonate(caller, target)) throw notAllowed(user)
  await audit(deps.db, { at: deps.clock.now(), actor: caller.name, action: 'config.impersonate', subject: target.name })
  return target
}

function notAllowed(user: string): AppError {
  return new AppError('forbidden', 'not-your-config', `the config of ${JSON.stringify(user)} is not yours to read`)
}

/** The header counts first; `default`, which the client sends when it knows none, gives way to the query. */
export function qualifierOf(request: FastifyRequest<{ Querystring: { readonly qualifier?: string } }>): string {
  const header = one(request.headers['qualifier'])
  const query = one(request.query.qualifier)
  const named = [header, query].filter((word) => word !== undefined && word !== '' && word !== 'None')
  return named.find((word) => word !== 'default') ?? 'default'
}

function isYes(value: string | string[] | undefined): boolean {
  return ['yes', 'y', 't', 'true', '1'].includes((one(value) ?? '').toLowerCase())
}

/** A repeated parameter or header counts by its first value. */
function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
