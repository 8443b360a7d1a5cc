import { readFileSync } from 'node:fs'
import { AppError, explain } from '../base/errors.ts'
import { type CsvRow, parseCsv } from './csv.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import type { ServiceApi } from '../site/service-api.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

interface Imported {
  readonly line: number
  readonly name: string
  readonly outcome: 'made' | 'there' | 'refused'
  readonly reason?: string
}

/** Makes an account of each line; those that are there already stay as they are, so that it may be repeated. */
export async function importAccounts(file: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const rows = readRows(file)
  const { api } = await connect(options, io)
  const done: Imported[] = []
  for (const row of rows) {
    io.interrupted.throwIfAborted()
    done.push({ line: row.line, name: row.fields['name'] ?? '', ...(await importOne(api, row)) })
  }
  show(done, options, io)
  return done.some(({ outcome }) => outcome === 'refused') ? exitCodes.failed : exitCodes.ok
}

async function importOne(api: ServiceApi, { fields }: CsvRow): Promise<Pick<Imported, 'outcome' | 'reason'>> {
  const { name = '', email = '', role = '' } = fields
  try {
    const body = { name, email, ...(role === '' ? {} : { role }) }
    await api.call({ method: 'POST', path: '/api/v2/accounts', body })
    return { outcome: 'made' }
  } catch (error) {
    // One wrong line must not keep the others out; a service that does not answer ends it.
    if (!(error instanceof AppError) || (error.kind !== 'invalid' && error.kind !== 'conflict')) throw error
    const isThere = error.code === 'account-exists' && (await hasMail(api, name, email))
    return isThere ? { outcome: 'there' } : { outcome: 'refused', reason: explain(error) }
  }
}

async function hasMail(api: ServiceApi, name: string, email: string): Promise<boolean> {
  const account = await api.call<{ email: string }>({ path: `/api/v2/accounts/${encodeURIComponent(name)}` })
  return account.email === email.toLowerCase()
}

function readRows(file: string): CsvRow[] {
  const rows = parseCsv(readText(file), file)
  const [first] = rows
  if (first === undefined) return []
  const columns = Object.keys(first.fields)
  const known = ['name', 'email', 'role']
  const missing = ['name', 'email'].filter((column) => !columns.includes(column))
  const unknown = columns.filter((column) => !known.includes(column))
  if (missing.length === 0 && unknown.length === 0) return rows
  throw new AppError(
    'invalid',
    'csv-columns-wrong',
    `${file} has the columns ${columns.join(', ')}: right are name, email and, if wanted, role`,
    { details: { missing, unknown } },
  )
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AppError('not-found', 'file-unreadable', `reading ${file}`, { cause })
  }
}

function show(done: readonly Imported[], options: GlobalOptions, io: Io): void {
  if (options.json === true) return printJson(io, { accounts: done })
  const rows = done.map(({ line, name, outcome, reason = '' }) => [String(line), name, outcome, reason])
  print(io, ...table([['LINE', 'NAME', 'OUTCOME', ''], ...rows]))
  const count = (outcome: Imported['outcome']) => done.filter((one) => one.outcome === outcome).length
  print(io, `${count('made')} made, ${count('there')} there already, ${count('refused')} refused`)
}
