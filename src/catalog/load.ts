import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { compileParameters, markedParameters, parametersOf, withSiteDefaults } from './parameters.ts'
import { findCycle, orderers, phases, type Plan, type Plans, type PlanStep, type Values } from './plan.ts'
import { isPath, placeholders } from './resolve.ts'

const word = z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be a word of lower-case letters, digits and hyphens')
const values = z.record(z.string(), z.unknown())

const stepShape = z.strictObject({
  step: word,
  action: word,
  after: z.array(word).optional(),
  when: z.unknown().optional(),
  unless: z.unknown().optional(),
  with: values.default({}),
})

const needShape = z.strictObject({
  plan: word,
  instance: z.string().optional(),
  params: values.default({}),
  follow: z.boolean().default(false),
  anyone: z.boolean().default(false),
})

const priceShape = z.strictObject({
  amount: z.number().min(0),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be three capital letters, such as EUR'),
  per: z.string().min(1),
})

const planShape = z.strictObject({
  plan: word,
  title: z.string().min(1),
  description: z.string().default(''),
  for: z.enum(['account', 'site']).default('account'),
  orderable: z.enum(orderers).default('system'),
  phases: z.array(z.enum(phases)).min(1).default(['install', 'update', 'remove']),
  parameters: values.default({ type: 'object', properties: {} }),
  instances: z.enum(['one', 'many']).default('one'),
  instance: z.string().optional(),
  limit: z.int().min(1).optional(),
  needs: z.array(needShape).default([]),
  uses: values.default({}),
  providers: z.array(word).optional(),
  elsewhere: z.string().min(1).optional(),
  price: priceShape.optional(),
  becomes: z.strictObject({ plan: word, params: values, when: z.unknown().optional() }).optional(),
  suspended: values.optional(),
  settings: values.optional(),
  qualifier: z.strictObject({ name: z.string(), host: z.string() }).optional(),
  steps: z.array(stepShape).optional(),
})

type RawPlan = z.infer<typeof planShape>

/**
 * The plans of `<folder>/*.yml` for accounts or for sites; all when left out. `actions` are the names that steps may use,
 * `facts` what parameters take their defaults of.
 */
export function loadPlans(folder: string, actions?: Iterable<string>, scope?: Plan['for'], facts: Values = {}): Plans {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yml'))
  const known = actions === undefined ? undefined : new Set(actions)
  const plans = names.sort().flatMap((name) => loadPlan(join(folder, name), known, scope, facts))
  const all: Plans = new Map(plans.map((plan) => [plan.plan, plan]))
  checkTogether(all, folder)
  return all
}

function loadPlan(
  file: string,
  actions: ReadonlySet<string> | undefined,
  scope: Plan['for'] | undefined,
  facts: Values,
): Plan[] {
  const text = readFileSync(file, 'utf8')
  if (scope !== undefined && ![scope, undefined].includes(scopeOf(text))) return []
  const plan = parsePlan(text, file, actions, facts)
  if (`${plan.plan}.yml` === basename(file)) return [plan]
  throw new AppError(
    'invalid',
    'plan-invalid',
    `${file}: plan: is '${plan.plan}', must be the file's name without .yml`,
  )
}

/** Whose plan it is, before anything else of it is read; undefined when it can't be read, which reading it whole tells. */
function scopeOf(text: string): Plan['for'] | undefined {
  const document = parseDocument(text)
  if (document.errors.length > 0) return undefined
  const { for: whose = 'account' } = (document.toJS() ?? {}) as { for?: unknown }
  return whose === 'account' || whose === 'site' ? whose : undefined
}

