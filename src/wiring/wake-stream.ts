import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000
/** The API beats every 15 s: silence of three beats is a dead connection. */
const SILENCE_MS = 45_000

/** Holds the API's wake stream open and calls `wake` at each event; comes back after every loss. Ends with the signal. */
export async function followWakes(
  url: string,
  wake: () => void,
  { clock, log, signal, proof }: { clock: Clock; log: Log; signal: AbortSignal; proof: () => string },
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS
  while (!signal.aborted) {
    try {
      await followOnce({ url, signal, proof }, () => {
        pauseMs = FIRST_PAUSE_MS
        wake()
      })
    } catch (error) {
      if (signal.aborted) return
      log.warn('wake stream lost', { reason: explain(error) })
    }
    await clock.sleep(pauseMs, signal).catch(() => {}) // Aborted: the loop ends by its condition.
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
}

async function followOnce(
  { url, signal, proof }: { url: string; signal: AbortSignal; proof: () => string },
  heard: () => void,
): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(new Error('nothing heard')), SILENCE_MS)
  try {
    const headers = { authorization: `Engine ${proof()}` }
    const answer = await fetch(url, { headers, signal: AbortSignal.any([signal, silence.signal]) })
    if (!answer.ok || answer.body === null) throw new Error(`${url} answered ${answer.status}`)
    const body = Readable.fromWeb(answer.body)
    for await (const line of createInterface({ input: body })) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(new Error('nothing heard')), SILENCE_MS)
      if (!line.includes('"beat"')) heard()
    }
  } finally {
    clearTimeout(timer)
  }
}
