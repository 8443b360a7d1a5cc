import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { quantity } from '../../base/quantity.ts'
import { ownerOfPool, POOL_LABEL } from '../../clusters/nodepool.ts'
import type { Node } from '../../status/objects.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const nodeView = z
  .object({
    name: z.string(),
    cluster: z.string().optional().describe('left out of the site’s own'),
    role: z.string().describe('- where it has none'),
    ready: z.enum(['True', 'False', 'Unknown']).describe('as Kubernetes says it: Unknown was not heard of'),
    cores: z.number(),
    memoryBytes: z.number(),
    pool: z.string().optional().describe('that somebody ordered'),
    account: z.string().optional().describe('whose pool it is'),
  })
  .meta({ id: 'Node' })

/** The machines of all clusters: for admins. */
export function nodeRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    '/api/v2/nodes',
    {
      schema: {
        tags: ['clusters'],
        summary: 'List the nodes of the site’s cluster and of those beside it, for admins',
        operationId: 'listNodes',
        response: { 200: z.object({ nodes: z.array(nodeView) }), '4xx': errorBody, '5xx': errorBody },
      },
    },
    async (request) => {
      await signIn.admin(request)
      return { nodes: (await deps.status.nodes()).map(show) }
    },
  )
}

function show({ name, cluster, role, ready, capacity, labels }: Node): z.infer<typeof nodeView> {
  const owner = ownerOfPool(labels[POOL_LABEL])
  return {
    name,
    ...(cluster === undefined ? {} : { cluster }),
    role,
    ready,
    cores: quantity(capacity['cpu']),
    memoryBytes: quantity(capacity['memory']),
    ...(owner === undefined ? {} : { pool: owner.name, account: owner.account }),
  }
}
