import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { accountNames } from '../../accounts/store.ts'
import { AppError } from '../../base/errors.ts'
import { type ClusterRow, listClusters } from '../../clusters/cluster-rows.ts'
import { presentDeployments } from '../../deployments/store.ts'
import type { Node } from '../../status/objects.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const clusterView = z
  .object({
    name: z.string().describe('as services name it in their parameter `cluster`'),
    state: z.enum(['making', 'ready', 'removing']),
    provider: z.string(),
    since: z.iso.datetime(),
    machines: z
      .object({ all: z.int(), ready: z.int() })
      .optional()
      .describe('left out where the cluster could not be asked'),
    apiServer: z.string().optional().describe('for admins'),
    account: z.string().optional().describe('that it was ordered for; for admins'),
    tenants: z.array(z.string()).optional().describe('accounts that have a place there; for admins'),
  })
  .meta({ id: 'Cluster' })
type ClusterView = z.infer<typeof clusterView>

/** Clusters beside the site's own: all for admins, for others those where they have a place. */
export function clusterRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    '/api/v2/clusters',
    {
      schema: {
        tags: ['clusters'],
        summary: 'List the clusters beside the site’s own; users see those where they have a place',
        operationId: 'listClusters',
        response: { 200: z.object({ clusters: z.array(clusterView) }), '4xx': errorBody, '5xx': errorBody },
      },
    },
    async (request) => ({ clusters: await show(deps, await signIn.account(request)) }),
  )
}

async function show(deps: ApiDeps, caller: Account): Promise<ClusterView[]> {
  const rows = await listClusters(deps.db)
  if (rows.length === 0) return []
  const tenants = await presentDeployments(deps.db, ['tenant'])
  const nodes = await nodesOf(deps)
  const isAdmin = caller.role === 'admin'
  const seen = isAdmin
    ? rows
    : rows.filter(({ name }) => tenants.some((one) => one.instance === name && one.accountId === caller.id))
  const placed = (name: string) => tenants.filter((one) => one.instance === name).map((one) => one.accountId)
  const names = isAdmin
    ? await accountNames(deps.db, [...rows.map(({ account }) => account), ...tenants.map((one) => one.accountId)])
    : undefined
  return seen.map((row) => ({
    ...facts(row, nodes),
    ...(names === undefined
      ? {}
      : {
          ...(row.apiServer === undefined ? {} : { apiServer: row.apiServer }),
          ...nameOf(names.get(row.account)),
          tenants: placed(row.name).flatMap((id) => names.get(id) ?? []),
        }),
  }))
}

function nameOf(account: string | undefined) {
  return account === undefined ? {} : { account }
}

function facts({ name, state, provider, since }: ClusterRow, nodes: readonly Node[] | undefined): ClusterView {
  const own = nodes?.filter(({ cluster }) => cluster === name) ?? []
  const machines = { all: own.length, ready: own.filter(({ ready }) => ready === 'True').length }
  return {
    name,
    state,
    provider,
    since: new Date(since).toISOString(),
    ...(own.length === 0 ? {} : { machines }),
  }
}

/** Rows are told also where nothing can be looked at. */
async function nodesOf({ status }: ApiDeps): Promise<readonly Node[] | undefined> {
  try {
    return await status.nodes()
  } catch (error) {
    if (error instanceof AppError && error.kind === 'unavailable') return undefined
    throw error
  }
}
