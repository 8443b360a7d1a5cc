import { mkdir, readdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { execa } from 'execa'
import { AppError } from '../base/errors.ts'
import { ldflagsOf, type Tool } from './catalogue.ts'
import type { Go } from './go.ts'

export interface BuildProgress {
  readonly packages: number
  readonly downloads: number
  /** Programs whose file is there; whole only when the build has ended. */
  readonly done: readonly Tool[]
}

export interface BuildOptions {
  readonly go: Go
  readonly projectFolder: string
  /** Made; holds the programs afterwards. */
  readonly into: string
  readonly onProgress: (progress: BuildProgress) => void
  readonly signal?: AbortSignal | undefined
}

/** Files of a build by tool: all that were asked for when it was not a failure. */
export interface BuildResult {
  readonly files: ReadonlyMap<Tool, string>
  readonly failure?: AppError
}

/** Builds programs of one module with one call of Go, so that what they share is compiled once and linking overlaps. */
export async function buildTools(tools: readonly Tool[], options: BuildOptions): Promise<BuildResult> {
  const [first] = tools
  if (first === undefined) return { files: new Map() }
  await mkdir(options.into, { recursive: true })
  const args = [
    'build',
    '-v',
    '-trimpath',
    '-ldflags',
    ldflagsOf(first),
    '-o',
    `${options.into}/`,
    ...tools.map((tool) => tool.package),
  ]
  const run = execa(options.go.program, args, {
    cwd: join(options.projectFolder, first.module),
    env: { ...options.go.env, CGO_ENABLED: '0' },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    buffer: false,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  })
  const said = new Listener()
  const lines = createInterface({ input: run.stderr })
  lines.on('line', (line) => said.hear(line))
  run.stdout.resume()
  const watch = setInterval(() => void report(tools, options, said), 500)
  const result = await run
  clearInterval(watch)
  options.signal?.throwIfAborted()
  const present = await filesIn(options.into, tools)
  if (result.exitCode === 0 && present.size === tools.length) return { files: present }
  const missing = tools.filter((tool) => !present.has(tool))
  // Killed from outside: a file may be cut off.
  const files = result.exitCode === undefined ? new Map<Tool, string>() : present
  return {
    files,
    failure: failed(missing.length > 0 ? missing : tools, [options.go.program, ...args], said, result.shortMessage),
  }
}

async function report(tools: readonly Tool[], options: BuildOptions, said: Listener): Promise<void> {
  const done = [...(await filesIn(options.into, tools)).keys()]
  options.onProgress({ packages: said.packages, downloads: said.downloads, done })
}

async function filesIn(folder: string, tools: readonly Tool[]): Promise<Map<Tool, string>> {
  const names = await readdir(folder)
  const found = tools.filter((tool) => names.includes(outputName(tool)))
  return new Map(found.map((tool) => [tool, join(folder, outputName(tool))]))
}

function outputName(tool: Tool): string {
  return tool.output ?? tool.name
}

/** With -v Go names each package it compiles, and each module it fetches; the rest are complaints. */
class Listener {
  packages = 0
  downloads = 0
  private complaints: string[] = []

  hear(line: string): void {
    if (line.startsWith('go: downloading ')) this.downloads += 1
    else if (/^[\w.~/+-]+$/.test(line)) this.packages += 1
    else this.complaints = [...this.complaints, line].slice(-15)
  }

  /** The compiler's last words. */
  words(): readonly string[] {
    return this.complaints
  }
}

function failed(tools: readonly Tool[], command: readonly string[], said: Listener, how: string | undefined): AppError {
  const names = tools.map((tool) => tool.name).join(', ')
  const shown = command.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')
  const words = said.words()
  const output = words.length > 0 ? words.join('\n') : (how ?? 'it said nothing')
  return new AppError('unavailable', 'build-failed', `building ${names} failed\n  command: ${shown}\n${output}`, {
    details: { tools: tools.map((tool) => tool.name), command, output: words },
  })
}

/** A file of a Go module, for what is not a program. */
export async function moduleFile(tool: Tool, go: Go, projectFolder: string): Promise<string> {
  const args = ['mod', 'download', '-json', tool.package]
  const cwd = join(projectFolder, tool.module)
  const got = await execa(go.program, args, {
    cwd,
    env: go.env,
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
  })
  const folder = got.exitCode === 0 ? (JSON.parse(got.stdout) as { Dir?: string }).Dir : undefined
  if (folder === undefined) {
    const said = (got.all ?? got.shortMessage ?? '').slice(-500)
    throw new AppError('unavailable', 'build-failed', `fetching ${tool.name} of ${tool.package} failed: ${said}`)
  }
  return join(folder, tool.file ?? '')
}
