import type { StepView } from '../site/journal.ts'
import { renderSteps, stepChanges } from './steps.ts'
import { coloured } from './style.ts'

/** Shows how a command goes on: call `show` as often as you like. */
export interface Progress {
  readonly show: (steps: readonly StepView[]) => void
  /** A remark that stays, above the list. */
  readonly say: (line: string) => void
  readonly end: (steps: readonly StepView[]) => void
}

export interface Terminal {
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  write(text: string): unknown
}

export function createProgress(out: Terminal & { isTTY?: boolean | undefined }, now: () => number): Progress {
  return out.isTTY === true && process.env['TERM'] !== 'dumb' ? liveList(out, now) : lineList(out)
}

function liveList(out: Terminal, now: () => number): Progress {
  let drawn = 0
  let frame = 0
  const erase = () => {
    if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[0J`)
    drawn = 0
  }
  const draw = (steps: readonly StepView[], height: number) => {
    const lines = renderSteps(steps, { width: out.columns ?? 80, height, frame: frame++, now: now(), style: coloured })
    erase()
    out.write(lines.map((line) => `${line}\n`).join(''))
    drawn = lines.length
  }
  return {
    show: (steps) => draw(steps, out.rows ?? 24),
    say: (line) => {
      erase()
      out.write(`${line}\n`)
    },
    end: (steps) => {
      draw(steps, Number.POSITIVE_INFINITY)
      drawn = 0
    },
  }
}

function lineList(out: Terminal): Progress {
  let last: readonly StepView[] = []
  const show = (steps: readonly StepView[]) => {
    for (const line of stepChanges(last, steps)) out.write(`${line}\n`)
    last = steps
  }
  return { show, say: (line) => out.write(`${line}\n`), end: show }
}

/** For `--json`: only the object at the end is printed. */
export const silentProgress: Progress = { show: () => {}, say: () => {}, end: () => {} }
