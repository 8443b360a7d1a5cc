import { existsSync, readFileSync, statSync } from 'node:fs'
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml'
import { AppError } from '../../base/errors.ts'
import { fieldName } from '../../catalog/load.ts'
import { siteFileJsonSchema } from './json-schema.ts'
import { type Problem, problemsOf } from './problems.ts'
import { type SiteFile, siteFileSchema } from './schema.ts'

/** A site file that its schema accepts, with the places of its fields. */
export interface ParsedFile {
  readonly path: string
  readonly site: SiteFile
  /** Line of a field, or of the nearest one around it. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined
}

export function readSiteFile(path: string): ParsedFile {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new AppError('not-found', 'site-file-missing', `there is no site file ${path}: ./cloudmgr init writes one`, {
      details: { field: 'file', value: path },
    })
  }
  return parseSiteFile(readFileSync(path, 'utf8'), path)
}

/** All mistakes at once, each with line, field, value and what would be right. */
export function parseSiteFile(text: string, path: string): ParsedFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  if (document.errors.length > 0) {
    const found = document.errors.map((error) => ({
      line: error.linePos?.[0].line,
      problem: wordsOf(error.code, error.message),
    }))
    throw invalid(path, found)
  }
  const lineOf = (field: readonly PropertyKey[]) => lineAt(document, lines, field)
  const content: unknown = document.toJS()
  const parsed = siteFileSchema.safeParse(content ?? {})
  if (parsed.success) return { path, site: parsed.data, lineOf }
  throw siteFileInvalid({ path, lineOf }, problemsOf(parsed.error.issues, content, siteFileJsonSchema()))
}

function wordsOf(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands here a second time: leave one of them out'
  return message.split(/ at line|\n/)[0] ?? 'not YAML'
}

export function siteFileInvalid({ path, lineOf }: Omit<ParsedFile, 'site'>, problems: readonly Problem[]): AppError {
  const found = problems.map(({ path: field, problem, value }) => ({
    line: lineOf(field),
    field: fieldName(field),
    ...(value === undefined ? {} : { value }),
    problem,
  }))
  return invalid(
    path,
    found.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0)),
  )
}

interface Found {
  readonly line: number | undefined
  readonly field?: string
  readonly value?: unknown
  readonly problem: string
}

function invalid(path: string, found: readonly Found[]): AppError {
  const lines = found.map(({ line, field, value, problem }) => {
    const place = [line === undefined ? path : `${path}:${line}`, ...(field ? [field] : [])].join(': ')
    return `${place}: ${value === undefined ? '' : `${JSON.stringify(value)}; `}${problem}`
  })
  const text = lines.length === 1 ? (lines[0] ?? '') : `${lines.length} mistakes\n  ${lines.join('\n  ')}`
  return new AppError('invalid', 'site-file-invalid', text, { details: { file: path, errors: found } })
}

function lineAt(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const start = startOf(document, path.slice(0, length))
    if (start !== undefined) return lines.linePos(start).line
  }
  return undefined
}

/** Where the field's name stands; where an entry of a list begins. */
function startOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const key = path.at(-1)
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (isMap(parent)) {
    const pair = parent.items.find(({ key: name }) => isNode(name) && String(name) === String(key))
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined
  }
  const node: unknown = document.getIn(path, true)
  return isNode(node) ? node.range?.[0] : undefined
}
