import { chmod, cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../../base/errors.ts'
import type { RunResult } from '../process/run.ts'
import { briefGo, cleanEnv, run } from '../process/run.ts'
import { isStillBase, noteBase } from './base-state.ts'
import { needsInit, terraformError } from './errors.ts'
import type { Diagnostic } from './events.ts'
import { continuedOf, isManaged, outputsOf, previewOf, readEvent } from './events.ts'
import { rootStamp, writeCliConfig } from './mirror.ts'
import { backendFile, isEmpty, type Preview, type PreviewOptions, type Terraform, type TerraformRun } from './port.ts'
import { createSlots } from '../../base/slots.ts'

export interface TerraformCliOptions {
  /** Path of OpenTofu or Terraform. */
  readonly program: string
  /** A folder of its own for the CLI's configuration and its plugin cache; shared by all roots. */
  readonly folder: string
  /** Folder with providers that no registry has: `<mirror>/<host>/<namespace>/<type>/<version>/<os>_<arch>/`. */
  readonly mirror?: string | undefined
}

const PREVIEW = 'cloudmgr.tfplan'
const STAMP = 'cloudmgr-stamp.json'
const LOCK = '.terraform.lock.hcl'
/** Where Terraform notes a state that its backend did not take. */
const LEFT = 'errored.tfstate'
const otherVersion = /locked provider .* does not match configured version constraint/
/** A run takes about 100 MB with its provider: many orders at once must not take all memory of the engine's pod. */
const MOST_RUNS = 4
/** Long enough to let providers end what they are at and the state be written; nothing is lost by waiting. */
const GRACE_MS = 120_000

/** The real one: the CLI with JSON output, interrupted by SIGINT so that the state is written. */
export function createTerraformCli(options: TerraformCliOptions): Terraform {
  const inSlot = createSlots(MOST_RUNS)
  /** A root that was prepared, by what it has in common with those that are prepared alike. */
  const prepared = new Map<string, string>()
  /**
   * Roots beside each other with the same files differ in their variables alone: what `init` made for one is right for all.
   * With a root for each account's volume it would be every third program that runs.
   */
  const takeOver = async (root: string, stamp: Pick<Stamp, 'files' | 'programs'>): Promise<boolean> => {
    const like = prepared.get(likeness(root, stamp))
    if (like === undefined || like === root) return false
    const theirs = await readStamp(join(like, '.terraform', STAMP))
    if (theirs?.files !== stamp.files || theirs.programs !== stamp.programs) return false
    // Links into the cache of providers stay links; the stamp comes last, as always.
    const copying = { recursive: true, verbatimSymlinks: true, filter: (path: string) => basename(path) !== STAMP }
    try {
      await rm(join(root, '.terraform'), { recursive: true, force: true })
      await cp(join(like, '.terraform'), join(root, '.terraform'), copying)
      if (theirs.isLocked) await cp(join(like, LOCK), join(root, LOCK))
      await writeFile(join(root, '.terraform', STAMP), JSON.stringify(theirs))
      return true
    } catch {
      // It was taken away or prepared anew in the meantime: `init` does without it.
      return false
    }
  }
  /** By root, where even the note of the last resort could not be written: the disk is full. */
  const unwritten = new Map<string, string>()
  const tofu = async (
    root: string,
    args: readonly string[],
    running: TerraformRun,
  ): Promise<RunResult & { diagnostics: Diagnostic[] }> => {
    await mustBeFolder(root)
    const env = {
      ...cleanEnv(),
      ...briefGo,
      ...running.env,
      TF_CLI_CONFIG_FILE: await writeCliConfig(options.folder, options.mirror),
      TF_IN_AUTOMATION: '1',
      TF_INPUT: '0',
      CHECKPOINT_DISABLE: '1',
    }
    const diagnostics: Diagnostic[] = []
    const onLine = (text: string): void => {
      const { line, waiting, diagnostic, dumped } = readEvent(text)
      if (dumped !== undefined) unwritten.set(root, dumped)
      if (diagnostic !== undefined) diagnostics.push(diagnostic)
      if (line !== undefined) running.output?.(line)
      running.waiting?.(waiting)
    }
    const events = args.includes('-json') && ['init', 'plan', 'apply'].includes(args[0] ?? '') ? { onLine } : {}
    const result = await inSlot(() =>
      run(options.program, args, {
        cwd: root,
        env,
        signal: running.signal,
        stopSignal: 'SIGINT',
        graceMs: GRACE_MS,
        ...events,
      }),
    )
    running.waiting?.(undefined)
    return { ...result, diagnostics }
  }
  const must = async (
    attempted: string,
    root: string,
    args: readonly string[],
    running: TerraformRun,
  ): Promise<string> => {
    const result = await tofu(root, args, running)
    if (result.exitCode !== 0)
      throw terraformError(
        `${attempted} the Terraform root ${root}`,
        result.diagnostics,
        result.stderr || result.stdout,
      )
    return result.stdout
  }
  const init = async (root: string, running: TerraformRun, isForced = false): Promise<void> => {
    const stampFile = join(root, '.terraform', STAMP)
    const lockFile = join(root, LOCK)
    const stamp = await rootStamp(root, options.mirror)
    const before = await readStamp(stampFile)
    const isSame = before?.files === stamp.files && before.programs === stamp.programs
    if (!isForced && isSame && before.isLocked === (await exists(lockFile))) return
    running.output?.('preparing providers and modules')
    if (!isForced && (await takeOver(root, stamp))) return
    // The lock file holds checksums of the mirror's programs, which we build anew under the same version.
    if (before?.programs !== stamp.programs && options.mirror !== undefined) await rm(lockFile, { force: true })
    const settings = (await isFile(join(root, backendFile))) ? [`-backend-config=${backendFile}`] : []
    const args = ['init', '-input=false', '-json', '-reconfigure', ...settings]
    const prepare = async (...more: string[]) => await tofu(root, [...args, ...more], { ...running, output: undefined })
    const first = await prepare()
    // The root wants another version than the one that was locked: what it names is what counts.
    const isMoved =
      first.exitCode !== 0 && first.diagnostics.some(({ summary, detail }) => otherVersion.test(`${summary} ${detail}`))
    const result = isMoved ? await prepare('-upgrade') : first
    if (result.exitCode !== 0) {
      const rest = result.stderr || result.stdout
      throw terraformError(`preparing the Terraform root ${root}`, result.diagnostics, rest, 'terraform-init-failed')
    }
    await writeFile(stampFile, JSON.stringify({ ...stamp, isLocked: await exists(lockFile) }))
    prepared.set(likeness(root, stamp), root)
  }
  const inPrepared = async <T>(root: string, running: TerraformRun, work: () => Promise<T>): Promise<T> => {
    await mustBeFolder(root)
    await init(root, running)
    const afterPush = async () => {
      await pushLeft(root, running)
      return await work()
    }
    try {
      return await afterPush()
    } catch (error) {
      if (!needsInit(error)) throw error
      await init(root, running, true)
      return await afterPush()
    }
  }
  /** What an earlier run did and could not write to the backend comes first: without it, it would be done twice. */
  const pushLeft = async (root: string, running: TerraformRun): Promise<void> => {
    const file = join(root, LEFT)
    await noteUnwritten(root, file)
    if (!(await isFile(file))) return
    // A run that hung while another did the work left what it knew: it must not take the other's place.
    if ((await isStillBase(root, running.env)) === false) return await setAside(root, running)
    const { exitCode, stderr } = await tofu(root, ['state', 'push', '-lock-timeout=20s', LEFT], running)
    if (exitCode === 0) {
      await rm(file, { force: true })
      running.output?.('brought in the state that an earlier run could not write')
    } else if (/cannot (import|overwrite)/i.test(stderr)) {
      await setAside(root, running)
    } else {
      throw terraformError(`bringing in the state that an earlier run left in ${root}`, [], stderr, 'state-not-written')
    }
  }
  /** Somebody went on without it. It may still name what nobody else does: kept for people. */
  const setAside = async (root: string, running: TerraformRun): Promise<void> => {
    const aside = `${LEFT}.${Date.now()}`
    await rename(join(root, LEFT), join(root, aside))
    running.output?.(`the state of an earlier run is older than what was written since: it is kept as ${aside}`)
  }
  const noteUnwritten = async (root: string, file: string): Promise<void> => {
    const state = unwritten.get(root)
    if (state === undefined) return
    try {
      await writeFile(`${file}.new`, state, { mode: 0o600 })
      await rename(`${file}.new`, file)
    } catch (cause) {
      const text = `noting the state that an earlier run in ${root} could write nowhere: it is in this process alone until there is disk space`
      throw new AppError('unavailable', 'state-not-written', text, { cause })
    }
    unwritten.delete(root)
  }
  const preview = async (root: string, running: PreviewOptions): Promise<Preview> => {
    const file = join(root, PREVIEW)
    const destroy = running.destroy === true ? ['-destroy'] : []
    await rm(file, { force: true })
    const args = ['plan', '-json', '-input=false', '-lock-timeout=20s', ...destroy, `-out=${PREVIEW}`]
    const printed = await must('previewing', root, args, running)
    // It may hold secrets.
    await chmod(file, 0o600)
    const continued = running.destroy === true ? [] : continuedOf(printed)
    if (continued.length > 0) return await goOn(root, continued, running)
    const shown = previewOf(printed)
    // The state is in it, readable: it stays only for an apply to come. A removal is applied also when all is gone.
    if (running.destroy !== true && isEmpty(shown)) await rm(file, { force: true })
    return shown
  }
  /** What an earlier run began and which comes up by itself is no longer thought broken; then the preview again. */
  const goOn = async (root: string, addresses: readonly string[], running: PreviewOptions): Promise<Preview> => {
    for (const address of addresses)
      await must('going on with', root, ['untaint', '-lock-timeout=20s', address], running)
    running.output?.(`going on with ${addresses.join(', ')}, which an earlier run began`)
    return await preview(root, running)
  }

  return {
    preview: (root, running = {}) => inPrepared(root, running, () => preview(root, running)),
    apply: async (root, running = {}) => {
      await noteBase(root, running.env)
      try {
        const args = ['apply', '-json', '-input=false', '-auto-approve', '-lock-timeout=20s', PREVIEW]
        return outputsOf(await must('applying', root, args, running))
      } finally {
        await rm(join(root, PREVIEW), { force: true })
        // It holds secrets, and Terraform lets everybody read it.
        if (await isFile(join(root, LEFT))) await chmod(join(root, LEFT), 0o600)
      }
    },
    outputs: (root, running = {}) =>
      inPrepared(root, running, async () => {
        const text = await must('reading the outputs of', root, ['output', '-json'], { ...running, output: undefined })
        const outputs = JSON.parse(text) as Record<string, { value: unknown }>
        return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.value]))
      }),
    resources: (root, running = {}) =>
      inPrepared(root, running, async () => {
        const result = await tofu(root, ['state', 'list'], running)
        if (result.exitCode === 0) return result.stdout.split('\n').filter(isManaged)
        if (/No state file was found/.test(result.stderr)) return []
        throw terraformError(`listing the resources of ${root}`, [], result.stderr)
      }),
  }
}

function likeness(root: string, { files, programs }: Pick<Stamp, 'files' | 'programs'>): string {
  return `${dirname(root)} ${files} ${programs}`
}

async function mustBeFolder(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined)
  if (found?.isDirectory() === true) return
  throw new AppError('invalid', 'terraform-invalid', `the Terraform root ${root} is not a folder`)
}

interface Stamp {
  readonly files: string
  readonly programs: string
  readonly isLocked: boolean
}

async function readStamp(file: string): Promise<Stamp | undefined> {
  await mkdir(join(file, '..'), { recursive: true })
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Stamp
  } catch {
    // Missing or half-written: prepare again.
    return undefined
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
