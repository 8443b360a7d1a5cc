import { type Check, hostChecks } from '../site/checks.ts'
import { keptChecks } from '../site/kept-checks.ts'
import type { Operator } from '../site/operator.ts'
import type { Site } from '../site/site.ts'
import { findSite, type StatePaths, stateFolder, statePaths } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { coloured, plain, type Style } from './style.ts'
import { cacheFolder } from '../tools/ensure.ts'

/** Everything the site needs of this host and of itself, with how to mend what is missing. */
export async function doctor(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const operator = await io.operator()
  const folder = stateFolder(options.site, options.state)
  const site = findSite(folder, undefined)
  const simulated = site?.simulated === true
  const host = hostChecks(operator.facts(cacheFolder(), folder), { simulated })
  const kept = site === undefined ? [] : await keptOf(operator, site, statePaths(folder), io)
  const checks = [...host, ...(await operator.checks(site, statePaths(folder))), ...kept]
  if (options.json === true) printJson(io, { ok: checks.every((check) => check.ok), checks })
  else print(io, ...renderChecks(checks, io.out.isTTY === true ? coloured : plain))
  return checks.every((check) => check.ok || !check.needed) ? exitCodes.ok : exitCodes.failed
}

async function keptOf(operator: Operator, site: Site, paths: StatePaths, io: Io): Promise<Check[]> {
  const journal = await operator.openJournal(site, paths)
  try {
    return await keptChecks(site, paths, journal, new Date(io.now()))
  } finally {
    await journal.close()
  }
}

export function renderChecks(checks: readonly Check[], style: Style): string[] {
  const width = Math.max(...checks.map((check) => check.name.length))
  const lines = checks.flatMap((check) => [
    `${check.ok ? style.green('✓') : check.needed ? style.red('✗') : style.grey('-')} ${check.name.padEnd(width)}  ${check.detail}`,
    ...(check.ok || check.mend === undefined ? [] : [`  ${' '.repeat(width)}  ${style.grey(`mend: ${check.mend}`)}`]),
  ])
  const bad = checks.filter((check) => !check.ok && check.needed).length
  return [...lines, '', bad === 0 ? 'all is well' : `${bad} to mend`]
}
