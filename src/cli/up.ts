import { systemClock } from '../base/clock.ts'
import { must } from '../base/errors.ts'
import { layoutOf, machinesFrom } from '../site/layout.ts'
import { lockFolder } from '../site/lock.ts'
import { prepareSite } from '../site/prepare.ts'
import { promises } from '../site/profiles.ts'
import { failureOf, type RunResult, runCommand, takeUp } from '../site/run.ts'
import type { SiteSecrets } from '../site/secrets.ts'
import { type PortName, type ProfileName, type SignUpRuntime, type Site, siteUrls } from '../site/site.ts'
import { findSite, stateFolder, statePaths, writeSite } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson, progressOf } from './io.ts'
import { coloured, plain, type Style, seconds } from './style.ts'
import { cacheFolder } from '../tools/ensure.ts'

export interface UpOptions extends GlobalOptions {
  readonly profile?: ProfileName | undefined
  readonly domain?: string | undefined
  readonly portBase?: number | undefined
  readonly httpPort?: number | undefined
  readonly httpsPort?: number | undefined
  readonly mongoPort?: number | undefined
  readonly brokerPort?: number | undefined
  /** `true`: with the default; `false`: closed; left out: as it is. */
  readonly openSignup?: SignUpRuntime | boolean | undefined
}

/** Brings the site up, or makes sure that it is; may be interrupted and repeated. */
export async function up(options: UpOptions, io: Io): Promise<ExitCode> {
  const began = io.now()
  const operator = await io.operator()
  const folder = stateFolder(options.site, options.state)
  const before = findSite(folder, undefined)
  const name = options.state === undefined || options.site !== 'omega' ? options.site : (before?.name ?? options.site)
  const site = await prepareSite(operator, folder, {
    ...options,
    name,
    ports: portOptions(options),
    signUp: signUpOf(options),
  })
  writeSite(folder, site)
  const unlock = lockFolder(folder)
  try {
    const paths = statePaths(folder)
    operator.secrets(paths)
    const progress = progressOf(io, options)
    const facts = operator.facts(cacheFolder(), folder)
    for (const line of greeting(site, folder, facts.warm)) progress.say(line)
    for (const line of promises(machinesFrom(layoutOf(site)), facts)) progress.say(`note: ${line}`)
    if (site.signUp === 'shared') progress.say(`note: ${sharedWithStrangers}`)
    const journal = await operator.openJournal(site, paths)
    try {
      const order = { plan: 'site', phase: 'install', params: { profile: site.profile } } as const
      const command = await takeUp(journal, order)
      io.interrupted.addEventListener('abort', () =>
        progress.say('stopping after the running steps; again Ctrl-C: at once'),
      )
      const watcher = { clock: systemClock, onSteps: progress.show, signal: io.interrupted }
      const result = await runCommand(journal, command.id, watcher)
      progress.end(result.steps)
      return report(site, operator.secrets(paths), result, options, io, io.now() - began)
    } finally {
      await journal.close()
    }
  } finally {
    unlock()
  }
}

const sharedWithStrangers =
  'everybody may sign up and run code on the shared workers, which see the data of all who use them'

function signUpOf({ openSignup }: UpOptions): SignUpRuntime | 'closed' | undefined {
  if (openSignup === false) return 'closed'
  return openSignup === true ? 'own' : openSignup
}

function portOptions(options: UpOptions) {
  const ports: Partial<Record<PortName, number | undefined>> = {
    http: options.httpPort,
    https: options.httpsPort,
    mongo: options.mongoPort,
    broker: options.brokerPort,
  }
  return { base: options.portBase, ports }
}

function greeting(site: Site, folder: string, warm: boolean): string[] {
  return [
    `Site ${site.name} (${site.profile}), state in ${folder}`,
    ...(warm
      ? []
      : [
          'The first start builds Kubernetes and its friends from source: about 15 minutes on two cores, 20 GB of disk.',
          'Later starts take about a minute.',
        ]),
  ]
}

function report(site: Site, secrets: SiteSecrets, result: RunResult, options: UpOptions, io: Io, ms: number): ExitCode {
  if (result.interrupted) {
    io.err.write('stopped; nothing is lost: run ./cloudmgr up to continue\n')
    return exitCodes.interrupted
  }
  const failure = failureOf(result)
  if (failure !== undefined) {
    io.err.write(
      `${failure.message}\nwhat it printed: ./cloudmgr logs ${failure.step ?? ''}\nmend it and run ./cloudmgr up to continue\n`,
    )
    if (options.json === true) printJson(io, { error: failure })
    return exitCodes.failed
  }
  if (options.json === true) printJson(io, upResult(site, secrets))
  else print(io, '', `ready in ${seconds(ms)}`, ...summary(site, secrets, io.out.isTTY === true ? coloured : plain))
  return exitCodes.ok
}

/** The object of `up --json`. */
export function upResult(site: Site, secrets: SiteSecrets) {
  return {
    ...siteUrls(site),
    admin: { userid: 'admin', password: secrets.adminPassword },
    demo: { userid: 'demo', apikey: must(secrets.demoApikey, 'the demo account’s key') },
  }
}

/** What a newcomer needs next. */
export function summary(site: Site, secrets: SiteSecrets, style: Style): string[] {
  const { api, notebook, admin, demo } = upResult(site, secrets)
  return [
    '',
    `  ${style.bold('Portal and API')}  ${api}`,
    `  ${style.bold('Notebooks')}       ${notebook}`,
    `  ${style.bold('Admin')}           ${admin.userid}, password ${admin.password}`,
    `  ${style.bold('Demo account')}    ${demo.userid}, API key ${demo.apikey} (its password for notebooks, too)`,
    '',
    '  Use it from Python (pip install omegaml==0.18.0):',
    `    om cloud login ${demo.userid} ${demo.apikey} --apiurl ${api}`,
    '    om runtime ping',
    '',
    '  Next: ./cloudmgr status · ./cloudmgr account create NAME --email ADDRESS · ./cloudmgr down',
  ]
}
