import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../base/errors.ts'
import type { Bell } from '../commands/bell.ts'

const MOST_STREAMS = 16
const BEAT_MS = 15_000

/**
 * `GET /internal/wake`: a stream of JSON lines that the engine holds open. `wake` says that a command was submitted, and
 * nothing else: whoever is on the cluster's network may listen. `beat` shows both sides that the other is there.
 */
export function wakeRoute(app: FastifyInstance, bell: Bell): void {
  let open = 0
  app.get('/internal/wake', { schema: { hide: true } }, (request, reply) => {
    if (open >= MOST_STREAMS) {
      throw new AppError('unavailable', 'too-many-streams', `${MOST_STREAMS} wake streams are open already`)
    }
    const stream = new Readable({ read: () => {} })
    const send = (event: string) => stream.push(`{"event":"${event}"}\n`)
    const stopListening = bell.listen(() => send('wake'))
    const beat = setInterval(() => send('beat'), BEAT_MS)
    open += 1
    const end = () => {
      if (stream.destroyed) return
      open -= 1
      clearInterval(beat)
      stopListening()
      stream.destroy()
    }
    request.raw.once('close', end)
    app.server.once('wake-streams-end', end)
    stream.once('close', () => app.server.off('wake-streams-end', end))
    send('hello')
    return reply.type('application/x-ndjson').header('cache-control', 'no-store').send(stream)
  })

  // Open streams would keep the server from closing.
  app.addHook('preClose', async () => void app.server.emit('wake-streams-end'))
}
