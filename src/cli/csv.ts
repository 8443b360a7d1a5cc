import { AppError } from '../base/errors.ts'

export interface CsvRow {
  /** Where it begins in the file, from 1. */
  readonly line: number
  readonly fields: Readonly<Record<string, string>>
}

/**
 * Rows of a CSV file by the names of its first line. Commas or semicolons, as the first line has them; fields may be quoted.
 * Lines with nothing in them are passed over; every line with too many or too few fields is told.
 */
export function parseCsv(text: string, file: string): CsvRow[] {
  const [head, ...rest] = splitRows(text.replace(/^\uFEFF/, ''), file)
  if (head === undefined) throw wrong(file, ['it is empty: right is a first line with the names of the columns'])
  const names = head.cells.map((cell) => cell.trim().toLowerCase())
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw wrong(file, [`line 1 names the column ${JSON.stringify(twice)} twice`])
  const uneven = rest.filter(({ cells }) => cells.length !== names.length)
  if (uneven.length > 0) {
    const told = uneven.map(({ line, cells }) => `line ${line} has ${cells.length} fields, right are ${names.length}`)
    throw wrong(file, told)
  }
  return rest.map(({ line, cells }) => ({
    line,
    fields: Object.fromEntries(names.map((name, index) => [name, (cells[index] ?? '').trim()])),
  }))
}

interface Cells {
  readonly line: number
  readonly cells: readonly string[]
}

function splitRows(text: string, file: string): Cells[] {
  const separator = /^[^\n,]*;/.test(text) ? ';' : ','
  const rows: Cells[] = []
  let cells: string[] = []
  let line = 1
  let begin = 1
  const end = () => {
    if (cells.some((cell) => cell.trim() !== '')) rows.push({ line: begin, cells })
    cells = []
  }
  // One field, quoted or not, and what ends it.
  const field = new RegExp(String.raw`(?:"((?:[^"]|"")*)"|([^"\n\r${separator}]*))(${separator}|\r?\n|$)`, 'y')
  while (field.lastIndex < text.length) {
    const at = field.lastIndex
    const [whole = '', quoted, plain = '', ending = ''] = field.exec(text) ?? []
    if (whole === '' && at < text.length)
      throw wrong(file, [`line ${line} has a quote in the middle of a field, or none at its end`])
    field.lastIndex = at + whole.length
    cells.push(quoted?.replaceAll('""', '"') ?? plain)
    line += whole.split('\n').length - 1
    if (ending === separator) continue
    end()
    begin = line
  }
  end()
  return rows
}

function wrong(file: string, problems: readonly string[]): AppError {
  return new AppError('invalid', 'csv-invalid', `${file}: ${problems.join('; ')}`, { details: { problems } })
}
