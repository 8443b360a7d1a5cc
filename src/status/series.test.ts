import { expect, test } from 'vitest'
import { type Sample, seriesOf } from './series.ts'

const minute = 60_000
const used = (at: number, ...names: string[]): Sample => ({
  at,
  usage: Object.fromEntries(names.map((name) => [name, [at / minute, 1] as const])),
})
const shown = (times: number[], samples: Sample[], startMs: number, endMs: number, stepMs: number) =>
  Object.fromEntries(
    [...seriesOf(times, samples, { startMs, endMs, stepMs })].map(([name, points]) => [
      name,
      points.map(({ at, cores }) => [at / minute, cores]),
    ]),
  )

test('each step takes the newest sample before it', () => {
  const samples = [used(0, 'a'), used(2 * minute, 'a'), used(4 * minute, 'a')]
  const times = samples.map(({ at }) => at)
  expect(shown(times, samples, minute, 5 * minute, 2 * minute)).toEqual({
    a: [
      [1, 0],
      [3, 2],
      [5, 4],
    ],
  })
})

test('before the first sample and long after the last there is nothing', () => {
  expect(shown([10 * minute], [used(10 * minute, 'a')], 0, 30 * minute, 5 * minute)).toEqual({
    a: [
      [10, 10],
      [15, 10],
    ],
  })
})

test('what a later look did not see any more is not drawn on', () => {
  const times = [0, minute]
  expect(shown(times, [used(0, 'a', 'b'), used(minute, 'b')], 0, minute, minute)).toEqual({
    a: [[0, 0]],
    b: [
      [0, 0],
      [1, 1],
    ],
  })
  expect(shown(times, [used(0, 'a')], minute, minute, minute)).toEqual({})
})
