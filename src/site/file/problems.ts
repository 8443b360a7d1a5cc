import type { z } from 'zod'
import { didYouMean, nearest } from '../../base/nearest.ts'
import { isSecretPath, type JsonSchema, kindsAt, knownKeys } from './json-schema.ts'
import { secretForms } from './secret-ref.ts'

/** One mistake in the site file, or something to think about. */
export interface Problem {
  readonly path: readonly PropertyKey[]
  /** What is wrong and what would be right. Never a secret. */
  readonly problem: string
  /** What stands there; left out where it is a secret, missing or long. */
  readonly value?: unknown
}

type Issue = z.core.$ZodIssue

/** The schema's findings in words for people, one for each field. */
export function problemsOf(issues: readonly Issue[], file: unknown, schema: JsonSchema): Problem[] {
  return issues.flatMap((issue) => problemOf(issue, file, schema))
}

function problemOf(issue: Issue, file: unknown, schema: JsonSchema): Problem[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, file, schema))
  if (isSecretPath(schema, file, path)) return [{ path, problem: secretProblem(issue, valueAt(file, path)) }]
  const value = valueAt(file, path)
  const shown = typeof value === 'object' || value === undefined ? {} : { value }
  const example = exampleOf(schema, file, path, value)
  return [{ path, problem: `${value === undefined ? 'is missing; ' : ''}${rightOf(issue, value)}${example}`, ...shown }]
}

/** A word where keys belong that is, or is nearly, a kind: `tls: local-ca`. */
function exampleOf(schema: JsonSchema, file: unknown, path: readonly PropertyKey[], value: unknown): string {
  if (typeof value !== 'string') return ''
  const [kind] = nearest(value, kindsAt(schema, file, path))
  return kind === undefined ? '' : `, such as {kind: ${kind}}`
}

function unknownKey(path: readonly PropertyKey[], key: string, file: unknown, schema: JsonSchema): Problem {
  const known = knownKeys(schema, file, path)
  const near = nearest(key, known)
  const other = otherKind(key, path, file, schema)
  const elsewhere = other === undefined ? '' : `; it goes with kind ${other}`
  const help = near.length > 0 ? didYouMean(near) : `; known here are ${known.join(', ')}${elsewhere}`
  return { path: [...path, key], problem: `unknown key${help}` }
}

/** Of the kinds that could stand here, one that has this key. */
function otherKind(key: string, path: readonly PropertyKey[], file: unknown, schema: JsonSchema): string | undefined {
  const changed = structuredClone(file)
  const here = valueAt(changed, path)
  if (typeof here !== 'object' || here === null) return undefined
  Object.assign(here, { kind: undefined })
  return kindsAt(schema, changed, path).find((kind) => {
    Object.assign(here, { kind })
    return knownKeys(schema, changed, path).includes(key)
  })
}

/** What is wrong with a reference; text that may be the secret itself is not repeated. */
function secretProblem(issue: Issue, value: unknown): string {
  if (value === undefined) return `is missing; right is ${secretForms}`
  if (typeof value !== 'object' || value === null) return `a secret never stands in the file; right is ${secretForms}`
  return issue.code === 'invalid_union' ? `right is ${secretForms}` : rightOf(issue, value)
}

function rightOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return `right is ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return oneOf(issue.values.map(String), value)
    case 'invalid_union':
      return oneOf(('options' in issue ? issue.options : undefined)?.map(String) ?? [], value)
    case 'too_small':
      if (issue.inclusive === false) return `right is more than ${Number(issue.minimum)}`
      return `right is ${Number(issue.minimum)}${unitOf(issue.origin, Number(issue.minimum))} at least`
    case 'too_big':
      return `right is ${Number(issue.maximum)}${unitOf(issue.origin, Number(issue.maximum))} at most`
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    case 'invalid_format':
      return issue.message.startsWith('Invalid ') ? `right is ${formats[issue.format] ?? issue.format}` : issue.message
    default:
      return issue.message
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'keys with values',
  record: 'names with values',
  array: 'a list',
}

const formats: Readonly<Record<string, string>> = {
  url: 'an address such as https://hub.example.org',
  email: 'a mail address',
}

function oneOf(names: readonly string[], value: unknown): string {
  const near = typeof value === 'string' ? nearest(value, names) : []
  if (near.length > 0) return `right is ${words(names)}${didYouMean(near)}`
  return `right is ${names.length === 0 ? 'another form' : words(names)}`
}

function words(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
}

function unitOf(origin: string, count: number): string {
  if (origin === 'string') return count === 1 ? ' letter' : ' letters'
  return origin === 'array' ? (count === 1 ? ' entry' : ' entries') : ''
}

function valueAt(file: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inside, part) => (inside as Record<PropertyKey, unknown> | undefined)?.[part], file)
}
