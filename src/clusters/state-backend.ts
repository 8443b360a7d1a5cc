import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AppError, explain, kindOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isDiskFull } from '../db/dialect.ts'
import type { StateStore, StateUser } from './terraform-states.ts'

/** What a run of Terraform needs to keep its state here; worthless once `end` was called. */
export interface StateCredential {
  /** For Terraform's backend `http` (developer.hashicorp.com/terraform/language/backend/http). Holds a secret. */
  readonly env: Readonly<Record<string, string>>
  /** Why this run's state could not be kept when it was written last; undefined: it was. */
  refused(): AppError | undefined
  end(): void
}

/** A run as the backend knows it. */
interface Run {
  readonly user: StateUser
  refused: AppError | undefined
}

/**
 * Terraform's HTTP backend on a loopback port of the engine's own. Each run gets a credential that is good for one root
 * and one fencing number: a run that lost its task can't write over its successor's state.
 */
export class StateBackend {
  readonly #app: FastifyInstance
  readonly #runs = new Map<string, Run>()

  constructor({ states, log }: { readonly states: StateStore; readonly log: Log }) {
    this.#app = createApp(states, this.#runs, log)
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
    const run: Run = { user, refused: undefined }
    this.#runs.set(password, run)
    return {
      env: {
        TF_HTTP_ADDRESS: address,
        TF_HTTP_LOCK_ADDRESS: address,
        TF_HTTP_UNLOCK_ADDRESS: address,
        TF_HTTP_USERNAME: 'engine',
        TF_HTTP_PASSWORD: password,
      },
      refused: () => run.refused,
      end: () => void this.#runs.delete(password),
    }
  }
}

type Request = FastifyRequest<{ Querystring: { ID?: string }; Body: string | undefined }>

function createApp(states: StateStore, runs: ReadonlyMap<string, Run>, log: Log): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 64 << 20, forceCloseConnections: true })
  for (const method of ['LOCK', 'UNLOCK']) app.addHttpMethod(method, { hasBody: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: Error, request, reply) => refuse(error, request, reply, log))
  const route = (
    method: 'GET' | 'POST' | 'LOCK' | 'UNLOCK',
    handler: (user: StateUser, request: Request, reply: FastifyReply, run: Run) => Promise<unknown>,
  ) =>
    app.route({
      method,
      url: '/state',
      handler: async (request, reply) => {
        const run = runOf(runs, request)
        return await handler(run.user, request as Request, reply, run)
      },
    })

  route('GET', async ({ root }, _request, reply) => {
    const state = await states.read(root)
    return state === undefined ? reply.code(204).send() : reply.type('application/json').send(state)
  })
  route('POST', async ({ root }, { query, body }, reply, run) => {
    await noting(run, `writing the state of ${root}`, async () => await states.write(root, body ?? '', query.ID))
    return reply.send()
  })
  // Taking the lock writes a row, too: where there is no space for it, nothing has been begun.
  route('LOCK', async (user, { body }, reply, run) => {
    const info = lockInfo(body, user.holder)
    const lock = async () => await states.lock(user, info.ID, JSON.stringify(info))
    const holder = await noting(run, `taking the lock of ${user.root}`, lock)
    return holder === undefined ? reply.send() : reply.code(423).type('application/json').send(holder)
  })
  route('UNLOCK', async ({ root }, { body }, reply) => {
    await states.unlock(root, lockInfo(body).ID)
    return reply.send()
  })
  return app
}

/** Terraform tells its caller a number only: the reason is kept for whoever started it. */
async function noting<T>(run: Run, attempted: string, work: () => Promise<T>): Promise<T> {
  try {
    const done = await work()
    run.refused = undefined
    return done
  } catch (cause) {
    const away = `${attempted}: there is no disk space left for it`
    run.refused =
      cause instanceof AppError
        ? cause
        : new AppError('unavailable', 'state-not-written', isDiskFull(cause) ? away : attempted, { cause })
    throw run.refused
  }
}

function runOf(runs: ReadonlyMap<string, Run>, request: FastifyRequest): Run {
  const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ')
  const [, password = ''] = Buffer.from(given, 'base64').toString('utf8').split(':')
  const run = scheme === 'Basic' ? runs.get(password) : undefined
  if (run !== undefined) return run
  throw new AppError('unauthenticated', 'state-credential', 'the credential of this run has ended or never was')
}

interface LockInfo {
  readonly ID: string
  readonly Info?: string
}

/** What Terraform says of its lock, with who runs it. */
function lockInfo(body: string | undefined, holder?: string): LockInfo {
  const info = JSON.parse(body ?? '{}') as { ID?: unknown }
  const { ID } = info
  if (typeof ID === 'string' && ID !== '' && ID.length <= 64)
    return { ...info, ID, ...(holder === undefined ? {} : { Info: holder }) }
  throw new AppError('invalid', 'state-lock', 'a lock is named by its ID')
}

const statuses = { unauthenticated: 401, conflict: 409, invalid: 400, unavailable: 503 } as Readonly<
  Record<string, number>
>

function refuse(error: Error, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  log.warn('Terraform state not served', { method: request.method, reason: explain(error) })
  return reply.code(statuses[kindOf(error)] ?? 500).send({ message: explain(error) })
}
