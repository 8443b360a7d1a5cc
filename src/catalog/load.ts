import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { compileParameters } from './parameters.ts'
import { findCycle, type Plan, type Plans, type PlanStep, type Values } from './plan.ts'
import { isPath, placeholders } from './resolve.ts'

const word = z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be a word of lower-case letters, digits and hyphens')
const values = z.record(z.string(), z.unknown())

const stepShape = z.strictObject({
  step: word,
  action: word,
  after: z.array(word).optional(),
  when: z.unknown().optional(),
  with: values.default({}),
})

const planShape = z.strictObject({
  plan: word,
  title: z.string().min(1),
  description: z.string().default(''),
  parameters: values.default({ type: 'object', properties: {} }),
  steps: z.array(stepShape).min(1, 'must have at least one step'),
})

/** All plans of `<folder>/*.yml`. `actions` are the names that steps may use; left out, any is taken. */
export function loadPlans(folder: string, actions?: Iterable<string>): Plans {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yml'))
  const known = actions === undefined ? undefined : new Set(actions)
  const plans = names.sort().map((name) => loadPlan(join(folder, name), known))
  return new Map(plans.map((plan) => [plan.plan, plan]))
}

function loadPlan(file: string, actions: ReadonlySet<string> | undefined): Plan {
  const plan = parsePlan(readFileSync(file, 'utf8'), file, actions)
  if (`${plan.plan}.yml` === basename(file)) return plan
  throw new AppError(
    'invalid',
    'plan-invalid',
    `${file}: plan: is '${plan.plan}', must be the file's name without .yml`,
  )
}

/** Reads one plan; every mistake is named with file, line and field. */
export function parsePlan(text: string, file: string, actions?: ReadonlySet<string>): Plan {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const [broken] = document.errors
  if (broken !== undefined)
    throw mistake(file, broken.linePos?.[0].line, '', broken.message.split('\n')[0] ?? 'not YAML')
  const fail: Fail = (path, problem) => mistake(file, lineOf(document, lines, path), fieldName(path), problem)
  const parsed = planShape.safeParse(document.toJS())
  const [issue] = parsed.error?.issues ?? []
  if (issue !== undefined) throw fail(issue.path, issue.message)
  return buildPlan(parsed.data as z.infer<typeof planShape>, fail, actions)
}

type Fail = (path: readonly PropertyKey[], problem: string) => AppError

function buildPlan(raw: z.infer<typeof planShape>, fail: Fail, actions: ReadonlySet<string> | undefined): Plan {
  const names = raw.steps.map((step) => step.step)
  const steps = raw.steps.map((step, index) => {
    const before = names[index - 1]
    return withoutUndefined({ ...step, after: step.after ?? (before === undefined ? [] : [before]) })
  })
  for (const [index, step] of steps.entries()) checkStep(step, index, names, fail, actions)
  const cycle = findCycle(steps)
  if (cycle !== undefined) throw fail(['steps'], `wait for each other: ${cycle.join(' → ')}`)
  return { ...raw, steps, checkParams: compile(raw.plan, raw.parameters, fail) }
}

function checkStep(
  step: PlanStep,
  index: number,
  names: readonly string[],
  fail: Fail,
  actions?: ReadonlySet<string>,
): void {
  const at = ['steps', index]
  if (names.indexOf(step.step) !== index) throw fail([...at, 'step'], `'${step.step}' is there twice`)
  if (actions !== undefined && !actions.has(step.action)) {
    throw fail([...at, 'action'], `'${step.action}' is no action; there are ${[...actions].sort().join(', ')}`)
  }
  const foreign = step.after.find((name) => !names.includes(name))
  if (foreign !== undefined) throw fail([...at, 'after'], `'${foreign}' is no step of this plan`)
  for (const field of ['when', 'with'] as const) {
    for (const name of placeholders(step[field])) {
      if (!isPath(name)) throw fail([...at, field], `\${${name}} must be a path such as \${account.name}`)
      const [root, target] = name.split('.')
      if (root !== 'steps') continue
      if (field === 'when')
        throw fail([...at, field], `\${${name}}: what steps give is not known when the command starts`)
      if (!names.includes(target ?? ''))
        throw fail([...at, field], `\${${name}}: '${target ?? ''}' is no step of this plan`)
    }
  }
}

function compile(plan: string, schema: Values, fail: Fail): (params: Values) => Values {
  try {
    return compileParameters(plan, schema)
  } catch (error) {
    throw fail(['parameters'], error instanceof Error ? error.message : String(error))
  }
}

function withoutUndefined(step: { when?: unknown } & Omit<PlanStep, 'when'>): PlanStep {
  const { when, ...rest } = step
  return when === undefined ? rest : { ...rest, when }
}

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return undefined
}

function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
}

function mistake(file: string, line: number | undefined, field: string, problem: string): AppError {
  const place = [line === undefined ? file : `${file}:${line}`, ...(field === '' ? [] : [field])].join(': ')
  return new AppError('invalid', 'plan-invalid', `${place}: ${problem}`, { details: { file, line, field } })
}
