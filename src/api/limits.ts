import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Account } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'

/** What an account may ask per minute, by name as in `site.limits`. */
export type LimitName = keyof SiteFacts['limits']

const WINDOW_S = 60
/** Accounts whose requests are counted at the same time; those that have been silent longest are forgotten first. */
const MOST_COUNTED = 20_000

/** The limit that a request counts against. `route` is its path as it was declared. */
export function limitOf(method: string, route: string): LimitName {
  // The hot path of workers: one call per task.
  if (route.startsWith('/api/v1/config')) return 'config'
  if (method !== 'GET' && method !== 'HEAD') return 'orders'
  // Each of these asks the cluster, the broker or a database.
  if (/\/(status|metrics|logs)(\/|$)/.test(route)) return 'status'
  return /^\/(api\/v2\/commands|admin\/api\/v2\/service\/command)(\/|$)/.test(route) ? 'commands' : 'requests'
}

/** Machines serve everybody, and admins work on everybody: neither is one account's share. */
export function isLimited({ role }: Pick<Account, 'role'>): boolean {
  return role !== 'machine' && role !== 'admin'
}

export type CountRequest = (request: FastifyRequest, account: Account) => Promise<void>

/** Counts requests of an account, in this process; throws when it asks more often than the site lets it. */
export function createLimits(app: FastifyInstance, { limits }: Pick<SiteFacts, 'limits'>): CountRequest {
  const callers = new WeakMap<FastifyRequest, number>()
  const names = Object.keys(limits) as LimitName[]
  const counters = names.map((name) => {
    const keyGenerator = (request: FastifyRequest) => String(callers.get(request))
    const options = { max: limits[name], timeWindow: WINDOW_S * 1000, keyGenerator, cache: MOST_COUNTED }
    return [name, app.createRateLimit(options)] as const
  })
  const counterOf = new Map(counters)

  return async (request, account) => {
    const limit = limitOf(request.method, request.routeOptions.url ?? '')
    // A request is one, however often it asks who it is from. Zero: no limit.
    if (!isLimited(account) || limits[limit] === 0 || callers.has(request)) return
    callers.set(request, account.id)
    const count = await counterOf.get(limit)?.(request)
    if (count === undefined || count.isAllowed || !count.isExceeded) return
    throw exceeded(limit, limits[limit], count.ttlInSeconds)
  }
}

function exceeded(limit: LimitName, max: number, retryAfterSeconds: number): AppError {
  return new AppError(
    'unavailable',
    'too-many-requests',
    `limit ${limit}: an account may ask ${max} times in ${WINDOW_S} s; wait ${retryAfterSeconds} s`,
    { details: { limit, max, windowSeconds: WINDOW_S, retryAfterSeconds } },
  )
}
