import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import { errorBody, STREAM_MS } from '../answers.ts'
import { commandEvents } from '../command-events.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'
import { visibleCommand } from '../visible-command.ts'

const MOST_STREAMS = 200
const MOST_OF_ONE = 10

export function commandEventRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const open = new Map<AbortController, number>()

  app.get(
    '/api/v2/commands/:id/events',
    {
      handlerTimeout: STREAM_MS,
      schema: {
        tags: ['commands'],
        summary: 'Follow an order: its state and every line of output, as server-sent events',
        operationId: 'followCommand',
        params: z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
        headers: z.looseObject({ 'last-event-id': z.string().max(4000).optional() }),
        response: { '4xx': errorBody, '5xx': errorBody },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const command = await visibleCommand(deps, caller, request.params.id)
      const own = [...open.values()].filter((account) => account === caller.id).length
      if (open.size >= MOST_STREAMS || own >= MOST_OF_ONE)
        throw new AppError(
          'unavailable',
          'too-many-streams',
          `${own} orders are followed already: end one of these first`,
        )
      const ending = new AbortController()
      open.set(ending, caller.id)
      const events = commandEvents(deps, caller, command.id, request.headers['last-event-id'], ending.signal)
      const stream = Readable.from(events, { objectMode: false })
      stream.once('close', () => {
        ending.abort()
        open.delete(ending)
      })
      return (
        reply
          .header('content-type', 'text/event-stream; charset=utf-8')
          .header('cache-control', 'no-store')
          // A proxy must not keep lines back.
          .header('x-accel-buffering', 'no')
          .header('connection', 'close')
          .send(stream as never)
      )
    },
  )

  // Open streams would keep the server from closing.
  app.addHook('preClose', async () => {
    for (const ending of open.keys()) ending.abort()
  })
}
