import type { Phase, Plan, PlanStep, Values } from '../catalog/plan.ts'
import { holds, isAccountGone } from '../catalog/resolve.ts'

/** What becomes a task row. */
export interface ExpandedStep {
  readonly step: string
  readonly action: string
  readonly after: readonly string[]
  readonly input: Values
  readonly mode: 'ensure' | 'remove'
}

export interface Expansion {
  readonly plan: Plan
  readonly phase: Phase
  readonly values: Values
  /** Steps that earlier commands began: a removal takes them away even if `when` says no by now. */
  readonly begun: ReadonlySet<string>
  /** An undo removes begun steps only. */
  readonly undo?: boolean
}

/**
 * A plan's steps for one command: those left out are bridged, a removal goes backwards. What earlier commands made and
 * this one leaves out is taken away when everything else is done: nobody is without access in between. Decides only.
 */
export function expandPlan(expansion: Expansion): ExpandedStep[] {
  const { plan, phase } = expansion
  const chosen = plan.steps.filter((step) => isWanted(step, expansion))
  if (phase === 'remove') return backwards(plan, chosen)
  const forward = chosen.map((step) => ({ ...pick(step, 'ensure'), after: bridge(plan, step, chosen) }))
  const left = plan.steps.filter((step) => !chosen.includes(step) && expansion.begun.has(step.step))
  const removals = backwards(plan, left).map((step) => ({
    ...step,
    after: [...chosen.map((one) => one.step), ...step.after],
  }))
  return [...forward, ...removals]
}

/** Their removal, the last one first. */
function backwards(plan: Plan, steps: readonly PlanStep[]): ExpandedStep[] {
  const forward = steps.map((step) => ({ ...pick(step, 'remove'), after: bridge(plan, step, steps) }))
  return forward
    .map((step) => ({
      ...step,
      after: forward.filter((later) => later.after.includes(step.step)).map((later) => later.step),
    }))
    .reverse()
}

function pick({ step, action, with: input }: PlanStep, mode: 'ensure' | 'remove'): Omit<ExpandedStep, 'after'> {
  return { step, action, input, mode }
}

function isWanted(step: PlanStep, { plan, phase, values, begun, undo }: Expansion): boolean {
  if (phase === 'remove' && undo === true) return begun.has(step.step)
  if (phase === 'remove' && begun.has(step.step)) return true
  const says = (template: unknown) => {
    try {
      return holds(template, values, { plan: plan.plan, step: step.step, field: 'when' })
    } catch (error) {
      // Removed twice: the first removal took the account along with what it had.
      if (phase === 'remove' && isAccountGone(error)) return false
      throw error
    }
  }
  return (step.when === undefined || says(step.when)) && (step.unless === undefined || !says(step.unless))
}

/** The chosen steps that come before this one, directly or behind steps that were left out. */
function bridge(plan: Plan, step: PlanStep, chosen: readonly PlanStep[]): string[] {
  const before = step.after.flatMap((name) => {
    const earlier = plan.steps.find((candidate) => candidate.step === name)
    if (earlier === undefined) return []
    return chosen.includes(earlier) ? [name] : bridge(plan, earlier, chosen)
  })
  return [...new Set(before)]
}
