import { Ajv, type ErrorObject } from 'ajv'
import { AppError } from '../base/errors.ts'
import { didYouMean, nearest } from '../base/nearest.ts'
import type { Values } from './plan.ts'

/** How a secret parameter is stored; only the service itself writes such values. */
const SEALED = 'sealed:'

export function sealedText(sealed: string): string {
  return `${SEALED}${sealed}`
}

/** What was sealed, or `undefined` when this is no sealed value. */
export function sealedPart(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith(SEALED) ? value.slice(SEALED.length) : undefined
}

/** Each parameter's schema, by its name. */
export function parametersOf(schema: Values): Readonly<Record<string, Values>> {
  return (schema['properties'] ?? {}) as Record<string, Values>
}

/** Names of the parameters whose schema has this mark. */
export function markedParameters(schema: Values, mark: 'secret' | 'once' | 'account' | 'grows' | 'fixed'): string[] {
  return Object.entries(parametersOf(schema)).flatMap(([name, part]) => (part[mark] === true ? [name] : []))
}

/** With the defaults that a site says: parameters name its facts, such as `siteDefault: home.sizeGb`. */
export function withSiteDefaults(schema: Values, facts: Values): Values {
  const properties = Object.entries(parametersOf(schema)).map(([name, part]) => {
    const fact = typeof part['siteDefault'] === 'string' ? factOf(facts, part['siteDefault']) : undefined
    return [name, fact === undefined ? part : { ...part, default: fact }]
  })
  return { ...schema, properties: Object.fromEntries(properties) as Values }
}

function factOf(facts: Values, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? (value as Values)[key] : undefined),
      facts,
    )
}

/** What holds after an order: what held before, and what was given; `null` goes back to the default. */
export function mergedParams(before: Values, given: Values): Values {
  return Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value !== null))
}

/** One for all plans: the schema of schemas is compiled once. */
const ajv = createAjv()

function createAjv(): Ajv {
  const made = new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    allowUnionTypes: true,
    $data: true,
    verbose: true,
  })
  for (const format of ['email', 'uri', 'hostname', 'password']) made.addFormat(format, true)
  // For people and forms (`unit`), and for the service itself.
  for (const keyword of ['secret', 'once', 'account', 'unit', 'siteDefault', 'grows', 'fixed']) made.addKeyword(keyword)
  return made
}

/**
 * Compiles a plan's JSON Schema into a check that fills in defaults. Unknown parameters are refused unless the schema says
 * otherwise: a typing error must not be taken for consent to the default. `{"$data": "1/other"}` compares with another one.
 */
export function compileParameters(plan: string, schema: Values): (params: Values) => Values {
  const validate = ajv.compile({ type: 'object', additionalProperties: false, ...schema })
  const secrets = new Set(markedParameters(schema, 'secret'))
  const check = (params: Values, { complete = true } = {}): Values => {
    // What is sealed was checked before it was.
    const entries = Object.entries(structuredClone(params))
    const sealed = Object.fromEntries(
      entries.filter(([name, value]) => secrets.has(name) && sealedPart(value) !== undefined),
    )
    const checked = Object.fromEntries(entries.filter(([name]) => !(name in sealed)))
    const errors = validate(checked) ? [] : (validate.errors ?? [])
    const wrong = errors.filter(
      ({ keyword, params: about }) =>
        // Beside what `then` found wrong.
        keyword !== 'if' && (keyword !== 'required' || (complete && !(String(about['missingProperty']) in sealed))),
    )
    if (wrong.length === 0) return { ...checked, ...sealed }
    const all = withoutParts(wrong).map((error) => problemOf(error, secrets))
    const problems = all.slice(0, MOST_TOLD)
    const more = all.length > MOST_TOLD ? [`and ${all.length - MOST_TOLD} more`] : []
    const text = [...problems.map(inWords), ...more].join('; ')
    throw new AppError('invalid', 'parameters-invalid', `parameters of plan ${plan}: ${text}`, {
      details: { plan, errors: problems },
    })
  }
  check({}, { complete: false })
  return (params) => check(params)
}

