import { expect, test } from 'vitest'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { silentLog } from './log.ts'
import { repeat } from './repeat.ts'

test('work that fails is done again, said once for each reason, and ends with the signal', async () => {
  const clock = createFakeClock()
  const from = clock.now()
  const said: unknown[] = []
  const stopping = new AbortController()
  const reasons = ['away', 'away', 'broken', undefined, 'away', 'end']
  const work = async () => {
    const reason = reasons.shift()
    if (reason === 'end') return stopping.abort()
    if (reason !== undefined) throw new Error(reason)
  }
  const log = { ...silentLog, warn: (_text: string, fields?: object) => void said.push(fields) }
  await repeat({ what: 'looking', everyMs: 1_000, work }, { clock, log, signal: stopping.signal })
  expect(said).toEqual(['away', 'broken', 'away'].map((reason) => ({ what: 'looking', reason })))
  expect(clock.now() - from).toBe(5_000)
})
