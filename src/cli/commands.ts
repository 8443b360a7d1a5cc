import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { siteNamespaces } from '../site/components.ts'
import type { CommandView, Journal } from '../site/journal.ts'
import { lockFolder } from '../site/lock.ts'
import { withKubernetesOf } from '../site/cloud.ts'
import type { Operator } from '../site/operator.ts'
import { readApplied, revisionsOf, writeApplied } from '../site/preview/applied.ts'
import { failureOf, runCommand, takeUp } from '../site/run.ts'
import type { ServiceCommand } from '../site/service-api.ts'
import { findSite, writeSite } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, openSite, print, printJson, progressOf } from './io.ts'
import { connect } from './service.ts'
import { renderSteps } from './steps.ts'
import { coloured, plain } from './style.ts'
import { table } from './table.ts'

export interface CommandsOptions extends GlobalOptions {
  /** The service's commands instead of the site's own. */
  readonly service?: boolean | undefined
}

export async function listCommands(options: CommandsOptions, io: Io): Promise<ExitCode> {
  const rows =
    options.service === true
      ? await serviceRows(options, io)
      : await withJournal(options, io, async (journal) => await journal.list(30))
  if (options.json === true) printJson(io, rows)
  else print(io, ...table([['ID', 'PLAN', 'PHASE', 'STATE', 'ABOUT'], ...rows.map(rowOf)]))
  return exitCodes.ok
}

async function serviceRows(options: CommandsOptions, io: Io): Promise<ServiceCommand[]> {
  const { api } = await connect(options, io)
  return await api.listCommands(30)
}

function rowOf(row: CommandView | ServiceCommand): string[] {
  const state = 'state' in row ? row.state : statusWord(row.status)
  const about = 'account' in row ? (row.account ?? '') : ''
  return [String(row.id), row.plan, row.phase, state, row.message ?? about]
}

const words: Readonly<Record<number, string>> = {
  0: 'initiated',
  1: 'pending',
  5: 'completed',
  8: 'removed',
  9: 'failed',
}

export function statusWord(status: number): string {
  return words[status] ?? String(status)
}

export async function showCommand(id: number, options: CommandsOptions, io: Io): Promise<ExitCode> {
  if (options.service === true) {
    const { api } = await connect(options, io)
    const command = await api.findCommand(id)
    if (command === undefined) throw unknown(id)
    if (options.json === true) printJson(io, command)
    else print(io, JSON.stringify(command, null, 2))
    return exitCodes.ok
  }
  return await withJournal(options, io, async (journal) => {
    const command = await getCommand(journal, id)
    const steps = await journal.steps(id)
    if (options.json === true) printJson(io, { ...command, steps })
    else {
      const style = io.out.isTTY === true ? coloured : plain
      const screen = { width: io.out.columns ?? 120, height: Number.POSITIVE_INFINITY, frame: 0, now: io.now(), style }
      print(io, `${command.phase} ${command.plan}: ${command.state}`, ...renderSteps(steps, screen))
    }
    return exitCodes.ok
  })
}

export async function retryCommand(id: number, options: CommandsOptions, io: Io): Promise<ExitCode> {
  if (options.service === true) {
    const { api } = await connect(options, io)
    const command = await api.retryCommand(id)
    return told(`command ${command.id} is tried again`, command, options, io)
  }
  return await follow(options, io, async (journal) => {
    await getCommand(journal, id)
    await journal.retry(id)
    return id
  })
}

export async function undoCommand(id: number, options: CommandsOptions, io: Io): Promise<ExitCode> {
  if (options.service === true) {
    const { api } = await connect(options, io)
    const command = await api.undoCommand(id)
    return told(`command ${command.id} takes back what ${id} did`, command, options, io)
  }
  const back = whatRan(options)
  return await follow(
    options,
    io,
    async (journal) => {
      const { plan, phase } = await getCommand(journal, id)
      if (plan === 'site' && phase === 'install' && back !== undefined) return await back.begin(journal, id)
      return (await journal.undo(id)).id
    },
    async ({ plan }) => (plan === 'site-back' ? await back?.end(await io.operator()) : undefined),
  )
}

/** How an `up` is undone on a site where an earlier one ended well; `undefined`: none did. */
function whatRan(options: CommandsOptions) {
  const { paths } = openSite(options)
  const applied = readApplied(paths.folder)
  const { site, revisions } = applied ?? {}
  if (applied === undefined || site === undefined || revisions === undefined) return undefined
  const releases = Object.keys(revisions).map((release) => ({ release, namespace: namespaceOf(release) }))
  return {
    begin: async (journal: Journal, id: number): Promise<number> => {
      const [last] = await journal.list(1)
      if (last?.id !== id || last.state === 'done') {
        const why = last?.id === id ? 'it ended well' : `command ${last?.id} is newer`
        throw new AppError('conflict', 'command-not-undoable', `command ${id} can't be undone: ${why}`)
      }
      return (await takeUp(journal, { plan: 'site-back', phase: 'install', params: { revisions } })).id
    },
    /** The next `up` without a file is that of what ran; Helm counts on. */
    end: async (operator: Operator): Promise<void> => {
      const stopped = findSite(paths.folder, undefined)
      writeSite(paths.folder, stopped === undefined ? site : withKubernetesOf(stopped, site))
      const now = await revisionsOf(releases, operator.helm(paths).find)
      writeApplied(paths.folder, { ...applied, revisions: now })
    },
  }
}

const namespaceOf = (release: string): string => siteNamespaces[release === 'omegaml-worker' ? 1 : 0]

function told(text: string, value: unknown, options: GlobalOptions, io: Io): ExitCode {
  if (options.json === true) printJson(io, value)
  else print(io, text)
  return exitCodes.ok
}

/** Runs a site command to its end, shown as `up` does. */
async function follow(
  options: CommandsOptions,
  io: Io,
  start: (journal: Journal) => Promise<number>,
  onDone: (command: CommandView) => Promise<void> = async () => {},
): Promise<ExitCode> {
  const unlock = lockFolder(openSite(options).paths.folder)
  try {
    return await withJournal(options, io, async (journal) => {
      const progress = progressOf(io, options)
      const watcher = { clock: systemClock, onSteps: progress.show, signal: io.interrupted }
      const result = await runCommand(journal, await start(journal), watcher)
      progress.end(result.steps)
      if (result.command.state === 'done') await onDone(result.command)
      if (options.json === true) printJson(io, { ...result.command, steps: result.steps })
      if (result.interrupted) return exitCodes.interrupted
      const failure = failureOf(result)
      if (failure !== undefined) io.err.write(`${failure.message}\n`)
      return failure === undefined ? exitCodes.ok : exitCodes.failed
    })
  } finally {
    unlock()
  }
}

async function withJournal<T>(options: CommandsOptions, io: Io, use: (journal: Journal) => Promise<T>): Promise<T> {
  const { site, paths } = openSite(options)
  const journal = await (await io.operator()).openJournal(site, paths)
  try {
    return await use(journal)
  } finally {
    await journal.close()
  }
}

async function getCommand(journal: Journal, id: number): Promise<CommandView> {
  const command = await journal.find(id)
  if (command === undefined) throw unknown(id)
  return command
}

function unknown(id: number): AppError {
  return new AppError('not-found', 'no-command', `there is no command ${id}: see ./cloudmgr commands list`)
}
