import { z } from 'zod'
import { secretMark } from './secret-ref.ts'
import { siteFileSchema } from './schema.ts'

/** A part of a JSON Schema, as far as the site file's needs it. */
export interface JsonSchema {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly propertyNames?: JsonSchema
  readonly oneOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

/** The form of `site.yml` for editors, draft 7: what most of them read. */
export function siteFileJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(siteFileSchema, { io: 'input', target: 'draft-7' }) as JsonSchema
  return { ...schema, title: 'site.yml of cloudmgr' }
}

/** Names that may stand in the object at `path`, for the variant that `value` (the whole file) chose. */
export function knownKeys(schema: JsonSchema, value: unknown, path: readonly PropertyKey[]): string[] {
  const found = at(schema, value, path)
  return [...new Set(variants(found).flatMap((one) => Object.keys(one.properties ?? {})))]
}

/** Values of `kind` that the object at `path` may have. */
export function kindsAt(schema: JsonSchema, value: unknown, path: readonly PropertyKey[]): string[] {
  return variants(at(schema, value, path)).flatMap((one) => {
    const kind = one.properties?.['kind']?.const
    return typeof kind === 'string' ? [kind] : []
  })
}

/** Whether a secret stands at `path` or above it: its value is never shown. */
export function isSecretPath(schema: JsonSchema, value: unknown, path: readonly PropertyKey[]): boolean {
  return path.some((_, index) => at(schema, value, path.slice(0, index + 1))?.title === secretMark.title)
}

function at(schema: JsonSchema, value: unknown, path: readonly PropertyKey[]): JsonSchema | undefined {
  let current: JsonSchema | undefined = schema
  let inside: unknown = value
  for (const part of path) {
    const chosen: JsonSchema | undefined = current === undefined ? undefined : choose(current, inside)
    inside = (inside as Record<PropertyKey, unknown> | undefined)?.[part]
    if (typeof part === 'number') current = chosen?.items
    else current = chosen?.properties?.[String(part)] ?? asSchema(chosen?.additionalProperties)
  }
  return current === undefined ? undefined : choose(current, inside)
}

function asSchema(value: JsonSchema | boolean | undefined): JsonSchema | undefined {
  return typeof value === 'object' ? value : undefined
}

function variants(schema: JsonSchema | undefined): readonly JsonSchema[] {
  if (schema === undefined) return []
  return schema.oneOf ?? schema.anyOf ?? [schema]
}

/** The variant whose `kind` the value has. */
function choose(schema: JsonSchema, value: unknown): JsonSchema {
  const kind = (value as { kind?: unknown } | undefined)?.kind
  return schema.oneOf?.find((one) => one.properties?.['kind']?.const === kind) ?? schema
}
