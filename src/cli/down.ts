import { rmSync } from 'node:fs'
import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Journal } from '../site/journal.ts'
import { cloudOf, isOrdered } from '../site/cloud.ts'
import { claimText, findHoldings, type Holdings, lostClaims } from '../site/holdings.ts'
import { deleteDisk, diskText, keptDisks } from '../site/kept-disks.ts'
import { doorOf } from '../site/left-disks.ts'
import { layoutOf } from '../site/layout.ts'
import { lockFolder } from '../site/lock.ts'
import type { CloudControl, Operator } from '../site/operator.ts'
import { failureOf, runCommand, takeUp } from '../site/run.ts'
import type { Site } from '../site/site.ts'
import { cloudSecrets, readStored } from '../site/secrets.ts'
import { isMade, isReached, noteReached, type StatePaths } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, type OpenSite, openSite, print, printJson, progressOf } from './io.ts'
import type { Progress } from './live.ts'
import { seconds } from './style.ts'

export interface DownOptions extends GlobalOptions {
  readonly purge?: boolean | undefined
  readonly yes?: boolean | undefined
}

/** Stops the site and keeps volumes, keys and state; with `--purge` nothing is kept, and that is verified. */
export async function down(options: DownOptions, io: Io): Promise<ExitCode> {
  const began = io.now()
  const { site, paths } = openSite(options)
  const operator = await io.operator()
  const unlock = lockFolder(paths.folder)
  try {
    await giveUpUnreachable({ site, paths }, operator, options, io)
    // Disks that an earlier `down` kept, where their cluster is gone, and with it the driver that would delete them.
    const kept = options.purge === true && !isReached(paths) ? disksKept(site, paths) : []
    const holdings = isReached(paths) ? await findHoldings(operator.kubernetes(paths), site.name) : undefined
    if (options.purge === true) await confirmPurge(site, { holdings, disks: kept }, options, io)
    else if (holdings !== undefined) await confirmDown(site, holdings, options, io)
    const progress = progressOf(io, options)
    const cloud = operator.cloud(site, paths)
    const journal = await operator.openJournal(site, paths)
    try {
      // Removing machines and volumes is the cloud's work: after a reboot it has to run for that.
      if (isMade(paths) && !(await cloud.answers())) await cloud.start(io.interrupted)
      const code = await runDown(journal, options, io, progress)
      if (code !== exitCodes.ok) return code
    } finally {
      await journal.close()
    }
    const left = kept.length === 0 ? [] : disksKept(site, paths)
    if (options.purge === true) await finishPurge(site.name, paths.folder, cloud)
    for (const { text, command } of left) io.err.write(`left at the cloud: ${text}; ${command}\n`)
    const end =
      options.purge === true
        ? left.length === 0
          ? 'nothing is left'
          : 'nothing but these disks is left'
        : `${site.simulated === true ? 'accounts' : 'volumes'}, keys and state are kept: ./cloudmgr up brings it back`
    if (options.json === true)
      printJson(io, {
        site: site.name,
        purged: options.purge === true,
        left: left.map(({ text, command }) => ({ text, command })),
      })
    else print(io, '', `site ${site.name} is down after ${seconds(io.now() - began)}; ${end}`)
    return exitCodes.ok
  } finally {
    unlock()
  }
}

/** An ordered cluster that does not answer can be destroyed all the same, if somebody says so. */
async function giveUpUnreachable(
  { site, paths }: OpenSite,
  operator: Operator,
  options: DownOptions,
  io: Io,
): Promise<void> {
  if (!isReached(paths) || (await operator.cloud(site, paths).answers())) return
  const unknown =
    'the cluster does not answer: its load balancers and disks, which its cloud made for it, can’t be looked up'
  if (!isOrdered(site))
    throw new AppError(
      'unavailable',
      'cluster-unreachable',
      `nothing was removed: ${unknown}; try again when it answers`,
    )
  const answer =
    options.yes === true ? 'yes' : await io.ask(`${unknown}. Type yes to destroy its machines all the same: `)
  if (answer?.trim() !== 'yes')
    throw new AppError(
      'conflict',
      'not-confirmed',
      `nothing was removed: ${unknown}; type yes when asked, or give --yes`,
    )
  io.err.write(`${unknown}: look for them at the cloud\n`)
  noteReached(paths, false)
}

interface DiskLeft {
  readonly text: string
  readonly command: string
  /** From here, by the token that the site file gave. */
  readonly isDeletable: boolean
}

