import type { Clock } from './clock.ts'
import { explain } from './errors.ts'
import type { Log } from './log.ts'

export interface Repeating {
  /** For the log: what is not done when it fails. */
  readonly what: string
  readonly everyMs: number
  readonly work: () => Promise<void>
}

/** Does `work` with pauses until `signal`. What fails is tried again the next time, and said once for each reason. */
export async function repeat(
  { what, everyMs, work }: Repeating,
  { clock, log, signal }: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<void> {
  let said: string | undefined
  while (!signal.aborted) {
    try {
      await work()
      said = undefined
    } catch (error) {
      const reason = explain(error)
      if (reason !== said) log.warn('regular work failed', { what, reason })
      said = reason
    }
    // Rejects when it is time to stop: the loop sees that itself.
    await clock.sleep(everyMs, signal).catch(() => undefined)
  }
}
