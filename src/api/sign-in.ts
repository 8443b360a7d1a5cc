import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Account } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import { checkBootstrapKey } from './bootstrap.ts'
import type { ApiDeps } from './deps.ts'

export interface SignIn {
  /** The account of the request's `Authorization: ApiKey userid:key`. */
  account(request: FastifyRequest): Promise<Account>
  admin(request: FastifyRequest): Promise<Account>
  /** Passes when the request holds the bootstrap key: `Authorization: Bootstrap <key>`. */
  bootstrap(request: FastifyRequest): Promise<void>
}

/** Failures are counted per address; right credentials pass whatever others of the same address did. */
export function createSignIn(app: FastifyInstance, deps: Pick<ApiDeps, 'accounts' | 'bootstrapKey' | 'db'>): SignIn {
  const failures = app.createRateLimit({ max: 60, timeWindow: '1 minute', keyGenerator: (request) => request.ip })

  async function counted<T>(request: FastifyRequest, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'unauthenticated') throw error
      const count = await failures(request)
      if (count.isAllowed || !count.isExceeded) throw error
      throw new AppError(
        'unavailable',
        'too-many-failures',
        'too many failed sign-ins from this address; wait a minute',
      )
    }
  }

  const account = (request: FastifyRequest) =>
    counted(request, async () => {
      const { name, key } = apiKeyOf(request)
      return await deps.accounts.signIn(name, key)
    })

  return {
    account,
    admin: async (request) => {
      const caller = await account(request)
      if (caller.role !== 'admin') throw new AppError('forbidden', 'admins-only', 'this is for admins')
      return caller
    },
    bootstrap: (request) =>
      counted(request, async () => {
        const [, key = ''] = /^Bootstrap\s+(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
        await checkBootstrapKey(deps, key)
      }),
  }
}

function apiKeyOf(request: FastifyRequest): { name: string; key: string } {
  const match = /^ApiKey\s+([^:\s]{1,100}):(\S{1,200})$/i.exec(request.headers.authorization ?? '')
  if (match !== null) return { name: match[1] ?? '', key: match[2] ?? '' }
  throw new AppError('unauthenticated', 'not-signed-in', 'send the header Authorization: ApiKey <userid>:<apikey>')
}
