import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { AppError, must } from '../base/errors.ts'
import { keepCertificate, siteAuthority } from '../site/certificate-files.ts'
import type { CheckedFile } from '../site/file/check.ts'
import { cloudSecretsOf } from '../site/file/cloud-secrets.ts'
import { certificateFacts, checkGivenCertificate, givenAuthority } from '../site/file/given-certificate.ts'
import { type GivenSecrets, readGivenSecrets, readStateEnv } from '../site/file/secret-values.ts'
import { refuseUndriven, wishesOf } from '../site/file/to-site.ts'
import { isFar } from '../site/cloud.ts'
import { layoutOf, machinesFrom } from '../site/layout.ts'
import { certificateNotes } from '../site/kept-checks.ts'
import { lockFolder } from '../site/lock.ts'
import type { Operator } from '../site/operator.ts'
import { prepareSite, type SiteWishes } from '../site/prepare.ts'
import { readApplied, revisionsOf, valuesOf, writeApplied } from '../site/preview/applied.ts'
import { imageSteps } from '../site/preview/plan-steps.ts'
import { previewSite } from '../site/preview/preview-site.ts'
import { secretPrints } from '../site/preview/secret-prints.ts'
import { monitoringRelease, wantedReleases } from '../site/preview/releases.ts'
import { type SitePreview, touchesExisting } from '../site/preview/site-preview.ts'
import { promises } from '../site/profiles.ts'
import { failureOf, type RunResult, runCommand, takeUp } from '../site/run.ts'
import { withMadeKeys } from '../site/site-keys.ts'
import { type SiteSecrets, storeCloudSecrets, storeGivenSecrets, storeStateEnv } from '../site/secrets.ts'
import { wayInLines } from '../site/way-in.ts'
import {
  type PortName,
  type ProfileName,
  type SignUpRuntime,
  simulatedParts,
  simulatedText,
  type Site,
  siteUrls,
} from '../site/site.ts'
import { findSite, makeStateFolder, type StatePaths, stateFolder, statePaths, writeSite } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type Io, print, printJson, progressOf } from './io.ts'
import { previewText } from './preview-text.ts'
import { reachOf, reachText, sshText } from './reach-text.ts'
import { type FileOptions, findPrices, findSiteFile } from './site-file.ts'
import { coloured, plain, type Style, seconds } from './style.ts'
import { cacheFolder } from '../tools/ensure.ts'

export interface UpOptions extends FileOptions {
  readonly profile?: ProfileName | undefined
  readonly domain?: string | undefined
  readonly listen?: string | undefined
  readonly portBase?: number | undefined
  readonly httpPort?: number | undefined
  readonly httpsPort?: number | undefined
  readonly mongoPort?: number | undefined
  readonly brokerPort?: number | undefined
  /** `true`: with the default; `false`: closed; left out: as it is. */
  readonly openSignup?: SignUpRuntime | boolean | undefined
  /** `false`: pip's own; left out: as it is. */
  readonly packageIndex?: string | false | undefined
  /** Path of what `plan --out` kept. */
  readonly plan?: string | undefined
  readonly yes?: boolean | undefined
  readonly simulated?: boolean | undefined
  readonly moved?: boolean | undefined
}

