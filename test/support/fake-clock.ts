import type { Clock } from '../../src/base/clock.ts'

/** Time that passes only by sleeping: every sleep ends at once and moves the clock. */
export function createFakeClock(startMs = Date.UTC(2030, 0, 1)): Clock & { advance(ms: number): void } {
  let nowMs = startMs
  return {
    now: () => nowMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      nowMs += ms
      // Gives others their turn, as real sleeping would.
      await new Promise((resolve) => setImmediate(resolve))
    },
    advance: (ms) => {
      nowMs += ms
    },
  }
}
