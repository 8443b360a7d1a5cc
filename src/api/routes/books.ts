import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { comparedAt, type Difference, listFindings, type StoredFinding } from '../../books/findings.ts'
import { errorBody } from '../answers.ts'
import { orderComparison, orderMending } from '../books-cases.ts'
import { commandView } from '../command-views.ts'
import type { ApiDeps } from '../deps.ts'
import { viewCommand } from '../show-command.ts'
import type { SignIn } from '../sign-in.ts'

const problems = { '4xx': errorBody, '5xx': errorBody }

const orphanView = z
  .object({
    id: z.int().describe('of this comparison: the next one has others'),
    system: z.string().describe('mongodb, rabbitmq, jupyterhub, kubernetes, helm or terraform'),
    kind: z.string(),
    name: z.string(),
    account: z.string().optional().describe('whose it was, as far as it tells'),
    detail: z.string().describe('how it is known, or why it may be somebody else’s'),
    mendable: z.boolean().describe('surely ours: an order may take it away'),
    holdsData: z.boolean().describe('surely ours, and may be the only copy of somebody’s data: goes only with `data`'),
  })
  .meta({ id: 'Orphan' })

const driftView = z
  .object({
    id: z.int().describe('of this comparison: the next one has others'),
    account: z.string().optional(),
    plan: z.string().optional(),
    instance: z.string().optional(),
    step: z.string(),
    action: z.string(),
    detail: z.string().describe('what differs or is missing'),
    mendable: z.boolean().describe('an order delivers it again'),
  })
  .meta({ id: 'Drift' })

const time = z.iso.datetime().optional().describe('when books and world were compared; left out: never')
const wanted = z.strictObject({ ids: z.array(z.int()).max(10_000).optional().describe('all of them when left out') })
const wantedOrphans = wanted.extend({ data: z.boolean().optional().describe('those too that may hold data') })

/** What is outside without a row, and what is not as delivered: for admins. The engine looks, its findings are read here. */
export function booksRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/api/v2/comparisons',
    {
      schema: {
        tags: ['books'],
        summary: 'Compare the books with the world',
        operationId: 'compareBooks',
        response: { 201: commandView, ...problems },
      },
    },
    async (request, reply: FastifyReply) => {
      const command = await orderComparison(deps, await signIn.admin(request))
      void reply.header('location', `/api/v2/commands/${command.id}`)
      return reply.code(201).send(await viewCommand(deps, command))
    },
  )

  app.get(
    '/api/v2/orphans',
    {
      schema: {
        tags: ['books'],
        summary: 'List what the last comparison saw outside that nobody has',
        operationId: 'listOrphans',
        response: { 200: z.object({ comparedAt: time, orphans: z.array(orphanView) }), ...problems },
      },
    },
    async (request) => {
      await signIn.admin(request)
      return { ...(await timeOf(deps, 'orphan')), orphans: (await listFindings(deps.db, 'orphan')).map(showOrphan) }
    },
  )

  app.get(
    '/api/v2/drift',
    {
      schema: {
        tags: ['books'],
        summary: 'List what the last comparison saw that is not as delivered',
        operationId: 'listDrift',
        response: { 200: z.object({ comparedAt: time, drift: z.array(driftView) }), ...problems },
      },
    },
    async (request) => {
      await signIn.admin(request)
      return { ...(await timeOf(deps, 'drift')), drift: (await listFindings(deps.db, 'drift')).map(showDrift) }
    },
  )

  app.post(
    '/api/v2/orphans/mend',
    {
      schema: {
        tags: ['books'],
        summary: 'Order the removal of orphans that are surely ours',
        operationId: 'mendOrphans',
        body: wantedOrphans,
        response: { 201: z.object({ commands: z.array(commandView), left: z.array(orphanView) }), ...problems },
      },
    },
    async (request, reply) => {
      const { commands, left } = await orderMending(deps, await signIn.admin(request), 'orphan', request.body)
      const views = await Promise.all(commands.map(async (command) => await viewCommand(deps, command)))
      return reply.code(201).send({ commands: views, left: left.map(showOrphan) })
    },
  )

  app.post(
    '/api/v2/drift/mend',
    {
      schema: {
        tags: ['books'],
        summary: 'Order anew what is not as delivered',
        operationId: 'mendDrift',
        body: wanted,
        response: { 201: z.object({ commands: z.array(commandView), left: z.array(driftView) }), ...problems },
      },
    },
    async (request, reply) => {
      const { commands, left } = await orderMending(deps, await signIn.admin(request), 'drift', request.body)
      const views = await Promise.all(commands.map(async (command) => await viewCommand(deps, command)))
      return reply.code(201).send({ commands: views, left: left.map(showDrift) })
    },
  )
}

async function timeOf({ db }: ApiDeps, difference: Difference): Promise<{ comparedAt?: string }> {
  const at = await comparedAt(db, difference)
  return at === undefined ? {} : { comparedAt: new Date(at).toISOString() }
}

function showOrphan(finding: StoredFinding): z.infer<typeof orphanView> {
  const { id, system, kind, name, account, detail, mendable, holdsData = false } = finding
  return { id, system, kind, name, ...(account === undefined ? {} : { account }), detail, mendable, holdsData }
}

function showDrift(finding: StoredFinding): z.infer<typeof driftView> {
  const { id, system, kind, account, plan, instance, detail, mendable } = finding
  return {
    id,
    ...(account === undefined ? {} : { account }),
    ...(plan === undefined ? {} : { plan }),
    ...(instance === undefined ? {} : { instance }),
    step: kind,
    action: system,
    detail,
    mendable,
  }
}