/** Disks of an earlier `down`. */
function disksKept(site: Site, { folder }: StatePaths): readonly DiskLeft[] {
  const cloud = cloudOf(site)
  const secrets = cloudSecrets(readStored(folder))
  const region = cloud?.kind === 'rancher' ? cloud.machine['region'] : undefined
  return keptDisks(folder)
    .lastDisks()
    .map((disk) => ({
      text: diskText(disk),
      command: deleteDisk(disk, typeof region === 'string' ? region : undefined),
      isDeletable: doorOf(disk, cloud, secrets) !== undefined,
    }))
}

interface PurgedThings {
  readonly holdings: Holdings | undefined
  /** That an earlier `down` kept. */
  readonly disks: readonly DiskLeft[]
}

async function confirmPurge(
  site: Site,
  { holdings, disks }: PurgedThings,
  options: DownOptions,
  io: Io,
): Promise<void> {
  const { name } = site
  if (options.yes === true) return
  const there = holdings === undefined ? [] : [...holdings.claims.map(claimText), ...balancersText(holdings)]
  if (there.length > 0) print(io, 'In the cluster:', ...there.map((one) => `  ${one}`))
  const left = disks.filter(({ isDeletable }) => !isDeletable)
  if (left.length < disks.length)
    print(
      io,
      'Disks that an earlier down kept, deleted at the cloud:',
      ...disks.filter(({ isDeletable }) => isDeletable).map(({ text }) => `  ${text}`),
    )
  if (left.length > 0)
    print(
      io,
      'Disks that an earlier down kept, whose cluster is gone. They stay at the cloud, and cost, until you delete them there;',
      './cloudmgr up takes them up again, and then down --purge deletes them, too:',
      ...left.map(({ text, command }) => `  ${text}: ${command}`),
    )
  const answer = await io.ask(
    `This deletes all data (${dataOf(site)}), keys and state of site ${name}. Type its name to go on: `,
  )
  if (answer?.trim() === name) return
  throw new AppError(
    'invalid',
    'not-confirmed',
    `nothing was removed: type the site's name (${name}) when asked, or give --yes`,
  )
}

function dataOf(site: Site): string {
  if (site.simulated === true) return 'accounts and orders of a simulated site'
  return `volumes ${Object.keys(layoutOf(site).volumes).join(', ')}`
}

/**
 * Names what stays and what goes of that which no Terraform state knows. Where the cluster itself goes, disks that its
 * storage class made would be left behind without anybody who knows them: that is asked for.
 */
async function confirmDown(site: Site, holdings: Holdings, options: DownOptions, io: Io): Promise<void> {
  const say = (line: string) => (options.json === true ? io.err.write(`${line}\n`) : print(io, line))
  for (const line of balancersText(holdings)) say(`goes: ${line}`)
  if (!isOrdered(site)) {
    for (const claim of holdings.claims) say(`stays: ${claimText(claim)}`)
    return
  }
  const lost = lostClaims(site, holdings)
  for (const claim of lost) say(`goes with the cluster: ${claimText(claim)}`)
  for (const claim of holdings.claims.filter((one) => !lost.includes(one))) say(`its disk stays: ${claimText(claim)}`)
  if (lost.length === 0 || options.yes === true) return
  const answer = await io.ask('The data of these claims is deleted. Type yes to go on: ')
  if (answer?.trim() === 'yes') return
  throw new AppError(
    'conflict',
    'not-confirmed',
    `nothing was removed: ${lost.length === 1 ? '1 claim holds' : `${lost.length} claims hold`} data that goes with the cluster (${lost.map(claimText).join(', ')}); save it, then type yes when asked, or give --yes`,
  )
}

function balancersText({ loadBalancers }: Holdings): string[] {
  return loadBalancers.map((name) => `Service ${name} with its load balancer`)
}

async function runDown(journal: Journal, options: DownOptions, io: Io, progress: Progress): Promise<ExitCode> {
  const order = { plan: options.purge === true ? 'site-purge' : 'site-down', phase: 'remove', params: {} } as const
  const command = await takeUp(journal, order)
  const result = await runCommand(journal, command.id, {
    clock: systemClock,
    onSteps: progress.show,
    signal: io.interrupted,
  })
  progress.end(result.steps)
  if (result.interrupted) {
    io.err.write('stopped; run ./cloudmgr down to continue\n')
    return exitCodes.interrupted
  }
  const failure = failureOf(result)
  if (failure === undefined) return exitCodes.ok
  io.err.write(`${failure.message}\n`)
  return exitCodes.failed
}

/** The state goes last: as long as something is left, it is what a second try needs. */
async function finishPurge(name: string, folder: string, cloud: CloudControl): Promise<void> {
  const left = await cloud.leftovers()
  if (left.length > 0) {
    throw new AppError(
      'conflict',
      'leftovers',
      `site ${name} left ${left.length} things on this host: ${left.slice(0, 20).join('; ')}`,
      {
        details: { leftovers: left },
      },
    )
  }
  rmSync(folder, { recursive: true, force: true })
}
