import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiDeps } from '../deps.ts'
import { noService } from '../../deployments/config.ts'
import { observedOf } from '../observed.ts'
import type { SignIn } from '../sign-in.ts'
import { podUnknown } from '../../status/status.ts'
import { qualifierOf } from './config.ts'
import {
  type DashboardCall,
  databaseBody,
  failedBody,
  metricBody,
  nodesBody,
  podsBody,
  runtimeBody,
} from './dashboard-shapes.ts'
import { metricOf, rangeOf } from './metrics.ts'
import { one, secondsOf } from './words.ts'

type Asked = FastifyRequest<{ Querystring: Record<string, string | string[] | undefined> & { qualifier?: string } }>

const BASE = '/apps/omops/dashboard/api/v1'
const LOG_SECONDS = 300

/**
 * Status, metrics and logs as `om cloud status|metrics|log` read them, below the path that the client has built in. It
 * asks a host name of its own, too: whoever points that here is answered alike.
 */
export function dashboardRoutes(app: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const { status } = deps

  function answer(call: DashboardCall, path: string, body: (asked: Asked, who: Caller) => Promise<object>): void {
    const options = {
      schema: { hide: true },
      preSerialization: async (_request: unknown, reply: { statusCode: number }, payload: unknown) =>
        reply.statusCode < 400 ? payload : { ...(payload as object), ...failedBody(call, messageOf(payload)) },
    }
    app.get(`${BASE}/${path}`, options, async (request, reply) => {
      void reply.header('cache-control', 'no-store')
      return await body(request as Asked, await callerOf(request as Asked))
    })
  }

  async function callerOf(request: Asked) {
    const account = await signIn.account(request)
    return { account, ...(await observedOf(deps, account, qualifierOf(request))) }
  }
  type Caller = Awaited<ReturnType<typeof callerOf>>

  answer('runtime', 'status/runtime', async (_asked, { qualifier }) => runtimeBody(await status.workers(qualifier)))

  answer('pods', 'status/pods', async (_asked, { namespace }) =>
    podsBody(namespace === undefined ? [] : await status.pods(namespace)),
  )

  answer('nodes', 'status/nodes', async (_asked, { account }) =>
    nodesBody(await status.nodes(), account.role === 'admin'),
  )

  answer('dbsize', 'status/dbsize', async (asked, { account, qualifier }) => {
    if (qualifier === undefined) throw noService(account.name, qualifierOf(asked))
    return databaseBody(await status.databaseBytes(qualifier))
  })

  answer('metrics', 'metrics/:name', async (asked, caller) => {
    const { name } = asked.params as { name: string }
    const range = rangeOf(asked.query, deps.clock.now())
    return metricBody(await metricOf(name, status, caller, range), range !== undefined)
  })

  answer('logs', 'logs/:pod', async (asked, { namespace }) => {
    const { pod } = asked.params as { pod: string }
    const seconds = Math.ceil(secondsOf('since', one(asked.query['since']), LOG_SECONDS))
    if (namespace === undefined) throw podUnknown(pod)
    return { entries: await status.podLog(namespace, pod, seconds) }
  })
}

/** Of our errors' body, in whichever of its forms. */
function messageOf(body: unknown): string {
  const { detail, error } = body as { detail?: unknown; error?: { message?: unknown } }
  const message = detail ?? error?.message
  return typeof message === 'string' ? message : 'the request failed inside the service'
}
