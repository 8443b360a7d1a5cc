import { expect, test } from 'vitest'
import { type NextCommand, nextCommand } from './next-command.ts'

const up = { plan: 'site', phase: 'install' } as const
const cases: {
  state?: 'running' | 'failed' | 'done'
  plan?: string
  answers: boolean
  same: boolean
  next: NextCommand
  why: string
}[] = [
  { answers: false, same: true, next: 'new', why: 'the first up makes a command' },
  { state: 'done', answers: true, same: true, next: 'new', why: 'a finished site is looked at again' },
  { state: 'running', answers: true, same: true, next: 'continue', why: 'an interrupted up goes on where it was' },
  { state: 'failed', answers: true, same: true, next: 'retry', why: 'a failed up goes on with the failed step' },
  { state: 'running', answers: false, same: true, next: 'replace', why: 'after a reboot every step looks again' },
  {
    state: 'failed',
    answers: false,
    same: true,
    next: 'new',
    why: 'a failure before the cloud ran starts over: nothing is lost',
  },
  { state: 'running', answers: true, same: false, next: 'replace', why: 'other wishes need other steps' },
  {
    state: 'running',
    plan: 'site-down',
    answers: true,
    same: true,
    next: 'replace',
    why: 'up after an interrupted down brings all back',
  },
]

for (const { state, plan, answers, same, next, why } of cases) {
  test(why, () => {
    const last = state === undefined ? undefined : { plan: plan ?? 'site', phase: 'install' as const, state }
    expect(nextCommand(last, up, { cloudAnswers: answers, sameParams: same })).toBe(next)
  })
}
