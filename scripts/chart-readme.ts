import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Document, isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'

const charts = ['omegaml-storage', 'omegaml-system', 'omegaml-ingress', 'omegaml-worker']
const folder = resolve(import.meta.dirname, '../charts')
const begin = '<!-- values: node scripts/chart-readme.ts -->'
const end = '<!-- /values -->'

interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
}

interface Row {
  readonly path: string
  readonly meaning: string
  /** Undefined for what only groups others. */
  readonly value?: unknown
}

/** A row for each value: its meaning is the comment above it in values.yaml, else the schema's description. */
function rowsOf(map: YAMLMap, schema: Schema, root: Schema, prefix = ''): Row[] {
  return map.items.flatMap((pair, index) => {
    if (!isScalar(pair.key)) return []
    const name = String(pair.key.value)
    const field = schema.properties?.[name] ?? {}
    const target = resolved(field, root)
    // The comment above the first key belongs to its map.
    const above = lastParagraph(pair.key.commentBefore ?? (index === 0 ? map.commentBefore : undefined))
    const meaning = above ?? field.description ?? target.description ?? ''
    const path = `${prefix}${name}`
    // How much a container gets is one value for readers.
    const isGroup = field.$ref !== '#/$defs/resources'
    if (
      isGroup &&
      isMap(pair.value) &&
      pair.value.flow !== true &&
      target.properties !== undefined &&
      pair.value.items.length > 0
    ) {
      return [{ path, meaning }, ...rowsOf(pair.value, target, root, `${path}.`)]
    }
    const value = (pair.value as { toJSON(): unknown } | null)?.toJSON()
    return [{ path, meaning, value: value ?? null }]
  })
}

function resolved(field: Schema, root: Schema): Schema {
  const name = field.$ref?.replace('#/$defs/', '')
  return name === undefined ? field : (root.$defs?.[name] ?? {})
}

function lastParagraph(comment: string | null | undefined): string | undefined {
  if (comment === null || comment === undefined) return undefined
  const lines =
    comment
      .split(/\n\s*\n/)
      .at(-1)
      ?.split('\n') ?? []
  return lines.map((line) => line.trim()).join(' ')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/<([^>]*)>/g, '`<$1>`')
}

function valueCell(value: unknown): string {
  if (value === undefined) return ''
  const text = new Document(value, { flow: true }).toString({ collectionStyle: 'flow', lineWidth: 0 }).trim()
  return `\`${text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')}\``
}

/** The table of a chart's values as Markdown. */
function table(chart: string): string {
  const document = parseDocument(readFileSync(join(folder, chart, 'values.yaml'), 'utf8'))
  const schema = JSON.parse(readFileSync(join(folder, chart, 'values.schema.json'), 'utf8')) as Schema
  if (!isMap(document.contents)) throw new Error(`${chart}/values.yaml holds no values`)
  const map = document.contents
  map.commentBefore ??= document.commentBefore
  const rows = rowsOf(map, schema, schema).map(
    ({ path, meaning, value }) => `| \`${path}\` | ${cell(meaning)} | ${valueCell(value)} |`,
  )
  return ['| Value | Meaning | Default |', '|---|---|---|', ...rows].join('\n')
}

const check = process.argv.includes('--check')
for (const chart of charts) {
  const path = join(folder, chart, 'README.md')
  const text = readFileSync(path, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from)
    throw new Error(`${path} has no lines "${begin}" and "${end}": the table stands between them`)
  const wanted = `${text.slice(0, from + begin.length)}\n\n${table(chart)}\n\n${text.slice(to)}`
  if (wanted === text) continue
  if (check) {
    console.error(`${path} does not list the values of the chart as they are`)
    process.exitCode = 1
  } else writeFileSync(path, wanted)
}
