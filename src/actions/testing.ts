import type { Action, ActionContext } from './action.ts'

export interface TestContext extends ActionContext {
  readonly lines: readonly string[]
  /** Every reason that was shown. */
  readonly reasons: readonly string[]
}

/** A context for tests that keeps what was said. */
export function createTestContext(signal: AbortSignal = new AbortController().signal): TestContext {
  const lines: string[] = []
  const reasons: string[] = []
  return {
    task: { id: 1, command: 1, step: 'test', fencing: 1 },
    signal,
    lines,
    reasons,
    output: (line) => void lines.push(line),
    waiting: (reason) => void (reason !== undefined && reasons.push(reason)),
  }
}

/** An action with its input as a plan would write it, parsed as the engine does. */
export function bound<Input>(action: Action<Input>, input: unknown) {
  const parsed = action.input.parse(input)
  return {
    name: action.name,
    locks: action.locks(parsed),
    observe: (context: ActionContext = createTestContext()) => action.observe(parsed, context),
    ensure: (context: ActionContext = createTestContext()) => action.ensure(parsed, context),
    remove: (context: ActionContext = createTestContext()) => action.remove(parsed, context),
  }
}
