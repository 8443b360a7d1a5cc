/** What is known of a program that should run. Times in milliseconds. */
export interface RunRecord {
  readonly startedAt: number
  /** Starts in a row that did not last. */
  readonly failures: number
}

const lastingMs = 30_000
const longestWaitMs = 30_000

/** When a program that is found dead may be started again: at once after a long life, later and later after short ones. */
export function nextStartAt(record: RunRecord, foundDeadAt: number): number {
  if (foundDeadAt - record.startedAt >= lastingMs) return foundDeadAt
  return record.startedAt + Math.min(longestWaitMs, 500 * 2 ** record.failures)
}

export function afterRestart(record: RunRecord, foundDeadAt: number, startedAt: number): RunRecord {
  const lasted = foundDeadAt - record.startedAt >= lastingMs
  return { startedAt, failures: lasted ? 0 : record.failures + 1 }
}
