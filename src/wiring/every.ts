import { explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

/** Does `work` again and again, and once more at `stop`. What fails is logged: the next time it is tried anew. */
export function every(ms: number, log: Log, work: () => Promise<void>): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const once = () => {
    running = running.then(work).catch((error: unknown) => log.warn('regular work failed', { reason: explain(error) }))
  }
  const timer = setInterval(once, ms)
  return {
    stop: async () => {
      clearInterval(timer)
      once()
      await running
    },
  }
}
