/** A parameter of a plan as a form asks for it. */
export interface Field {
  readonly name: string
  readonly label: string
  /** What it is, and what is allowed. */
  readonly about: string
  readonly kind: 'text' | 'number' | 'switch' | 'choice' | 'lines' | 'json' | 'secret'
  readonly choices: readonly string[]
  readonly required: boolean
  readonly initial: unknown
  readonly isInteger: boolean
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly title?: string
  readonly description?: string
  readonly unit?: string
  readonly minimum?: unknown
  readonly maximum?: unknown
  readonly default?: unknown
  readonly secret?: boolean
  readonly items?: Schema
}

/** The parameters that people are asked for: those with a title, the required ones first. */
export function fieldsOf(parameters: Readonly<Record<string, unknown>>): Field[] {
  const properties = (parameters['properties'] ?? {}) as Readonly<Record<string, Schema>>
  const required = (parameters['required'] ?? []) as readonly string[]
  return Object.entries(properties)
    .filter(([name, schema]) => schema.title !== undefined || required.includes(name))
    .map(([name, schema]) => fieldOf(name, schema, required.includes(name)))
    .toSorted((one, other) => Number(other.required) - Number(one.required))
}

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const kind = kindOf(schema)
  return {
    name,
    label: schema.title ?? name,
    about: aboutOf(schema, kind),
    kind,
    choices: (schema.enum ?? []).map(String),
    required,
    initial: schema.default,
    isInteger: [schema.type].flat().includes('integer'),
  }
}

function kindOf(schema: Schema): Field['kind'] {
  const types = [schema.type ?? []].flat()
  if (schema.secret === true) return 'secret'
  if (schema.enum !== undefined) return 'choice'
  if (types.includes('boolean')) return 'switch'
  if (types.includes('integer') || types.includes('number')) return 'number'
  if (types.includes('array')) return schema.items?.type === 'string' ? 'lines' : 'json'
  return types.includes('object') ? 'json' : 'text'
}

function aboutOf(schema: Schema, kind: Field['kind']): string {
  const { description, unit, minimum, maximum } = schema
  const limits = [
    typeof minimum === 'number' ? `from ${minimum}` : '',
    typeof maximum === 'number' ? `to ${maximum}` : '',
    unit ?? '',
  ]
  const hints = { lines: 'one a line', json: 'as JSON', text: '', number: '', switch: '', choice: '', secret: '' }
  const words = [description ?? '', limits.filter((text) => text !== '').join(' '), hints[kind]]
  return (
    words
      .filter((text) => text !== '')
      // A word that is a value stays as it is typed.
      .map((text) => (/^\S+:/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)))
      .join('. ')
  )
}

/** What a field shows of a value. */
export function shownValue({ kind }: Field, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (kind === 'lines' && Array.isArray(value)) return value.map(String).join('\n')
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
}

/** A word typed in a field that can't be read as what it shall be. */
export class FieldProblem extends Error {
  readonly field: string
  constructor(field: string, problem: string) {
    super(problem)
    this.field = field
  }
}

/**
 * Parameters of an order from what was typed. What is as it was is left out; what was emptied becomes `null`, which
 * means the default; a secret that was not typed stays.
 */
export function paramsOf(
  fields: readonly Field[],
  typed: Readonly<Record<string, string>>,
  before: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const params: Record<string, unknown> = {}
  for (const field of fields) {
    const was = before[field.name]
    const value = valueOf(field, typed[field.name] ?? '')
    if (value === undefined) {
      if (was !== undefined && field.kind !== 'secret') params[field.name] = null
      continue
    }
    const known = was ?? (field.required ? undefined : field.initial)
    if (JSON.stringify(value) !== JSON.stringify(known)) params[field.name] = value
  }
  return params
}

function valueOf(field: Field, typed: string): unknown {
  const text = field.kind === 'secret' ? typed : typed.trim()
  if (field.kind === 'switch') return text === 'on'
  if (text === '') return undefined
  switch (field.kind) {
    case 'number':
      if (!/^-?\d+([.,]\d+)?$/.test(text)) throw new FieldProblem(field.name, 'Expected: a number.')
      return Number(text.replace(',', '.'))
    case 'lines':
      return text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
    case 'json':
      return parsed(field.name, text)
    case 'text':
    case 'choice':
    case 'secret':
      return text
  }
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new FieldProblem(name, 'Expected: JSON, such as a list in square brackets.')
  }
}