/** What one plan says of others: they exist, and none needs itself in the end. */
function checkTogether(plans: Plans, folder: string): void {
  for (const { plan, needs, becomes } of plans.values()) {
    const named = [...needs.map((need) => need.plan), ...(becomes === undefined ? [] : [becomes.plan])]
    const unknown = named.find((name) => !plans.has(name))
    const field = becomes?.plan === unknown ? 'becomes' : 'needs'
    if (unknown !== undefined)
      throw mistake(join(folder, `${plan}.yml`), undefined, field, `there is no plan '${unknown}'`)
  }
  const cycle = findCycle(
    [...plans.values()].map(({ plan, needs }) => ({ step: plan, after: needs.map((n) => n.plan) })),
  )
  if (cycle !== undefined)
    throw mistake(join(folder, `${cycle[0]}.yml`), undefined, 'needs', `need each other: ${cycle.join(' → ')}`)
}

/** Reads one plan; every mistake is named with file, line and field. */
export function parsePlan(text: string, file: string, actions?: ReadonlySet<string>, facts: Values = {}): Plan {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const [broken] = document.errors
  if (broken !== undefined)
    throw mistake(file, broken.linePos?.[0].line, '', broken.message.split('\n')[0] ?? 'not YAML')
  const fail: Fail = (path, problem) => mistake(file, lineOf(document, lines, path), fieldName(path), problem)
  const parsed = planShape.safeParse(document.toJS())
  const [issue] = parsed.error?.issues ?? []
  if (issue !== undefined) throw fail(issue.path, issue.message)
  const raw = parsed.data as RawPlan
  return buildPlan({ ...raw, parameters: withSiteDefaults(raw.parameters, facts) }, fail, actions)
}

type Fail = (path: readonly PropertyKey[], problem: string) => AppError

function buildPlan(raw: RawPlan, fail: Fail, actions: ReadonlySet<string> | undefined): Plan {
  const always = raw.becomes !== undefined && raw.becomes.when === undefined
  if (!always && raw.steps === undefined) throw fail(['steps'], 'must be given; [] for none')
  const listed = raw.steps ?? []
  const names = listed.map((step) => step.step)
  const steps = listed.map((step, index) => {
    const before = names[index - 1]
    return withoutUndefined({ ...step, after: step.after ?? (before === undefined ? [] : [before]) })
  })
  for (const [index, step] of steps.entries()) checkStep(step, index, names, fail, actions)
  const cycle = findCycle(steps)
  if (cycle !== undefined) throw fail(['steps'], `wait for each other: ${cycle.join(' → ')}`)
  checkSecrets(raw.parameters, fail)
  const [other] = markedParameters(raw.parameters, 'account')
  if (other !== undefined && raw.orderable === 'user')
    throw fail(['parameters', 'properties', other], 'another account is named by plans that admins order')
  const checkParams = compile(raw.plan, raw.parameters, fail)
  checkPhases(raw, fail)
  checkInstances(raw, fail)
  checkNames(raw, fail)
  return {
    ...raw,
    instance: raw.instance,
    limit: raw.instances === 'one' ? 1 : (raw.limit ?? 10),
    needs: raw.needs.map(({ instance, ...need }) => (instance === undefined ? need : { ...need, instance })),
    providers: raw.providers,
    elsewhere: raw.elsewhere,
    price: raw.price,
    becomes: raw.becomes,
    suspended: raw.suspended ?? {},
    settings: raw.settings,
    qualifier: raw.qualifier,
    steps,
    secrets: markedParameters(raw.parameters, 'secret'),
    once: markedParameters(raw.parameters, 'once'),
    grows: markedParameters(raw.parameters, 'grows'),
    fixed: markedParameters(raw.parameters, 'fixed'),
    other: markedParameters(raw.parameters, 'account')[0],
    checkParams,
  }
}

function checkPhases(raw: RawPlan, fail: Fail): void {
  const suspends = raw.phases.includes('suspend')
  if (suspends !== raw.phases.includes('resume')) throw fail(['phases'], 'suspend and resume come together')
  if (suspends !== (raw.suspended !== undefined))
    throw fail(suspends ? ['phases'] : ['suspended'], 'phase suspend and `suspended` come together')
}