/** Brings the site up, or makes sure that it is; may be interrupted and repeated. */
export async function up(options: UpOptions, io: Io): Promise<ExitCode> {
  const began = io.now()
  const operator = await io.operator()
  const file = findSiteFile(options, io, operator.project)
  if (file !== undefined) refuseBesideFile(options, file)
  else refuseWithoutFile(options)
  const folder = stateFolder(file?.site.name ?? options.site, options.state)
  const paths = statePaths(folder)
  // Two that look at the same time would both go by what they saw, and the last one's wishes would stay.
  let unlock = findSite(folder, undefined) === undefined ? undefined : lockFolder(folder)
  try {
    const wanted = file === undefined ? typed(options, folder) : wishes(options, file)
    const site = await prepareSite(operator, folder, wanted)
    const given = file === undefined ? undefined : await givenBy(file, operator)
    const agreed = given === undefined ? undefined : await agree(operator, site, paths, given, options, io)
    unlock ??= lockFresh(folder)
    writeSite(folder, site)
    operator.secrets(paths)
    if (given !== undefined) {
      storeGivenSecrets(folder, given.given)
      storeStateEnv(folder, given.stateEnv)
      storeCloudSecrets(folder, withMadeKeys(folder, given.ofCloud))
    }
    const authority = file === undefined ? siteAuthority(paths) : givenAuthority(file)
    await keepCertificate(site, paths, authority, new Date(io.now()))
    const progress = progressOf(io, options)
    const facts = operator.facts(cacheFolder(), folder)
    for (const line of greeting(site, folder, facts.warm)) progress.say(line)
    const simulated = simulatedText(site)
    if (simulated !== undefined) progress.say(`note: ${simulated}`)
    for (const line of isFar(site) ? [] : promises(machinesFrom(layoutOf(site)), facts)) progress.say(`note: ${line}`)
    for (const line of certificateNotes(site, paths, new Date(io.now()))) progress.say(`note: ${line}`)
    if (site.signUp === 'shared') progress.say(`note: ${sharedWithStrangers}`)
    const journal = await operator.openJournal(site, paths)
    try {
      const params = { profile: site.profile, ...(agreed === undefined ? {} : { deletes: agreed.deletes }) }
      const order = { plan: site.simulated === true ? 'site-simulated' : 'site', phase: 'install', params } as const
      const command = await takeUp(journal, order)
      io.interrupted.addEventListener('abort', () =>
        progress.say('stopping after the running steps; again Ctrl-C: at once'),
      )
      const watcher = { clock: systemClock, onSteps: progress.show, signal: io.interrupted }
      const result = await runCommand(journal, command.id, watcher)
      progress.end(result.steps)
      if (result.command.state === 'done') await keepApplied(operator, site, paths)
      const back = readApplied(paths.folder)?.revisions === undefined ? undefined : command.id
      const done = result.command.state === 'done' && options.json !== true
      const wayIn = done ? await wayInLines(site, operator.kubernetes(paths), operator.resolves) : []
      const found = { site, secrets: operator.secrets(paths), folder, own: facts.addresses, env: operator.env }
      return report({ ...found, back, wayIn }, result, options, io, io.now() - began)
    } finally {
      await journal.close()
    }
  } finally {
    unlock?.()
  }
}

/** A folder without a site in it has nothing to be spoilt until somebody is sure of what shall be there. */
function lockFresh(folder: string): () => void {
  makeStateFolder(folder)
  const unlock = lockFolder(folder)
  if (findSite(folder, undefined) === undefined) return unlock
  unlock()
  throw new AppError(
    'conflict',
    'site-busy',
    `another cloudmgr made a site in ${folder} meanwhile: look, and try again`,
  )
}

/** A site file with what its references lead to. */
interface GivenFile {
  readonly file: CheckedFile
  readonly given: GivenSecrets
  readonly stateEnv: Readonly<Record<string, string>>
  readonly ofCloud: GivenSecrets
}

async function givenBy(file: CheckedFile, { secretSources }: Operator): Promise<GivenFile> {
  const given = await readGivenSecrets(file, secretSources)
  checkGivenCertificate(file, given, certificateFacts)
  const stateEnv = await readStateEnv(file, secretSources)
  return { file, given, stateEnv, ofCloud: await cloudSecretsOf(file, secretSources) }
}

function typed(options: UpOptions, folder: string): SiteWishes {
  const before = findSite(folder, undefined)
  const name = options.state === undefined || options.site !== 'omega' ? options.site : (before?.name ?? options.site)
  return { ...options, name, ports: portOptions(options), signUp: signUpOf(options) }
}