/** More are told in number only. */
export const MOST_TOLD = 20

export interface ParameterProblem {
  /** Such as `params.size`. */
  readonly field: string
  readonly value?: unknown
  /** What is wrong, and with it what would be right. */
  readonly problem: string
}

/** Of alternatives none of which fits, what is wrong with each would only confuse. */
function withoutParts(errors: readonly ErrorObject[]): ErrorObject[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf')
  return errors.filter(
    ({ schemaPath, instancePath }) =>
      !choices.some((one) => one.instancePath === instancePath && schemaPath.startsWith(`${one.schemaPath}/`)),
  )
}

function problemOf(error: ErrorObject, secrets: ReadonlySet<string>): ParameterProblem {
  const here = error.instancePath.slice(1).replaceAll('/', '.')
  const inside = (name: unknown) => (here === '' ? String(name) : `${here}.${String(name)}`)
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object).sort()
      const name = String(error.params['additionalProperty'])
      const meant = didYouMean(nearest(name, known))
      const problem = `is not a parameter of this plan${meant}; it has ${known.join(', ') || 'none'}`
      return { field: `params.${inside(name)}`, problem }
    }
    case 'required':
      return { field: `params.${inside(error.params['missingProperty'])}`, problem: 'is missing' }
    default: {
      const field = here === '' ? 'params' : `params.${here}`
      const value = secrets.has(here.split('.')[0] ?? '') ? {} : { value: shown(error.data) }
      return { field, ...value, problem: problemText(error) }
    }
  }
}

function problemText(error: ErrorObject): string {
  switch (error.keyword) {
    case 'enum':
      return `must be one of ${JSON.stringify(error.params['allowedValues'])}`
    case 'type':
      return `must be ${kinds[String(error.params['type'])] ?? `of type ${String(error.params['type'])}`}`
    case 'pattern':
      return patternText(error)
    case 'anyOf':
      return `is none of what it may be${hintOf(error)}`
    case 'not': {
      const taken = (error.schema as { enum?: readonly unknown[] } | undefined)?.enum
      return taken === undefined ? 'is one of those that can’t be used' : `must be none of ${JSON.stringify(taken)}`
    }
    case 'false schema':
      return 'can’t be given together with the other values'
    default:
      return limitText(error) ?? error.message ?? `is not as wanted (${error.keyword})`
  }
}

const kinds: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  boolean: 'yes or no',
  string: 'a text',
  array: 'a list',
  object: 'an object of names and values',
}

/** People read what is meant; programs, and who wants to know exactly, the pattern. */
function patternText({ params, parentSchema }: ErrorObject): string {
  const pattern = String(params['pattern'])
  const hint = parentSchema?.['description']
  return typeof hint === 'string' ? `is not usable: ${hint} (it must match ${pattern})` : `must match ${pattern}`
}

function hintOf({ parentSchema }: ErrorObject): string {
  const hint = parentSchema?.['description']
  return typeof hint === 'string' ? ` (${hint})` : ''
}

function limitText({ keyword, params }: ErrorObject): string | undefined {
  const limit = String(params['limit'])
  switch (keyword) {
    case 'minimum':
      return `must be ${limit} or more`
    case 'maximum':
      return `must be ${limit} or less`
    case 'exclusiveMinimum':
      return `must be more than ${limit}`
    case 'exclusiveMaximum':
      return `must be less than ${limit}`
    case 'minLength':
      return `must have ${limit} characters or more`
    case 'maxLength':
      return `must have ${limit} characters or less`
    case 'minItems':
      return `must have ${limit} entries or more`
    case 'maxItems':
      return `must have ${limit} entries or less`
    default:
      return undefined
  }
}

/** A megabyte of a wrong value helps nobody. */
function shown(value: unknown): unknown {
  if (Array.isArray(value) && value.length > 20) return `${value.length} entries`
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : value
}

function inWords({ field, value, problem }: ParameterProblem): string {
  const name = field.replace(/^params\./, '')
  return [name, ...(value === undefined ? [] : [JSON.stringify(value)]), problem].join(' ')
}
