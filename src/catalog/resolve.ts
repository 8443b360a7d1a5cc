import { AppError } from '../base/errors.ts'
import type { Values } from './plan.ts'

/** What templates know of parameters: `${params.kind}`, and `${is.kind.mongodb}` for whether one has that value. */
export function paramValues(params: Values): Values {
  const words = Object.entries(params).filter(([, value]) => typeof value === 'string')
  return { params, is: Object.fromEntries(words.map(([name, value]) => [name, { [String(value)]: true }])) }
}

/** Where a template stands, for messages: `plan omegaml, step database, with.user`. */
export interface Place {
  readonly plan: string
  readonly step: string
  readonly field: string
}

const placeholder = /\$\{([^}]*)\}/g
const path = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*$/

/**
 * Puts values into `${a.b.c}` placeholders, in every string of a template. A string that is exactly one placeholder
 * becomes the value itself with its type; of `${a.b|c.d}` the first that is known and not empty. A fixed map, no
 * expressions: what is not in `values` is an error.
 */
export function resolve(template: unknown, values: Values, place: Place): unknown {
  if (typeof template === 'string') return resolveText(template, values, place)
  if (Array.isArray(template)) {
    return template.map((item, index) => resolve(item, values, { ...place, field: `${place.field}[${index}]` }))
  }
  if (typeof template === 'object' && template !== null) {
    return Object.fromEntries(
      Object.entries(template).map(([key, item]) => [
        key,
        resolve(item, values, { ...place, field: `${place.field}.${key}` }),
      ]),
    )
  }
  return template
}

/** Every placeholder of a template as written inside the braces, for checks before anything runs. */
export function placeholders(template: unknown): string[] {
  if (typeof template === 'string') return [...template.matchAll(placeholder)].map((match) => match[1] ?? '')
  if (Array.isArray(template)) return template.flatMap(placeholders)
  if (typeof template === 'object' && template !== null) return Object.values(template).flatMap(placeholders)
  return []
}

/**
 * As `resolve`, without the entries of objects and lists that are, or hold, a parameter which was not given, and without
 * objects of lists whose `when` does not hold.
 */
export function resolveGiven(template: unknown, values: Values, place: Place): unknown {
  if (Array.isArray(template)) {
    return template.flatMap((item, index) => {
      const here = { ...place, field: `${place.field}[${index}]` }
      return isLeftOut(item, values, here) ? [] : whenGiven(() => resolveItem(item, values, here))
    })
  }
  if (typeof template !== 'object' || template === null) return resolve(template, values, place)
  const entries = Object.entries(template).flatMap(([key, item]) =>
    whenGiven(() => [key, resolveGiven(item, values, { ...place, field: `${place.field}.${key}` })] as const),
  )
  return Object.fromEntries(entries)
}

/** An object in a list is there as a whole or not at all; its `when` is no part of it. */
function resolveItem(item: unknown, values: Values, place: Place): unknown {
  if (Array.isArray(item)) return resolveGiven(item, values, place)
  if (typeof item !== 'object' || item === null || !Object.hasOwn(item, 'when')) return resolve(item, values, place)
  const { when: _when, ...rest } = item as Values
  return resolve(rest, values, place)
}

function isLeftOut(item: unknown, values: Values, place: Place): boolean {
  if (typeof item !== 'object' || item === null || !Object.hasOwn(item, 'when')) return false
  return !holds((item as Values)['when'], values, place)
}

/** Whether a condition is given, and neither empty, zero nor a no. */
export function holds(when: unknown, values: Values, place: Place): boolean {
  try {
    const value = resolve(when, values, place)
    if (Array.isArray(value)) return value.length > 0
    return typeof value === 'string' ? !['', '0', 'no', 'false', 'off'].includes(value.toLowerCase()) : Boolean(value)
  } catch (error) {
    if (isMissingOption(error, values)) return false
    throw error
  }
}

/** A parameter that was not given is a no; a first word that nobody knows is a mistake in the plan. */
function isMissingOption(error: unknown, values: Values): boolean {
  if (!(error instanceof AppError) || error.code !== 'placeholder-unknown') return false
  const [root] = String(error.details?.['placeholder']).split('.')
  return root !== undefined && Object.hasOwn(values, root)
}

function whenGiven<Value>(make: () => Value): Value[] {
  try {
    return [make()]
  } catch (error) {
    if (isNotGiven(error)) return []
    throw error
  }
}

/** Is this the error of a parameter that was not given, or of another service that was not named? */
export function isNotGiven(error: unknown): boolean {
  return isUnknown(error, 'params.') || isUnknown(error, 'needs.')
}

/** Is this the error of what an earlier step would have given, or of credentials that the first install would have made? */
export function isNotMade(error: unknown): boolean {
  return isUnknown(error, 'steps.') || isUnknown(error, 'settings.')
}

/** Is this the error of an order's own account that is gone? */
export function isAccountGone(error: unknown): boolean {
  return isUnknown(error, 'account.')
}

/** Is this the error of another account that is gone? */
export function isOtherGone(error: unknown): boolean {
  return isUnknown(error, 'other.')
}

function isUnknown(error: unknown, root: string): boolean {
  if (!(error instanceof AppError) || error.code !== 'placeholder-unknown') return false
  return String(error.details?.['placeholder']).startsWith(root)
}

/** Is it of the form `a.b.c`, or `a.b|c.d`? Anything else is a mistake in a plan. */
export function isPath(name: string): boolean {
  return path.test(name)
}

function resolveText(text: string, values: Values, place: Place): unknown {
  const whole = /^\$\{([^}]*)\}$/.exec(text)
  if (whole !== null) return lookUp(whole[1] ?? '', values, place)
  return text.replace(placeholder, (_, name: string) => asText(lookUp(name, values, place), name, place))
}

function asText(value: unknown, name: string, place: Place): string {
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value)
  const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object'
  throw wrong('placeholder-not-text', `\${${name}} is ${kind} and can't stand inside a text`, name, place)
}

function lookUp(name: string, values: Values, place: Place): unknown {
  const names = name.split('|')
  for (const one of names.slice(0, -1)) {
    const value = find(one, values)
    if (value !== undefined && value !== '' && value !== null) return value
  }
  const last = names.at(-1) ?? ''
  const value = find(last, values)
  if (value !== undefined) return value
  const text = `${names.map((one) => `\${${one}}`).join(', ')} ${names.length === 1 ? 'is' : 'are'} not known`
  throw wrong(
    'placeholder-unknown',
    [text, ...names.flatMap((one) => gaveInstead(one, values))].join('; '),
    last,
    place,
  )
}

function find(name: string, values: Values): unknown {
  let current: unknown = values
  for (const part of name.split('.')) {
    // Own properties only: `constructor` and `__proto__` are no values of ours.
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined
    current = (current as Record<string, unknown>)[part]
  }
  return current
}

/** What a step gave that lacks what is asked of it: a module that was changed may have lost an output. */
function gaveInstead(name: string, values: Values): string[] {
  const [root, step = ''] = name.split('.')
  const outputs = root === 'steps' ? find(`steps.${step}`, values) : undefined
  if (typeof outputs !== 'object' || outputs === null) return []
  const names = Object.keys(outputs).filter((key) => (outputs as Values)[key] !== undefined)
  return [`step ${step} gave ${names.sort().join(', ') || 'nothing'}`]
}

function wrong(code: string, what: string, name: string, { plan, step, field }: Place): AppError {
  return new AppError('invalid', code, `plan ${plan}, step ${step}, ${field}: ${what}`, {
    details: { plan, step, field, placeholder: name },
  })
}