function wishes(options: UpOptions, file: CheckedFile): SiteWishes {
  refuseUndriven(file)
  return { ...wishesOf(file), moved: options.moved }
}

function refuseWithoutFile({ plan }: UpOptions): void {
  if (plan === undefined) return
  throw new AppError('invalid', 'site-file-missing', '--plan goes with a site file: name it with --file', {
    details: { field: 'file' },
  })
}

/** Both could say it: the file would lose silently, or the words. */
function refuseBesideFile(options: UpOptions, { path }: CheckedFile): void {
  const { profile, domain, listen, portBase, httpPort, httpsPort, mongoPort, brokerPort, openSignup, simulated } =
    options
  const said = { profile, domain, listen, portBase, httpPort, httpsPort, mongoPort, brokerPort, openSignup, simulated }
  const [found] = Object.entries(said).filter(([, value]) => value !== undefined)
  if (found === undefined) return
  const name = found[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  throw new AppError(
    'invalid',
    'beside-file',
    `--${name} can't be said beside a site file: change ${path}, or leave the file out with --no-file`,
    { details: { field: name } },
  )
}

/** Shows what would be done, and asks where something that exists is touched or where it is not what was kept. */
async function agree(
  operator: Operator,
  site: Site,
  paths: StatePaths,
  given: GivenFile,
  options: UpOptions,
  io: Io,
): Promise<SitePreview> {
  const prices = findPrices(options, given.file, io)
  const preview = await previewSite(operator, site, paths, { ...given, prices, signal: io.interrupted })
  const kept = options.plan === undefined ? undefined : readKept(resolve(io.folder, options.plan))
  const isKept = kept === preview.fingerprint
  const show = (line: string) => (options.json === true ? io.err.write(`${line}\n`) : print(io, line))
  for (const line of previewText(preview, io.out.isTTY === true && options.json !== true ? coloured : plain)) show(line)
  show('')
  if (options.yes === true || isKept || (kept === undefined && !touchesExisting(preview))) return preview
  const why = kept === undefined ? 'This changes what exists.' : `This is not what ${options.plan} shows.`
  const answer = await io.ask(`${why} Type yes to go on: `)
  if (answer?.trim() === 'yes') return preview
  throw new AppError(
    'conflict',
    kept === undefined ? 'not-confirmed' : 'plan-differs',
    `nothing was changed: ${kept === undefined ? 'it touches what exists' : `what is needed now is not what ${options.plan} shows`}; type yes when asked, or give --yes`,
    { details: { fingerprint: preview.fingerprint } },
  )
}

function readKept(path: string): string {
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as { fingerprint?: unknown }
    if (typeof kept.fingerprint === 'string') return kept.fingerprint
  } catch (cause) {
    throw new AppError('invalid', 'plan-file-invalid', `reading ${path}, which ./cloudmgr plan --out writes`, { cause })
  }
  throw new AppError('invalid', 'plan-file-invalid', `${path} is not what ./cloudmgr plan --out wrote`)
}

