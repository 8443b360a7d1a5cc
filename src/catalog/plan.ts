import { AppError } from '../base/errors.ts'

export type Phase = 'install' | 'update' | 'remove'

export type Values = Readonly<Record<string, unknown>>

export interface PlanStep {
  readonly step: string
  readonly action: string
  /** Steps that must be done first. */
  readonly after: readonly string[]
  /** Left out when this turns out false, empty, zero or missing. */
  readonly when?: unknown
  /** The action's input; values may hold placeholders. */
  readonly with: Values
}

/** An offering one can order. */
export interface Plan {
  readonly plan: string
  readonly title: string
  readonly description: string
  /** JSON Schema of the parameters, for forms and documentation. */
  readonly parameters: Values
  readonly steps: readonly PlanStep[]
  /** Parameters with defaults filled in; throws `invalid`, naming the parameter and what would be right. */
  readonly checkParams: (params: Values) => Values
}

export type Plans = ReadonlyMap<string, Plan>

/** The plan of that name, or `not-found` with the names that exist. */
export function getPlan(plans: Plans, name: string): Plan {
  const plan = plans.get(name)
  if (plan !== undefined) return plan
  const known = [...plans.keys()].sort()
  throw new AppError(
    'not-found',
    'plan-unknown',
    `there is no plan '${name}'; there are ${known.join(', ') || 'none'}`,
    {
      details: { plan: name, known },
    },
  )
}

/** Steps whose `after` leads back to themselves, in order; undefined when there are none. */
export function findCycle(steps: readonly Pick<PlanStep, 'step' | 'after'>[]): readonly string[] | undefined {
  const after = new Map(steps.map((step) => [step.step, step.after]))
  const done = new Set<string>()
  const visit = (step: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(step)) return [...path.slice(path.indexOf(step)), step]
    if (done.has(step)) return undefined
    for (const earlier of after.get(step) ?? []) {
      const cycle = visit(earlier, [...path, step])
      if (cycle !== undefined) return cycle
    }
    done.add(step)
    return undefined
  }
  for (const { step } of steps) {
    const cycle = visit(step, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}
