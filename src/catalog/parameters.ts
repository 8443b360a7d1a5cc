import { Ajv, type ErrorObject } from 'ajv'
import { AppError } from '../base/errors.ts'
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
    const problems = wrong.map((error) => problemOf(error, secrets))
    const text = problems.map(inWords).join('; ')
    throw new AppError('invalid', 'parameters-invalid', `parameters of plan ${plan}: ${text}`, {
      details: { plan, errors: problems },
    })
  }
  check({}, { complete: false })
  return (params) => check(params)
}

export interface ParameterProblem {
  /** Such as `params.size`. */
  readonly field: string
  readonly value?: unknown
  /** What is wrong, and with it what would be right. */
  readonly problem: string
}

function problemOf(error: ErrorObject, secrets: ReadonlySet<string>): ParameterProblem {
  const here = error.instancePath.slice(1).replaceAll('/', '.')
  const inside = (name: unknown) => (here === '' ? String(name) : `${here}.${String(name)}`)
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object).sort()
      const problem = `is not a parameter of this plan; it has ${known.join(', ') || 'none'}`
      return { field: `params.${inside(error.params['additionalProperty'])}`, problem }
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
    case 'pattern': {
      const hint = error.parentSchema?.['description']
      return `must match ${String(error.params['pattern'])}${typeof hint === 'string' ? ` (${hint})` : ''}`
    }
    case 'false schema':
      return 'can’t be given together with the other values'
    default:
      return error.message ?? `is not as wanted (${error.keyword})`
  }
}

/** A megabyte of a wrong value helps nobody. */
function shown(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : value
}

function inWords({ field, value, problem }: ParameterProblem): string {
  const name = field.replace(/^params\./, '')
  return [name, ...(value === undefined ? [] : [JSON.stringify(value)]), problem].join(' ')
}
