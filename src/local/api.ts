import { timingSafeEqual } from 'node:crypto'
import { cpus, totalmem } from 'node:os'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError, type ErrorKind, explain, kindOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { checkClusterName, type ClusterOrder, clusterOrder, processOrder } from './cluster.ts'
import type { Clusters } from './clusters.ts'
import { blobsOrder, checkRepository, linkBlobs } from './registry-blobs.ts'
import { checkMachineName, machineOrder } from './machine.ts'
import type { Caller } from './supervisor.ts'
import { clusterView, machineView } from './views.ts'
import { volumeOrder } from './volumes.ts'

/** What the engine in the cluster may order at most, of all clusters together; an account's home folder is a volume. */
const caps = { clusters: 3, machines: 20, volumes: 5000 } as const

const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  unavailable: 503,
  bug: 500,
}

/** The whole API, for whoever may open the socket: the operator. */
export function operatorApi(clusters: Clusters, log: Log): FastifyInstance {
  const app = newApp(log)
  app.get('/v1/status', () => statusView(clusters))
  app.get('/v1/clusters', () => ({ items: clusters.list().map(clusterView) }))
  app.put<MachineParams>('/v1/clusters/:cluster/processes/:name', async ({ params, body }) => {
    const { cluster, name } = params
    return clusterView(
      await clusters.of(cluster).putProcess(cluster, checkMachineName(name), parse(processOrder, body)),
    )
  })
  app.put<MachineParams>('/v1/clusters/:cluster/blobs/:name', ({ params, body }) => {
    const { cluster, name } = params
    linkBlobs(clusters.of(cluster).paths.registry, checkRepository(name), parse(blobsOrder, body))
    return {}
  })
  orderRoutes(app, clusters, 'operator')
  return app
}

/** Machines, volumes and clusters of its own only, with a token and within limits, for the engine in the first cluster. */
export function gatewayApi(
  clusters: Clusters,
  token: string,
  tls: { key: string; cert: string },
  log: Log,
): FastifyInstance {
  const app = newApp(log, tls)
  app.addHook('onRequest', async (request) => checkToken(request, token))
  orderRoutes(app, clusters, 'service')
  return app
}

interface Named {
  Params: { name: string }
}

interface MachineParams {
  Params: { cluster: string; name: string }
}

function orderRoutes(app: FastifyInstance, clusters: Clusters, caller: Caller): void {
  clusterRoutes(app, clusters, caller)
  volumeRoutes(app, clusters, caller)
  const mine = ({ cluster, name }: MachineParams['Params']) => {
    const keeper = clusters.of(cluster)
    const found = keeper.listMachines().find(({ record }) => record.name === name)
    checkOwner(caller, found?.record.orderedBy, `machine ${name}`)
    return { keeper, found }
  }
  app.get<{ Params: { cluster: string } }>('/v1/clusters/:cluster/machines', ({ params }) => {
    const keeper = clusters.of(params.cluster)
    const cluster = keeper.getCluster(params.cluster)
    return { items: keeper.listMachines().map((machine) => machineView(cluster, machine)) }
  })
  app.put<MachineParams>('/v1/clusters/:cluster/machines/:name', ({ params, body }, reply) => {
    const { cluster, name } = params
    const { keeper, found } = mine(params)
    const own = clusters.machines().filter((one) => one.record.orderedBy === 'service' && one !== found)
    if (caller === 'service') checkCap('machines', own.length)
    const machine = keeper.putMachine(cluster, checkMachineName(name), parse(machineOrder, body), caller)
    const view = machineView(keeper.getCluster(cluster), machine)
    return reply.status(machine.progress.state === 'ready' ? 200 : 202).send(view)
  })
  app.get<MachineParams>('/v1/clusters/:cluster/machines/:name', ({ params: { cluster, name } }) => {
    const keeper = clusters.of(cluster)
    return machineView(keeper.getCluster(cluster), keeper.getMachine(name))
  })
  app.delete<MachineParams>('/v1/clusters/:cluster/machines/:name', ({ params }, reply) => {
    const { keeper } = mine(params)
    const machine = keeper.deleteMachine(params.cluster, params.name)
    return reply.status(202).send(machineView(keeper.getCluster(params.cluster), machine))
  })
}

/** A cluster's credentials are told to whoever ordered it, and to the operator. */
function clusterRoutes(app: FastifyInstance, clusters: Clusters, caller: Caller): void {
  const checkMine = (name: string) => {
    const found = clusters.find(name)
    checkOwner(caller, found === undefined ? undefined : (found.orderedBy ?? 'operator'), `cluster ${name}`)
  }
  app.put<Named>('/v1/clusters/:name', async ({ params, body }, reply) => {
    const name = checkClusterName(params.name)
    checkMine(name)
    const order = parse(clusterOrder, body)
    if (caller === 'service') checkServiceCluster(clusters, name, order)
    const cluster = await clusters.put(name, order, caller)
    return reply.status(cluster.progress.state === 'ready' ? 200 : 202).send(clusterView(cluster))
  })
  app.get<Named>('/v1/clusters/:name', ({ params }) => {
    checkMine(params.name)
    return clusterView(clusters.of(params.name).getCluster(params.name))
  })
  app.delete<Named>('/v1/clusters/:name', ({ params }, reply) => {
    checkMine(params.name)
    return reply.status(202).send(clusterView(clusters.delete(params.name)))
  })
}

