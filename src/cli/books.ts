import { AppError } from '../base/errors.ts'
import type { ServiceApi } from '../site/service-api.ts'
import { type FollowedCommand, followCommand, followToEnd } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

export interface BooksOptions extends GlobalOptions {
  readonly mend?: boolean | undefined
  /** With `mend`: orphans too that may hold data. */
  readonly data?: boolean | undefined
  readonly yes?: boolean | undefined
}

interface Finding {
  readonly id: number
  readonly mendable: boolean
  readonly holdsData?: boolean
  readonly detail: string
  readonly account?: string
  readonly system?: string
  readonly kind?: string
  readonly name?: string
  readonly plan?: string
  readonly instance?: string
  readonly step?: string
}

type Word = 'orphans' | 'drift'

/** Compares books and world, and lists what differs; with `--mend` orders what mends it, and compares again. */
export async function showDifferences(word: Word, options: BooksOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const findings = await compare(word, api, io)
  const mendable = findings.filter((one) => one.mendable || (options.data === true && one.holdsData === true))
  if (options.mend !== true || mendable.length === 0) {
    if (options.json === true) printJson(io, findings)
    else print(io, ...lines(word, findings))
    return exitCodes.ok
  }
  if (options.json !== true) print(io, ...lines(word, findings))
  await confirmed(word, mendable, options, io)
  const body = { ids: mendable.map(({ id }) => id), ...(options.data === true ? { data: true } : {}) }
  const call = { method: 'POST', path: `/api/v2/${word}/mend`, body } as const
  const { commands } = await api.call<{ commands: FollowedCommand[] }>(call)
  let code: ExitCode = exitCodes.ok
  const quiet = options.json === true ? { ...io, out: { ...io.out, write: () => true } } : io
  for (const { id } of commands) {
    const followed = await followCommand(id, { ...options, json: false }, quiet)
    if (followed !== exitCodes.ok) code = followed
  }
  const left = await compare(word, api, io)
  if (options.json === true) printJson(io, { commands: commands.map(({ id }) => id), left })
  else print(io, '', ...lines(word, left))
  return code
}

async function compare(word: Word, api: ServiceApi, io: Io): Promise<readonly Finding[]> {
  const { id } = await api.call<FollowedCommand>({ method: 'POST', path: '/api/v2/comparisons' })
  const last = await followToEnd(api, id, () => {}, io.interrupted)
  if (last?.state === 'failed')
    throw new AppError('unavailable', 'comparison-failed', `command ${id}: ${last.message ?? 'see its steps'}`)
  const found = await api.call<Record<Word, readonly Finding[]>>({ path: `/api/v2/${word}` })
  return found[word]
}

function lines(word: Word, findings: readonly Finding[]): string[] {
  if (findings.length === 0)
    return [word === 'orphans' ? 'everything that is outside belongs to somebody' : 'everything is as delivered']
  const rows = findings.map(({ account = '', mendable, holdsData, detail, ...one }) => {
    const what =
      word === 'orphans' ? `${one.system} ${one.kind} ${one.name}` : `${one.plan} ${one.instance ?? ''}`.trim()
    return [what, one.step ?? '', account, mendable ? 'yes' : holdsData === true ? 'with --data' : 'no', detail].filter(
      (_, column) => word === 'drift' || column !== 1,
    )
  })
  const head =
    word === 'orphans' ? ['THING', 'ACCOUNT', 'MENDABLE', 'WHY'] : ['SERVICE', 'STEP', 'ACCOUNT', 'MENDABLE', 'WHY']
  return table([head, ...rows])
}

async function confirmed(word: Word, mendable: readonly Finding[], options: BooksOptions, io: Io): Promise<void> {
  if (options.yes === true) return
  const does = word === 'orphans' ? `removes ${mendable.length} things with what they hold` : 'delivers these again'
  const answer = await io.ask(`This ${does}. Type ${mendable.length} to go on: `)
  if (answer?.trim() === String(mendable.length)) return
  const text = `nothing was ordered: type ${mendable.length} when asked, or give --yes`
  throw new AppError('invalid', 'not-confirmed', text)
}
