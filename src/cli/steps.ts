import type { StepView } from '../site/journal.ts'
import { fit, type Style, seconds } from './style.ts'

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

export interface Screen {
  readonly width: number
  readonly height: number
  readonly frame: number
  readonly now: number
  readonly style: Style
}

/** The live list: what is done in one line, what runs with its wait and last output, what failed with why. */
export function renderSteps(steps: readonly StepView[], screen: Screen): string[] {
  const width = Math.max(12, ...steps.map((step) => step.step.length))
  const blocks = steps.map((step) => renderStep(step, width, screen))
  const room = screen.height - 2
  const total = blocks.reduce((sum, block) => sum + block.length, 0)
  if (total <= room) return blocks.flat()
  return shorten(steps, blocks, room, screen.style)
}

function renderStep(step: StepView, width: number, screen: Screen): string[] {
  const { style } = screen
  const mark = markOf(step, screen)
  const spent = step.startedAt === undefined ? '' : seconds((step.endedAt ?? screen.now) - step.startedAt)
  const space = screen.width - width - 16
  const note = fit(noteOf(step), Math.max(10, space))
  const name = step.step.padEnd(width)
  if (step.state === 'waiting') return [`${mark} ${style.grey(name)}`]
  const head =
    `${mark} ${name} ${style.grey(spent.padStart(9))}  ${step.state === 'failed' ? style.red(note) : note}`.trimEnd()
  const detail = step.state === 'running' && step.lastLine !== undefined && step.lastLine !== note ? step.lastLine : ''
  return detail === '' ? [head] : [head, `    ${style.grey(fit(detail, screen.width - 6))}`]
}

function markOf(step: StepView, { style, frame }: Screen): string {
  switch (step.state) {
    case 'waiting':
      return style.grey('·')
    case 'running':
      return frames[frame % frames.length] ?? '-'
    case 'done':
      return style.green('✓')
    case 'failed':
      return style.red('✗')
  }
}

function noteOf(step: StepView): string {
  if (step.state === 'running')
    return step.waiting ?? (step.attempts > 1 ? `attempt ${step.attempts}: ${step.message ?? ''}` : '')
  return step.message ?? ''
}

/** On a small screen the finished and the waiting ones become counts; what runs and what failed stays. */
function shorten(steps: readonly StepView[], blocks: readonly string[][], room: number, style: Style): string[] {
  const count = (state: StepView['state']) => steps.filter((step) => step.state === state).length
  const active = blocks.filter((_, index) => ['running', 'failed'].includes(steps[index]?.state ?? ''))
  const lines = [
    `${style.green('✓')} ${count('done')} steps done`,
    ...active.flat(),
    `${style.grey('·')} ${style.grey(`${count('waiting')} to go`)}`,
  ]
  return lines.slice(0, Math.max(3, room))
}

/** Without a terminal: one line for each change since the last look. */
export function stepChanges(before: readonly StepView[], after: readonly StepView[]): string[] {
  const known = new Map(before.map((step) => [step.step, step]))
  return after.flatMap((step) => changeOf(known.get(step.step), step))
}

function changeOf(old: StepView | undefined, step: StepView): string[] {
  const spent =
    step.startedAt === undefined || step.endedAt === undefined ? '' : ` (${seconds(step.endedAt - step.startedAt)})`
  if (old?.state !== step.state) {
    if (step.state === 'running') return [`… ${step.step}`]
    if (step.state === 'done')
      return [`✓ ${step.step}${spent}${step.message === undefined ? '' : `: ${fit(step.message, 400)}`}`]
    if (step.state === 'failed') return [`✗ ${step.step}${spent}: ${step.message ?? 'failed'}`]
  }
  if (step.state === 'running' && step.waiting !== undefined && step.waiting !== old?.waiting) {
    return [`  ${step.step}: waiting for ${fit(step.waiting.replace(/^waiting for /, ''), 400)}`]
  }
  if (step.state === 'running' && old !== undefined && step.attempts > old.attempts)
    return [`  ${step.step}: attempt ${step.attempts}`]
  return []
}
