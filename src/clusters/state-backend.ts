import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AppError, explain, kindOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { StateStore, StateUser } from './terraform-states.ts'

/** What a run of Terraform needs to keep its state here; worthless once `end` was called. */
export interface StateCredential {
  /** For Terraform's backend `http` (developer.hashicorp.com/terraform/language/backend/http). Holds a secret. */
  readonly env: Readonly<Record<string, string>>
  end(): void
}

/**
 * Terraform's HTTP backend on a loopback port of the engine's own. Each run gets a credential that is good for one root
 * and one fencing number: a run that lost its task can't write over its successor's state.
 */
export class StateBackend {
  readonly #app: FastifyInstance
  readonly #users = new Map<string, StateUser>()

  constructor({ states, log }: { readonly states: StateStore; readonly log: Log }) {
    this.#app = createApp(states, this.#users, log)
  }

  /** Listens on a port of the loopback that the system chooses. */
  async start(): Promise<void> {
    await this.#app.listen({ host: '127.0.0.1', port: 0 })
  }

  async stop(): Promise<void> {
    await this.#app.close()
  }

  credentialFor(user: StateUser): StateCredential {
    const { port } = this.#app.server.address() as AddressInfo
    const address = `http://127.0.0.1:${port}/state`
    const password = randomBytes(24).toString('base64url')
    this.#users.set(password, user)
    return {
      env: {
        TF_HTTP_ADDRESS: address,
        TF_HTTP_LOCK_ADDRESS: address,
        TF_HTTP_UNLOCK_ADDRESS: address,
        TF_HTTP_USERNAME: 'engine',
        TF_HTTP_PASSWORD: password,
      },
      end: () => void this.#users.delete(password),
    }
  }
}

type Request = FastifyRequest<{ Querystring: { ID?: string }; Body: string | undefined }>

function createApp(states: StateStore, users: ReadonlyMap<string, StateUser>, log: Log): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 64 << 20, forceCloseConnections: true })
  for (const method of ['LOCK', 'UNLOCK']) app.addHttpMethod(method, { hasBody: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: Error, request, reply) => refuse(error, request, reply, log))
  const route = (
    method: 'GET' | 'POST' | 'LOCK' | 'UNLOCK',
    handler: (user: StateUser, request: Request, reply: FastifyReply) => Promise<unknown>,
  ) =>
    app.route({
      method,
      url: '/state',
      handler: async (request, reply) => await handler(userOf(users, request), request as Request, reply),
    })

  route('GET', async ({ root }, _request, reply) => {
    const state = await states.read(root)
    return state === undefined ? reply.code(204).send() : reply.type('application/json').send(state)
  })
  route('POST', async ({ root }, { query, body }, reply) => {
    await states.write(root, body ?? '', query.ID)
    return reply.send()
  })
  route('LOCK', async (user, { body }, reply) => {
    const holder = await states.lock(user, lockId(body), body ?? '')
    return holder === undefined ? reply.send() : reply.code(423).type('application/json').send(holder)
  })
  route('UNLOCK', async ({ root }, { body }, reply) => {
    await states.unlock(root, lockId(body))
    return reply.send()
  })
  return app
}

function userOf(users: ReadonlyMap<string, StateUser>, request: FastifyRequest): StateUser {
  const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ')
  const [, password = ''] = Buffer.from(given, 'base64').toString('utf8').split(':')
  const user = scheme === 'Basic' ? users.get(password) : undefined
  if (user !== undefined) return user
  throw new AppError('unauthenticated', 'state-credential', 'the credential of this run has ended or never was')
}

function lockId(body: string | undefined): string {
  const { ID } = JSON.parse(body ?? '{}') as { ID?: unknown }
  if (typeof ID === 'string' && ID !== '' && ID.length <= 64) return ID
  throw new AppError('invalid', 'state-lock', 'a lock is named by its ID')
}

const statuses = { unauthenticated: 401, conflict: 409, invalid: 400 } as Readonly<Record<string, number>>

function refuse(error: Error, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  log.warn('Terraform state not served', { method: request.method, reason: explain(error) })
  return reply.code(statuses[kindOf(error)] ?? 500).send({ message: explain(error) })
}
