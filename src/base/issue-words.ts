import type { z } from 'zod'
import { didYouMean, nearest } from './nearest.ts'

type Issue = z.core.$ZodIssue

/** Zod's own words; whoever wrote a schema may have found better ones. */
const zodsOwn = /^(Invalid |Too (small|big): |Unrecognized )/

/** A schema's finding in words for people: what would be right where `value` stands, or is missing. */
export function inPeoplesWords(issue: Issue, value: unknown): string {
  if (!zodsOwn.test(issue.message)) return issue.message
  return `${value === undefined ? 'is missing; ' : ''}${rightOf(issue, value)}`
}

/** What would be right, whatever the schema says. */
export function rightOf(issue: Issue, value: unknown): string {
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
      return issue.message.startsWith('Invalid ') ? `right is ${formatOf(issue)}` : issue.message
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
  datetime: 'a time such as 2026-07-01T12:00:00Z',
}

function formatOf({ format, pattern }: z.core.$ZodIssueInvalidStringFormat): string {
  return formats[format] ?? (format === 'regex' ? `what matches ${pattern ?? 'the pattern'}` : format)
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
