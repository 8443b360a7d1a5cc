import { expect, test } from 'vitest'
import { type NextCommand, nextCommand } from './next-command.ts'

const cases: { state?: 'waiting' | 'running' | 'failed' | 'done'; next: NextCommand; why: string }[] = [
  { next: 'new', why: 'the first up makes a command' },
  { state: 'done', next: 'new', why: 'a finished site is looked at again' },
  { state: 'failed', next: 'new', why: 'after a failure every step looks again, with what was mended' },
  { state: 'running', next: 'replace', why: 'an interrupted command is ended before the next one' },
  { state: 'waiting', next: 'replace', why: 'a command that never began is ended before the next one' },
]

for (const { state, next, why } of cases) {
  test(why, () => expect(nextCommand(state === undefined ? undefined : { state })).toBe(next))
}
