import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { AppError } from '../../base/errors.ts'
import { type AccountStatusView, accountStatusView } from '../../status/contract.ts'
import type { Pod } from '../../status/objects.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import { observedOf } from '../observed.ts'
import type { SignIn } from '../sign-in.ts'
import { podUnknown } from '../../status/status.ts'
import { accountFor } from '../subject.ts'

const ofQualifier = z
  .string()
  .min(1)
  .max(200)
  .default('default')
  .describe('of the account, or the name of a group that it is in')

export function statusRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/api/v2/accounts/:name/status',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Show what runs for an account: pods, workers, size of its database, notebook',
        operationId: 'getAccountStatus',
        params: z.object({ name: z.string().max(200) }),
        querystring: z.object({ qualifier: ofQualifier }),
        response: { 200: accountStatusView, '4xx': errorBody, '5xx': errorBody },
      },
    },
    async (request, reply) => {
      const account = await accountFor(deps, await signIn.account(request), request.params.name, 'see')
      void reply.header('cache-control', 'no-store')
      return await showStatus(deps, account, request.query.qualifier)
    },
  )

  app.get(
    '/api/v2/accounts/:name/pods/:pod/log',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Show what a pod of an account says',
        operationId: 'getPodLog',
        params: z.object({ name: z.string().max(200), pod: z.string().max(253) }),
        querystring: z.object({
          qualifier: ofQualifier,
          seconds: z.coerce.number().int().min(1).max(604_800).default(3_600).describe('how far back, in seconds'),
        }),
        response: {
          200: z.object({ text: z.string().describe('4 MB at most, said at its end when it is cut') }),
          '4xx': errorBody,
          '5xx': errorBody,
        },
      },
    },
    async (request, reply) => {
      const { name, pod } = request.params
      const account = await accountFor(deps, await signIn.account(request), name, 'see')
      const { namespace } = await observedOf(deps, account, request.query.qualifier)
      void reply.header('cache-control', 'no-store')
      if (namespace === undefined) throw podUnknown(pod)
      return { text: await deps.status.podLog(namespace, pod, request.query.seconds) }
    },
  )
}

type Problem = AccountStatusView['problems'][number]

/** Parts fail one by one: a broker that is away hides no pods. */
async function showStatus(deps: ApiDeps, account: Account, word: string): Promise<AccountStatusView> {
  const { namespace, qualifier } = await observedOf(deps, account, word)
  const problems: Problem[] = []
  const asked = async <T>(part: Problem['part'], work: Promise<T>): Promise<T | null> => {
    try {
      return await work
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'unavailable') throw error
      problems.push({ part, message: error.message })
      return null
    }
  }
  const [pods, workers, bytes] = await Promise.all([
    namespace === undefined ? [] : asked('pods', deps.status.pods(namespace)),
    asked('workers', deps.status.workers(qualifier)),
    qualifier === undefined ? null : asked('database', deps.status.databaseBytes(qualifier)),
  ])
  return {
    userid: account.name,
    pods: pods?.map(shown) ?? null,
    workers: workers?.map(({ name, queues }) => ({ name, queues: [...queues] })) ?? null,
    database: bytes === null ? null : { bytes },
    notebook: pods === null ? null : notebookOf(pods),
    problems,
  }
}

function shown({ name, status, ready, node, waiting, cluster }: Pod) {
  const told = { ...(node === undefined ? {} : { node }), ...(waiting === undefined ? {} : { waiting }) }
  const place = cluster === undefined ? {} : { cluster }
  return { name, status, ready, ...told, ...place }
}

function notebookOf(pods: readonly Pod[]): 'running' | 'starting' | 'stopped' {
  const servers = pods.filter(({ notebook, status }) => notebook && status !== 'Terminating')
  if (servers.some(({ ready }) => ready)) return 'running'
  return servers.length > 0 ? 'starting' : 'stopped'
}