/** Ports of the host and volumes of the operator's are not the service's to give. */
function checkServiceCluster(clusters: Clusters, name: string, { ports, volumes }: ClusterOrder): void {
  const own = clusters.list().filter(({ record }) => record.orderedBy === 'service' && record.name !== name)
  checkCap('clusters', own.length)
  for (const [field, given] of Object.entries({ ports, volumes })) {
    if (given.length === 0) continue
    const text = `${field} of a cluster are the operator's to order: leave them out`
    throw new AppError('forbidden', 'operator-only', text, { details: { field } })
  }
}

function volumeRoutes(app: FastifyInstance, clusters: Clusters, caller: Caller): void {
  const { volumes } = clusters
  app.get('/v1/volumes', () => ({ items: volumes.list() }))
  app.get<Named>('/v1/volumes/:name', ({ params }) => volumes.get(params.name))
  app.put<Named>('/v1/volumes/:name', ({ params, body }) => {
    checkOwner(caller, volumes.find(params.name)?.orderedBy, `volume ${params.name}`)
    const own = volumes.list().filter(({ name, orderedBy }) => orderedBy === 'service' && name !== params.name)
    if (caller === 'service') checkCap('volumes', own.length)
    return clusters.putVolume(params.name, parse(volumeOrder, body).sizeGb, caller)
  })
  app.delete<Named & { Querystring: { force?: string } }>('/v1/volumes/:name', async ({ params, query }, reply) => {
    checkOwner(caller, volumes.get(params.name).orderedBy, `volume ${params.name}`)
    await clusters.deleteVolume(params.name, query.force !== undefined && caller === 'operator')
    return reply.status(204).send()
  })
}

function statusView(all: Clusters): object {
  const clusters = all.list().map(({ record, progress }) => ({ name: record.name, ...progress }))
  const host = { cores: cpus().length, memoryGb: Math.round((totalmem() / 2 ** 30) * 10) / 10 }
  return {
    program: 'localcloud',
    pid: process.pid,
    host,
    clusters,
    machines: all.machines().length,
    volumes: all.volumes.list().length,
  }
}

/** What the operator ordered is none of the service's business, and shown only. */
function checkOwner(caller: Caller, owner: Caller | undefined, what: string): void {
  if (caller === 'operator' || owner === undefined || owner === 'service') return
  throw new AppError('forbidden', 'not-yours', `${what} belongs to the operator: change it with the operator's CLI`)
}

function checkCap(what: keyof typeof caps, others: number): void {
  if (others < caps[what]) return
  throw new AppError('forbidden', 'cap', `at most ${caps[what]} ${what} may be ordered by the service`)
}

function checkToken(request: FastifyRequest, token: string): void {
  const shown = Buffer.from(request.headers.authorization ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  if (shown.length === wanted.length && timingSafeEqual(shown, wanted)) return
  throw new AppError('unauthenticated', 'token', 'the gateway wants "Authorization: Bearer <token>" with its token')
}

function newApp(log: Log, tls?: { key: string; cert: string }): FastifyInstance {
  const options = { logger: false, bodyLimit: 1 << 20, forceCloseConnections: true }
  // With a certificate it is another type of server, with the same routes.
  const app = tls === undefined ? fastify(options) : (fastify({ ...options, https: tls }) as unknown as FastifyInstance)
  app.setNotFoundHandler(({ method, url }, reply) => {
    sendError(reply, new AppError('not-found', 'no-route', `${method} ${url} is not something this API knows`))
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (kindOf(error) === 'bug' && error.statusCode === undefined)
      log.error('request failed', { url: request.url, error: explain(error) })
    sendError(reply, error)
  })
  return app
}

function sendError(reply: FastifyReply, error: Error & { statusCode?: number }): void {
  // The framework's own refusals (a body that is no JSON) carry their status.
  const badRequest = !(error instanceof AppError) && error.statusCode !== undefined && error.statusCode < 500
  const known = badRequest ? new AppError('invalid', 'request', error.message) : error
  const kind = kindOf(known)
  const { code, details } = known instanceof AppError ? known : { code: 'bug', details: undefined }
  void reply.status(statuses[kind]).send({ error: { kind, code, message: explain(known), details: details ?? {} } })
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body ?? {})
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = issue?.path.join('.') ?? ''
  throw new AppError(
    'invalid',
    'body',
    `${field === '' ? 'the request' : field}: ${issue?.message ?? 'not understood'}`,
    { details: { field } },
  )
}
