import type { CommandDetails } from '../api.ts'

type Step = CommandDetails['steps'][number]
/** As the stream tells it: lines of output come one by one. */
type StreamedStep = Omit<Step, 'output'>
export type StreamedState = Omit<CommandDetails, 'steps'> & { readonly steps: readonly StreamedStep[] }

export interface StreamedLine {
  readonly task: number
  readonly line: string
}

/** What the stream has told so far. */
export interface Live {
  readonly state: StreamedState | undefined
  readonly output: ReadonlyMap<number, readonly string[]>
  readonly ended: boolean
}

export const silence: Live = { state: undefined, output: new Map(), ended: false }

/** A page shows this many lines of a step; the rest is one command line away. */
const MOST_LINES = 500

export function withLines(live: Live, lines: readonly StreamedLine[]): Live {
  const output = new Map(live.output)
  for (const { task, line } of lines) output.set(task, [...(output.get(task) ?? []), line])
  for (const [task, all] of output) if (all.length > MOST_LINES) output.set(task, all.slice(-MOST_LINES))
  return { ...live, output }
}

/** The stream where it has spoken, else what was asked for. */
export function currentCommand(live: Live, asked: CommandDetails | undefined): CommandDetails | undefined {
  if (live.state === undefined) return asked
  const steps = live.state.steps.map((step) => ({ ...step, output: [...(live.output.get(step.task) ?? [])] }))
  return { ...live.state, steps }
}
