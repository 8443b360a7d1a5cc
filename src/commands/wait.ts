import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from '../db/database.ts'
import { bellOf } from './bell.ts'
import { type Command, hasEnded } from './command.ts'
import { type ProgressView, readProgress } from './progress.ts'

export interface WaitOptions {
  /** Called with every change, the first time at once. */
  readonly onChange?: (progress: ProgressView) => void
  readonly signal?: AbortSignal
  /** How often to look when the engine works in another process (default 500 ms). */
  readonly pollMs?: number
}

/** Resolves with the command once it has ended, well or not; rejects with the signal's reason when it is aborted first. */
export async function waitForCommand(db: Db, id: number, options: WaitOptions = {}): Promise<Command> {
  const { onChange, signal, pollMs = 500 } = options
  let shown = ''
  for (;;) {
    signal?.throwIfAborted()
    const rung = nextRing(db)
    try {
      const progress = await readProgress(db, id)
      const text = JSON.stringify(progress)
      if (text !== shown) onChange?.(progress)
      shown = text
      if (hasEnded(progress.command)) return progress.command
      await rung.orAfter(pollMs, signal)
    } finally {
      rung.forget()
    }
  }
}

/** Listens from now on, so that a ring during the read is not missed. */
function nextRing(db: Db): { orAfter(ms: number, signal?: AbortSignal): Promise<void>; forget(): void } {
  const stop = new AbortController()
  const ring = Promise.withResolvers<void>()
  const forget = bellOf(db).listen(ring.resolve)
  return {
    orAfter: async (ms, signal) => {
      const signals = signal === undefined ? [stop.signal] : [stop.signal, signal]
      const sleep = delay(ms, undefined, { signal: AbortSignal.any(signals) }).catch(() => undefined)
      await Promise.race([ring.promise, sleep])
    },
    forget: () => {
      forget()
      stop.abort()
    },
  }
}
