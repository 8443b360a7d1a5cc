import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isTree } from '../../base/merge.ts'
import { parsePlan } from '../../catalog/load.ts'
import { resolve } from '../../catalog/resolve.ts'
import type { TerraformRootsInput } from '../actions/terraform-roots.ts'
import { siteContext } from '../context.ts'
import { must } from '../../base/errors.ts'
import type { Site } from '../site.ts'
import type { StatePaths } from '../state.ts'

export interface PlanSources {
  readonly site: Site
  readonly paths: StatePaths
  readonly project: string
}

/** Inputs of plan `site`'s steps of one action, for this site; what earlier steps give stays as text, `<steps.…>`. */
export function stepInputs(action: string, sources: PlanSources): unknown[] {
  return stepsOf(action, sources).map(({ input }) => input)
}

/** Names of the images that the steps make, by the steps' names. */
export function imageSteps(sources: PlanSources): Readonly<Record<string, string>> {
  const steps = stepsOf('image', sources).map(({ step, input }) => [step, (input as { name: string }).name] as const)
  return Object.fromEntries(steps)
}

function stepsOf(action: string, { site, paths, project }: PlanSources): { step: string; input: unknown }[] {
  const file = join(project, 'catalog', 'plans', 'site.yml')
  const plan = parsePlan(readFileSync(file, 'utf8'), file)
  // Neither roots nor charts' values hold secrets: none are needed to know them.
  const context = siteContext({ site, paths, secrets: undefined, project, made: true })
  return plan.steps
    .filter((step) => step.action === action)
    .map(({ step, with: input }) => ({
      step,
      input: resolve(keepingSteps(input), context, { plan: plan.plan, step, field: 'with' }),
    }))
}

/** What step `roots` writes the Terraform roots from. */
export function rootsInput(sources: PlanSources): TerraformRootsInput {
  return must(stepInputs('terraform-roots', sources)[0], 'step terraform-roots of plan site') as TerraformRootsInput
}

/** Outputs of steps are known when they have run. */
function keepingSteps(template: unknown): unknown {
  if (typeof template === 'string') return template.replace(/\$\{(steps\.[^}|]*)(\|[^}]*)?\}/g, '<$1>')
  if (Array.isArray(template)) return template.map(keepingSteps)
  if (!isTree(template)) return template
  return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, keepingSteps(value)]))
}
