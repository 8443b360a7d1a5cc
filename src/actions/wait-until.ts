import type { Readiness } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError, explain } from '../base/errors.ts'
import type { ActionContext } from './action.ts'

export interface Waiting {
  /** For people: what is waited for. */
  readonly what: string
  readonly timeoutMs: number
  readonly check: () => Promise<Readiness>
}

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 1000
/** How long a container that does not start is waited for: a registry may be away for a while. */
const BROKEN_MS = 180_000

/**
 * Looks until it is ready, showing why not yet. Rejects with `unavailable/not-ready-in-time` and the last reason, or
 * `unavailable/gave-up` when waiting longer can't help, or hardly: a container that has not started for three minutes. A
 * system that can't be asked right now is one more reason to wait.
 */
export async function waitUntil(waiting: Waiting, clock: Clock, context: ActionContext): Promise<void> {
  const { what, timeoutMs } = waiting
  const deadline = clock.now() + timeoutMs
  let brokenSince: number | undefined
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      context.signal.throwIfAborted()
      const { state, reason, broken } = await waiting.check().catch(asReason)
      if (state === 'ready') return
      brokenSince = broken === true ? (brokenSince ?? clock.now()) : undefined
      const brokenMs = brokenSince === undefined ? 0 : clock.now() - brokenSince
      if (brokenMs >= BROKEN_MS) {
        const text = `${what} does not start, ${Math.round(brokenMs / 1000)} s long: ${reason}`
        throw new AppError('unavailable', 'gave-up', text)
      }
      if (state === 'failed') throw new AppError('unavailable', 'gave-up', `${what}: ${reason}`)
      if (clock.now() >= deadline) {
        throw new AppError(
          'unavailable',
          'not-ready-in-time',
          `${what} not ready after ${Math.round(timeoutMs / 1000)} s: ${reason}`,
        )
      }
      context.waiting(`${what}: ${reason}`, { idle: true })
      await clock.sleep(Math.min(pauseMs, Math.max(1, deadline - clock.now())), context.signal)
    }
  } finally {
    context.waiting(undefined)
  }
}

function asReason(error: unknown): Readiness {
  if (error instanceof AppError && error.kind === 'unavailable') return { state: 'waiting', reason: explain(error) }
  throw error
}
