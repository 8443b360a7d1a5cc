import type { Clock } from '../base/clock.ts'
import { must } from '../base/errors.ts'
import type { Phase } from '../catalog/plan.ts'
import type { CommandView, Journal, StepView } from './journal.ts'
import { nextCommand } from './next-command.ts'

export interface Order {
  readonly plan: string
  readonly phase: Phase
  readonly params: Readonly<Record<string, unknown>>
}

export interface Watcher {
  readonly clock: Clock
  /** Called several times a second while the command runs. */
  readonly onSteps: (steps: readonly StepView[]) => void
  /** Aborted by Ctrl-C: what runs is asked to stop, nothing is undone. */
  readonly signal: AbortSignal
  readonly everyMs?: number
}

export interface RunResult {
  readonly command: CommandView
  readonly steps: readonly StepView[]
  readonly interrupted: boolean
}

/** Submits the command; an unfinished one is ended first, as `nextCommand` decides. */
export async function takeUp(journal: Journal, order: Order): Promise<CommandView> {
  const [last] = await journal.list(1)
  if (last !== undefined && nextCommand(last) === 'replace')
    await journal.abandon(last.id, `replaced by ${order.phase} ${order.plan}`)
  return await journal.submit(order)
}

/** Runs a command to its end, or until the signal; the journal's engine does the work. */
export async function runCommand(journal: Journal, id: number, watcher: Watcher): Promise<RunResult> {
  await journal.start()
  try {
    await watchUntilEnd(journal, id, watcher)
  } finally {
    await journal.stop()
  }
  const steps = await journal.steps(id)
  const command = must(await journal.find(id), `command ${id}`)
  const unfinished = command.state !== 'done' && command.state !== 'failed'
  return { command, steps, interrupted: unfinished && watcher.signal.aborted }
}

async function watchUntilEnd(journal: Journal, id: number, watcher: Watcher): Promise<void> {
  while (!watcher.signal.aborted) {
    watcher.onSteps(await journal.steps(id))
    const command = must(await journal.find(id), `command ${id}`)
    if (command.state === 'done' || command.state === 'failed') return
    await watcher.clock.sleep(watcher.everyMs ?? 120, watcher.signal).catch((cause: unknown) => {
      // The only reason to wake early: the loop looks at the signal itself.
      if (!watcher.signal.aborted) throw cause
    })
  }
}

export interface Failure {
  readonly message: string
  readonly step?: string
}

/** Why the command failed, in words: the first failed step. */
export function failureOf(result: RunResult): Failure | undefined {
  if (result.command.state !== 'failed') return undefined
  const failed = result.steps.find((step) => step.state === 'failed')
  if (failed === undefined) return { message: result.command.message ?? 'it failed without a reason' }
  return { message: `step ${failed.step}: ${failed.message ?? 'failed'}`, step: failed.step }
}
