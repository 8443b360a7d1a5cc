import type { JsonSchema } from './json-schema.ts'
import { secretMark } from './secret-ref.ts'

interface Row {
  readonly field: string
  readonly form: string
  readonly otherwise: string
  readonly about: string
}

/** The tables of `docs/site-file.md`, from the schema itself. */
export function siteFileTables(schema: JsonSchema): string[] {
  const tops = Object.entries(schema.properties ?? {})
  const simple = tops.filter(([, one]) => !isGroup(one))
  const groups = tops.filter(([, one]) => isGroup(one))
  return [
    ...table(simple.map(([name, one]) => row(name, one, schema.required))),
    ...groups.flatMap(([name, one]) => ['', `### \`${name}\``, '', `${one.description ?? ''}.`, '', ...groupOf(one)]),
  ]
}

function isGroup(schema: JsonSchema): boolean {
  return schema.oneOf !== undefined || schema.properties !== undefined || schema.items?.properties !== undefined
}

function groupOf(schema: JsonSchema): string[] {
  if (schema.oneOf !== undefined) return variantsOf(schema.oneOf)
  return table(rowsOf(schema.items ?? schema, schema.items === undefined ? '' : '[].'))
}

function variantsOf(variants: readonly JsonSchema[]): string[] {
  return variants.flatMap((one) => {
    const { kind, ...rest } = one.properties ?? {}
    const head = `\`kind: ${String(kind?.const)}\`: ${kind?.description ?? ''}`
    const rows = rowsOf({ ...one, properties: rest }, '')
    return rows.length === 0 ? [head, ''] : [head, '', ...table(rows), '']
  })
}

function rowsOf(schema: JsonSchema, prefix: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const field = `${prefix}${name}`
    const own = row(field, one, schema.required)
    if (one.title === secretMark.title) return [own]
    if (one.oneOf !== undefined) return [own, ...one.oneOf.flatMap((variant) => rowsOf(variant, `${field}.`))]
    if (one.properties !== undefined) return [own, ...rowsOf(one, `${field}.`)]
    if (one.anyOf !== undefined) return [own, ...one.anyOf.flatMap((variant) => rowsOf(variant, `${field}.`))]
    const items = one.items
    if (items?.oneOf !== undefined) return [own, ...items.oneOf.flatMap((variant) => rowsOf(variant, `${field}[].`))]
    if (items?.properties !== undefined) return [own, ...rowsOf(items, `${field}[].`)]
    const named = typeof one.additionalProperties === 'object' ? one.additionalProperties : undefined
    if (named?.properties !== undefined) return [own, ...rowsOf(named, `${field}.<name>.`)]
    return [own]
  })
}

function row(field: string, schema: JsonSchema, required: readonly string[] = []): Row {
  const name = field.split('.').at(-1) ?? field
  const otherwise = required.includes(name) ? 'needed' : defaultOf(schema)
  return { field: `\`${field}\``, form: formOf(schema), otherwise, about: schema.description ?? '' }
}

function defaultOf({ default: value }: JsonSchema): string {
  if (value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) return ''
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function formOf(schema: JsonSchema): string {
  if (schema.title === secretMark.title) return 'secret'
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(', ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.items !== undefined) return schema.items.title === secretMark.title ? 'secrets' : 'list'
  if (schema.oneOf !== undefined || schema.anyOf !== undefined) return 'one of several'
  if (schema.type === 'object') return schema.properties === undefined ? 'names with values' : 'keys'
  const { minimum, maximum } = schema
  const isBounded = minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  const range = isBounded ? `, ${minimum} to ${maximum}` : ''
  return `${kinds[schema.type ?? ''] ?? 'any'}${range}`
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
}

function table(rows: readonly Row[]): string[] {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  return [
    '| Key | Form | Default | Meaning |',
    '|---|---|---|---|',
    ...rows.map(({ field, form, otherwise, about }) => `| ${[field, form, otherwise, about].map(cell).join(' | ')} |`),
  ]
}
