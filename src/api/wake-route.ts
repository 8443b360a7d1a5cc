import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../base/errors.ts'
import { isProof } from '../base/proof.ts'
import type { Bell } from '../commands/bell.ts'
import { STREAM_MS } from './answers.ts'
import type { ApiDeps } from './deps.ts'

const MOST_STREAMS = 16
const BEAT_MS = 15_000
const WAKE_PATH = '/internal/wake'
/** What the engine's proof is for: `Authorization: Engine <proof>`. */
export const WAKE_PURPOSE = 'wake stream'

/**
 * `GET /internal/wake`: a stream of JSON lines that the engine holds open. `wake` says that a command was submitted, and
 * nothing else. `beat` shows both sides that the other is there. Notebooks and workers reach this port, too: for the engine
 * alone, or they could take all streams and keep it from being woken.
 */
export function wakeRoute(app: FastifyInstance, bell: Bell, { keys, clock }: Pick<ApiDeps, 'keys' | 'clock'>): void {
  const streams = new Set<Readable>()

  app.get(WAKE_PATH, { schema: { hide: true }, handlerTimeout: STREAM_MS }, (request, reply) => {
    const [, proof = ''] = /^Engine\s+(\S+)$/.exec(request.headers.authorization ?? '') ?? []
    if (!isProof(proof, keys, WAKE_PURPOSE, clock.now()))
      throw new AppError('unauthenticated', 'engine-only', 'this is for the engine: its proof is missing, or too old')
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