/** What the next preview is compared with, and an undo goes back to. */
async function keepApplied(operator: Operator, site: Site, paths: StatePaths): Promise<void> {
  const sources = { site, paths, project: operator.project }
  const releases = wantedReleases(sources)
  const monitoring = monitoringRelease(sources)
  const revisions = await revisionsOf(releases, operator.helm(paths).find)
  const stored = operator.secrets(paths)
  const prints = secretPrints(stored, stored.engineKeys)
  // Pods of a simulated site only say that they run: it has none.
  const steps = site.simulated === true ? [] : Object.values(imageSteps(sources))
  const images = await operator.imageTags(paths, steps)
  const tags = images === undefined ? {} : { images }
  writeApplied(paths.folder, {
    // An undo goes back to the site's own releases: monitoring has none of what people see.
    values: valuesOf([...releases, ...(monitoring === undefined ? [] : [monitoring])]),
    secrets: Object.keys(prints),
    prints,
    ...tags,
    site,
    revisions,
  })
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

function kindOf({ profile, simulated }: Site): string {
  return simulated === true ? `${profile}, simulated` : profile
}

function greeting(site: Site, folder: string, warm: boolean): string[] {
  return [
    `Site ${site.name} (${kindOf(site)}), state in ${folder}`,
    ...(warm
      ? []
      : [
          `The first start fetches Kubernetes and its friends, or builds them from source: about 15 minutes on two cores, ${site.simulated === true ? 12 : 20} GB of disk.`,
          'Later starts take about a minute.',
        ]),
  ]
}

/** The site that came up, and what its words for people are made of. */
export interface UpSite {
  readonly site: Site
  readonly secrets: SiteSecrets
  readonly folder: string
  /** Addresses of this machine. */
  readonly own: readonly string[]
  readonly env: Operator['env']
  /** The command, where there is something that ran before it. */
  readonly back: number | undefined
  /** What is left to do before people come in, where that is not ours to do. */
  readonly wayIn: readonly string[]
}

function report(found: UpSite, result: RunResult, options: UpOptions, io: Io, ms: number): ExitCode {
  const { back } = found
  const goBack = back === undefined ? '' : `, or ./cloudmgr commands undo ${back} to go back to what ran before`
  if (result.interrupted) {
    io.err.write(`stopped; nothing is lost: run ./cloudmgr up to continue${goBack}\n`)
    return exitCodes.interrupted
  }
  const failure = failureOf(result)
  if (failure !== undefined) {
    io.err.write(
      `${failure.message}\nwhat it printed: ./cloudmgr logs ${failure.step ?? ''}\nmend it and run ./cloudmgr up to continue${goBack}\n`,
    )
    if (options.json === true) printJson(io, { error: failure })
    return exitCodes.failed
  }
  if (options.json === true) printJson(io, upResult(found))
  else {
    const style = io.out.isTTY === true ? coloured : plain
    print(io, '', `ready in ${seconds(ms)}`, ...summary(found, style), ...found.wayIn)
  }
  return exitCodes.ok
}

/** The object of `up --json`. */
export function upResult({ site, secrets, folder, own }: UpSite) {
  const reach = reachOf(site, folder, own)
  return {
    ...siteUrls(site),
    ...(site.simulated === true ? { simulated: [...simulatedParts] } : {}),
    admin: { userid: 'admin', password: secrets.adminPassword },
    demo: { userid: 'demo', apikey: must(secrets.demoApikey, 'the demo account’s key') },
    ...(reach === undefined ? {} : { reach }),
  }
}

/** What a newcomer needs next. */
export function summary(found: UpSite, style: Style): string[] {
  const { api, notebook, admin, demo } = upResult(found)
  const { site, folder, own, env } = found
  const simulated = site.simulated === true
  const people = [
    `  ${style.bold('Admin')}           ${admin.userid}, password ${admin.password}`,
    `  ${style.bold('Demo account')}    ${demo.userid}, API key ${demo.apikey}${simulated ? '' : ' (its password for notebooks, too)'}`,
    '',
  ]
  const next = '  Next: ./cloudmgr status · ./cloudmgr account create NAME --email ADDRESS · ./cloudmgr down'
  if (simulated) {
    return [
      '',
      `  ${style.bold('Portal and API')}  ${api}`,
      ...people,
      `  ${style.bold('Simulated')}       ${simulatedParts.join(', ')}: nobody's code runs, and om can't reach a database`,
      '',
      next,
    ]
  }
  return [
    '',
    `  ${style.bold('Portal and API')}  ${api}`,
    `  ${style.bold('Notebooks')}       ${notebook}`,
    ...people,
    '  Use it from Python (pip install omegaml==0.18.0):',
    `    om cloud login ${demo.userid} ${demo.apikey} --apiurl ${api}`,
    '    om runtime ping',
    ...reachText(site, folder, own),
    ...sshText(site, env),
    '',
    next,
  ]
}
