import { expect, test } from 'vitest'
import type { CommandDetails } from '../api.ts'
import { currentCommand, silence, type StreamedState, withLines } from './live.ts'

const asked = { id: 7, steps: [{ task: 1, output: ['asked'] }] } as unknown as CommandDetails
const state = { id: 7, steps: [{ task: 1 }, { task: 2 }] } as unknown as StreamedState

test('until the stream has spoken what was asked for is shown', () => {
  expect(currentCommand(silence, undefined)).toBeUndefined()
  expect(currentCommand(withLines(silence, [{ task: 1, line: 'early' }]), asked)).toBe(asked)
})

test('lines go to their step in the order in which they came, the last five hundred', () => {
  const some = withLines({ ...silence, state }, [
    { task: 1, line: 'a' },
    { task: 2, line: 'b' },
  ])
  const live = withLines(some, [{ task: 1, line: 'c' }])
  expect(currentCommand(live, asked)?.steps.map(({ output }) => output)).toEqual([['a', 'c'], ['b']])
  const many = withLines(
    live,
    Array.from({ length: 600 }, (_, index) => ({ task: 2, line: String(index) })),
  )
  expect(many.output.get(2)).toHaveLength(500)
  expect(many.output.get(2)?.at(-1)).toBe('599')
  expect(live.output.get(2)).toEqual(['b'])
})
