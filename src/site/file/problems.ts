import type { z } from 'zod'
import { rightOf } from '../../base/issue-words.ts'
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

function valueAt(file: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inside, part) => (inside as Record<PropertyKey, unknown> | undefined)?.[part], file)
}
