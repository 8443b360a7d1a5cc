import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, test } from 'vitest'
import { isMap, parse, parseDocument } from 'yaml'

const charts = ['omegaml-storage', 'omegaml-system', 'omegaml-ingress', 'omegaml-worker']

interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
}

function read(chart: string, file: string): string {
  return readFileSync(join(import.meta.dirname, '../../../charts', chart, file), 'utf8')
}

function schemaOf(chart: string): Schema {
  return JSON.parse(read(chart, 'values.schema.json')) as Schema
}

for (const chart of charts) {
  describe(chart, () => {
    test('the default values fit the schema', () => {
      const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schemaOf(chart))
      assert.ok(validate(parse(read(chart, 'values.yaml'))), JSON.stringify(validate.errors))
    })

    test('every field of the schema has a default, so that it can be read about in values.yaml', () => {
      const values = parse(read(chart, 'values.yaml')) as Record<string, unknown>
      const missing = missingDefaults(schemaOf(chart), schemaOf(chart), values, '')
      assert.deepEqual(missing, [])
    })

    test('every field of the top level has a description, and no object of the schema takes unknown fields', () => {
      const schema = schemaOf(chart)
      for (const [name, field] of Object.entries(schema.properties ?? {})) {
        assert.ok(field.description ?? resolve(schema, field).description, `${name} has no description`)
      }
      assert.deepEqual(openObjects(schema, ''), [])
    })

    test('every value of the top level is explained where it stands and listed in the README', () => {
      const document = parseDocument(read(chart, 'values.yaml'))
      assert.ok(isMap(document.contents))
      const readme = read(chart, 'README.md')
      const lines = read(chart, 'values.yaml').split('\n')
      for (const name of Object.keys(document.toJS() as object)) {
        assert.ok(readme.includes(`\`${name}\``), `README.md does not mention ${name}`)
        assert.ok(isExplained(lines, name), `values.yaml does not explain ${name}`)
      }
    })
  })
}

test('the helpers that all charts share are the same file in each', () => {
  const files = charts.map((chart) => read(chart, 'templates/_common.tpl'))
  assert.equal(new Set(files).size, 1)
})

function resolve(root: Schema, schema: Schema): Schema {
  const name = schema.$ref?.replace('#/$defs/', '')
  return name === undefined ? schema : resolve(root, root.$defs?.[name] ?? {})
}

function missingDefaults(root: Schema, schema: Schema, value: unknown, path: string): string[] {
  const { properties } = resolve(root, schema)
  if (properties === undefined || path.includes('/resources') || path.includes('/volumes')) return []
  return Object.entries(properties).flatMap(([name, field]) => {
    if (path === '' && name === 'global') return []
    const found = (value as Record<string, unknown> | undefined)?.[name]
    return found === undefined ? [`${path}/${name}`] : missingDefaults(root, field, found, `${path}/${name}`)
  })
}

/** Objects with named fields that would swallow a misspelt one. */
function openObjects(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties, additionalProperties } = schema as Schema
  // Not a field that happens to be called so: those lie one level deeper.
  const isObject = properties !== undefined && (schema as Schema).type !== undefined
  const here = isObject && additionalProperties !== false ? [path] : []
  return [...here, ...Object.entries(schema).flatMap(([name, part]) => openObjects(part, `${path}/${name}`))]
}

/** By a comment above it, above its neighbours without a blank line between, or on its first field. */
function isExplained(lines: readonly string[], name: string): boolean {
  const at = lines.findIndex((line) => line.startsWith(`${name}:`))
  const start = lines.slice(0, at).lastIndexOf('')
  const end = lines.findIndex((line, index) => index > at && line === '')
  return lines.slice(start + 1, end === -1 ? undefined : end).some((line) => /^\s*# /.test(line))
}
