import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import { kubernetesFolder } from '../base/kubernetes-version.ts'
import { binFolder, type Placed, placeTools } from './bin-folder.ts'
import { type BuildInput, buildMissing, type Wanted } from './build-missing.ts'
import { type Cached, ToolCache } from './cache.ts'
import { kubernetesTools, type Tool, type ToolName, toolsNamed } from './catalogue.ts'
import type { ToolEvent } from './events.ts'
import { findTool } from './find.ts'
import { chooseGo } from './go.ts'
import { toolKey } from './key.ts'
import { releaseKey, type ReleaseSource, releaseSource } from './releases.ts'

export interface EnsureOptions {
  /** Default: `cacheFolder()`. */
  readonly cacheDir?: string
  readonly onProgress?: (event: ToolEvent) => void
  readonly signal?: AbortSignal
  /** Where `tools/go.mod` lies; default: this project. */
  readonly projectFolder?: string
  /** Searched for programs and Go; default: PATH. */
  readonly path?: string
  /** Where official releases come from; default: `$CLOUDMGR_RELEASES`, else their publishers. */
  readonly releases?: string
}

export interface Tools<Name extends string> {
  /** One folder that holds them all under their names; put it first on PATH. */
  readonly bin: string
  readonly paths: Readonly<Record<Name, string>>
}

/** `$CLOUDMGR_CACHE`, else `cloudmgr` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['CLOUDMGR_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'cloudmgr'))
}

/**
 * Ends with every named program at hand: the right version found on PATH, else from the cache, else of an official
 * release where it can be reached, else built from the pinned modules. May run in several processes at once, and be repeated after it was interrupted.
 */
export async function ensureTools<Name extends ToolName>(
  names: readonly Name[],
  options: EnsureOptions = {},
): Promise<Tools<Name>> {
  const started = Date.now()
  const placed = await ensureSet(toolsNamed(names), options)
  const bin = binFolder(options.cacheDir ?? cacheFolder(), placed)
  await placeTools(bin, placed)
  options.onProgress?.({ kind: 'ready', bin, seconds: (Date.now() - started) / 1000 })
  const paths = Object.fromEntries(placed.map(({ name }) => [name, join(bin, name)]))
  return { bin, paths: paths as Record<Name, string> }
}

/** As `ensureTools`, the programs of one version of Kubernetes; of another than the usual one below `bin`, beside the rest. */
export async function ensureKubernetes(version: string, bin: string, options: EnsureOptions = {}): Promise<void> {
  const folder = kubernetesFolder(bin, version)
  // The usual ones are among the rest.
  if (folder === bin) return
  await placeTools(folder, await ensureSet(kubernetesTools(version), options))
}

async function ensureSet(tools: readonly Tool[], options: EnsureOptions): Promise<readonly Placed[]> {
  const cacheDir = options.cacheDir ?? cacheFolder()
  const projectFolder = options.projectFolder ?? resolve(import.meta.dirname, '../..')
  const path = options.path ?? process.env['PATH'] ?? ''
  const onProgress = options.onProgress ?? (() => {})
  const cache = new ToolCache(cacheDir)
  const found = await findAll(tools, path, onProgress)
  const goChoice = await chooseGo(projectFolder, path)
  const wanted: Wanted[] = []
  for (const tool of tools) {
    if (!found.has(tool.name)) wanted.push({ tool, key: await toolKey(tool, projectFolder, goChoice.minor) })
  }
  const releases = sourceFrom(options.releases ?? process.env['CLOUDMGR_RELEASES'])
  const input: BuildInput = { cache, cacheDir, projectFolder, goChoice, releases, onProgress, signal: options.signal }
  const cached = await takeAll(wanted, input)
  return tools.map(({ name }) => {
    const one = found.get(name) ?? cached.get(name)
    if (one === undefined)
      throw new AppError('bug', 'tool-missing', `${name} is neither on PATH nor in the cache after its build`)
    return { name, ...one }
  })
}

function sourceFrom(text: string | undefined): ReleaseSource {
  const source = releaseSource(text)
  if (source !== undefined) return source
  const message = `CLOUDMGR_RELEASES is "${text}": right is "off", or a mirror's URL such as https://mirror.example.org/releases`
  throw new AppError('invalid', 'releases', message, { details: { field: 'CLOUDMGR_RELEASES', value: text } })
}

type Found = Map<string, { path: string; identity: string }>

async function findAll(tools: readonly Tool[], path: string, onProgress: (event: ToolEvent) => void): Promise<Found> {
  const found: Found = new Map()
  for (const tool of tools) {
    const at = await findTool(tool, path)
    if (at === undefined) continue
    onProgress({ kind: 'found', tool: tool.name, path: at, version: tool.version })
    found.set(tool.name, { path: at, identity: `${at} ${tool.version}` })
  }
  return found
}

async function takeAll(wanted: readonly Wanted[], input: BuildInput): Promise<Found> {
  const missing = await missingOf(wanted, input, true)
  const kept = wanted.length - missing.length
  if (kept > 0) input.onProgress({ kind: 'cached', tools: kept })
  if (missing.length > 0) await buildMissing(missing, (again) => missingOf(again, input, false), input)
  const taken: Found = new Map()
  for (const one of wanted) {
    const { tool } = one
    const look = await lookFor(one, input)
    if (look.state === 'ready') taken.set(tool.name, { path: look.path, identity: look.sha256 })
  }
  return taken
}

/** Built here, or of the release: whichever is there. */
async function lookFor({ tool, key }: Wanted, { cache, releases }: BuildInput): Promise<Cached> {
  const built = await cache.look(tool.name, key)
  const release = releaseKey(tool)
  if (built.state === 'ready' || release === undefined || releases.kind === 'off') return built
  const fetched = await cache.look(tool.name, release)
  return fetched.state === 'absent' ? built : fetched
}

async function missingOf(wanted: readonly Wanted[], input: BuildInput, tell: boolean): Promise<readonly Wanted[]> {
  const missing: Wanted[] = []
  for (const one of wanted) {
    const look = await lookFor(one, input)
    if (look.state === 'broken' && tell) input.onProgress({ kind: 'broken', tool: one.tool.name, reason: look.reason })
    if (look.state !== 'ready') missing.push(one)
  }
  return missing
}
