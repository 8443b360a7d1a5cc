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
  const streams = new Set<Readable>()

  app.get('/internal/wake', { schema: { hide: true } }, (_request, reply) => {
    if (streams.size >= MOST_STREAMS) {
      throw new AppError('unavailable', 'too-many-streams', `${MOST_STREAMS} wake streams are open already`)
    }
    const stream = openStream(bell)
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    // A connection that goes idle after the server has begun to close would hold it up.
    return reply
      .type('application/x-ndjson')
      .header('cache-control', 'no-store')
      .header('connection', 'close')
      .send(stream)
  })

  // Open streams would keep the server from closing.
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.push(null)
  })
}

/** Fastify destroys it when the caller leaves; everything ends with it. */
function openStream(bell: Bell): Readable {
  const stream = new Readable({ read: () => {} })
  const send = (event: string) => void (stream.readableEnded || stream.push(`{"event":"${event}"}\n`))
  const stopListening = bell.listen(() => send('wake'))
  const beat = setInterval(() => send('beat'), BEAT_MS)
  stream.once('close', () => {
    clearInterval(beat)
    stopListening()
  })
  send('hello')
  return stream
}