/** Its name becomes part of names outside, so the parameter it comes from must say what it may hold. */
function checkInstances(raw: RawPlan, fail: Fail): void {
  if (raw.instances === 'one') {
    if (raw.instance !== undefined) throw fail(['instance'], 'is for plans with `instances: many`')
    if (raw.limit !== undefined) throw fail(['limit'], 'is for plans with `instances: many`')
    return
  }
  const name = /^\$\{params\.([A-Za-z0-9_-]+)\}$/.exec(raw.instance ?? '')?.[1]
  if (name === undefined) throw fail(['instance'], 'must name the parameter that tells several apart: ${params.<name>}')
  const schema = parametersOf(raw.parameters)[name]
  if (schema === undefined) throw fail(['instance'], `\${params.${name}}: '${name}' is no parameter of this plan`)
  if (schema['type'] !== 'string' || schema['pattern'] === undefined)
    throw fail(['parameters', 'properties', name], 'must be a string with a pattern: it names the instance')
}

/** Every `${params.…}` is a parameter of this plan. */
function checkNames(raw: RawPlan, fail: Fail): void {
  if (raw.parameters['additionalProperties'] === true) return
  const known = parametersOf(raw.parameters)
  const check = (path: readonly PropertyKey[], template: unknown): void => {
    for (const name of placeholders(template).flatMap((one) => one.split('|'))) {
      if (!isPath(name)) throw fail(path, `\${${name}} must be a path such as \${account.name}`)
      const [root, parameter = ''] = name.split('.')
      if ((root === 'params' || root === 'is') && known[parameter] === undefined)
        throw fail(path, `\${${name}}: '${parameter}' is no parameter of this plan`)
    }
  }
  for (const field of ['uses', 'settings', 'suspended', 'qualifier'] as const) check([field], raw[field])
  check(['becomes'], raw.becomes)
  for (const [index, need] of raw.needs.entries()) check(['needs', index], need)
  for (const [index, { when, unless, with: input }] of (raw.steps ?? []).entries())
    for (const [field, template] of Object.entries({ when, unless, with: input }))
      check(['steps', index, field], template)
  const foreign = Object.keys(raw.suspended ?? {}).find((name) => known[name] === undefined)
  if (foreign !== undefined) throw fail(['suspended', foreign], `'${foreign}' is no parameter of this plan`)
}

function checkSecrets(parameters: Values, fail: Fail): void {
  for (const [name, schema] of Object.entries(parametersOf(parameters))) {
    const path = ['parameters', 'properties', name]
    if (typeof schema !== 'object' || schema === null) throw fail(path, 'must be a JSON Schema')
    if (schema['secret'] === true && schema['type'] !== 'string') throw fail(path, 'a secret must be of type string')
    if (schema['secret'] === true && schema['default'] !== undefined) throw fail(path, 'a secret has no default')
  }
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
  for (const field of ['when', 'unless', 'with'] as const) {
    for (const name of placeholders(step[field]).flatMap((one) => one.split('|'))) {
      if (!isPath(name)) throw fail([...at, field], `\${${name}} must be a path such as \${account.name}`)
      const [root, target] = name.split('.')
      if (root !== 'steps') continue
      if (field !== 'with')
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

function withoutUndefined(step: PlanStep): PlanStep {
  const { when, unless, ...rest } = step
  return { ...rest, ...(when === undefined ? {} : { when }), ...(unless === undefined ? {} : { unless }) }
}

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return undefined
}

/** `steps[0].with`, of a place in a file. */
export function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
}

function mistake(file: string, line: number | undefined, field: string, problem: string): AppError {
  const place = [line === undefined ? file : `${file}:${line}`, ...(field === '' ? [] : [field])].join(': ')
  return new AppError('invalid', 'plan-invalid', `${place}: ${problem}`, { details: { file, line, field } })
}
