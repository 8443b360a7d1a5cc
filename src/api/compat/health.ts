import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { AppError } from '../../base/errors.ts'
import type { ApiDeps } from '../deps.ts'

/** Whether it lives (`/healthz`), whether it can work (`/readyz`), and the client's ping. No sign-in. */
export function healthRoutes(app: FastifyInstance, deps: ApiDeps): void {
  app.get('/api/v1/ping', { schema: { hide: true } }, async () => ({ ping: new Date(deps.clock.now()).toISOString() }))

  app.get('/healthz', { schema: { hide: true }, logLevel: 'silent' }, async () => ({
    status: 'ok',
    version: deps.version,
  }))

  app.get('/readyz', { schema: { hide: true }, logLevel: 'silent' }, async () => {
    try {
      await sql`select 1`.execute(deps.db)
      return { status: 'ok' }
    } catch (cause) {
      throw new AppError('unavailable', 'database-unreachable', 'asking the database', { cause })
    }
  })
}
