import { expect, test } from 'vitest'
import type { StepView } from '../site/journal.ts'
import { renderSteps, stepChanges } from './steps.ts'
import { fit, plain, seconds } from './style.ts'

const step = (name: string, state: StepView['state'], more: Partial<StepView> = {}): StepView => ({
  step: name,
  task: 1,
  action: 'x',
  state,
  does: 'ensure',
  attempts: 1,
  ...more,
})
const screen = { width: 80, height: 24, frame: 0, now: 12_000, style: plain }

test('each step tells its state, time and what it waits for', () => {
  const lines = renderSteps(
    [
      step('tools', 'done', { startedAt: 0, endedAt: 2000, message: 'already as wanted' }),
      step('cluster', 'running', { startedAt: 2000, waiting: 'node-1: 0 of 1 ready', lastLine: 'apply: 3 of 4' }),
      step('system', 'waiting'),
    ],
    screen,
  )
  expect(lines).toEqual([
    '✓ tools            2.0 s  already as wanted',
    '⠋ cluster           10 s  node-1: 0 of 1 ready',
    '    apply: 3 of 4',
    '· system      ',
  ])
})

test('a small screen keeps what runs and what failed', () => {
  const many = Array.from({ length: 30 }, (_, index) => step(`s${index}`, 'done'))
  const lines = renderSteps([...many, step('now', 'running', { startedAt: 0 }), step('later', 'waiting')], {
    ...screen,
    height: 10,
  })
  expect(lines[0]).toContain('30 steps done')
  expect(lines.join('\n')).toContain('now')
  expect(lines.length).toBeLessThanOrEqual(8)
})

test('no line is wider than the screen, whatever a program prints', () => {
  const nasty = step('run', 'running', {
    startedAt: 0,
    waiting: 'w'.repeat(300),
    lastLine: `\u001b[31m${'x'.repeat(300)}\r\n`,
  })
  for (const line of renderSteps([nasty], screen)) expect(line.length).toBeLessThanOrEqual(80)
})

test('without a terminal every change is one line, and no change none', () => {
  const before = [step('a', 'running', { startedAt: 0 }), step('b', 'waiting')]
  const after = [
    step('a', 'done', { startedAt: 0, endedAt: 1500, message: 'made' }),
    step('b', 'running', { startedAt: 1500 }),
  ]
  expect(stepChanges(before, after)).toEqual(['✓ a (1.5 s): made', '… b'])
  expect(stepChanges(after, after)).toEqual([])
  const waits = [after[0] as StepView, step('b', 'running', { startedAt: 1500, waiting: 'a node' })]
  expect(stepChanges(after, waits)).toEqual(['  b: waiting for a node'])
})

test('times read well at any length', () => {
  expect([400, 12_345, 61_000, 3_600_000].map(seconds)).toEqual(['0.4 s', '12 s', '1 min 01 s', '60 min 00 s'])
})

test('a text is cut with a mark', () => expect(fit('abcdef', 4)).toBe('abc…'))
