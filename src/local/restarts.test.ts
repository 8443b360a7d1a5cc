import { expect, test } from 'vitest'
import { afterRestart, nextStartAt } from './restarts.ts'

const cases: { startedAt: number; failures: number; deadAt: number; at: number; why: string }[] = [
  { startedAt: 0, failures: 3, deadAt: 60_000, at: 60_000, why: 'a program that ran long is started again at once' },
  { startedAt: 1000, failures: 0, deadAt: 1100, at: 1500, why: 'one that died young waits half a second' },
  { startedAt: 1000, failures: 3, deadAt: 1100, at: 5000, why: 'and longer each time' },
  { startedAt: 1000, failures: 20, deadAt: 1100, at: 31_000, why: 'but never more than half a minute' },
]

for (const { startedAt, failures, deadAt, at, why } of cases) {
  test(why, () => expect(nextStartAt({ startedAt, failures }, deadAt)).toBe(at))
}

test('a long life forgives earlier failures', () => {
  expect(afterRestart({ startedAt: 0, failures: 5 }, 40_000, 40_000)).toEqual({ startedAt: 40_000, failures: 0 })
  expect(afterRestart({ startedAt: 0, failures: 5 }, 100, 600)).toEqual({ startedAt: 600, failures: 6 })
})
