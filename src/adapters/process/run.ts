import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { AppError } from '../../base/errors.ts'

export interface RunOptions {
  readonly cwd?: string
  /** The whole environment of the program: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Aborted: the program gets `stopSignal`, and SIGKILL when it has not ended after `graceMs`. */
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  readonly stopSignal?: 'SIGINT' | 'SIGTERM'
  readonly graceMs?: number
  /** Called for every line as it comes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

export interface RunResult {
  /** `undefined` when the program was ended by a signal. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
  readonly aborted: boolean
}

const SETPRIV = '/usr/bin/setpriv'
const KEPT = ['PATH', 'HOME', 'TMPDIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** What programs may know of our environment: where programs and homes are, and how the network is reached. */
export function cleanEnv(from: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = { LANG: 'C.UTF-8' }
  for (const name of KEPT) {
    for (const spelled of [name, name.toLowerCase()]) {
      const value = from[spelled]
      if (value !== undefined) env[spelled] = value
    }
  }
  return env
}

/**
 * For programs in Go that live for a moment: theirs is a fifth less of a processor when garbage is collected later, for some
 * MB more, and as ever when there is much of it.
 */
export const briefGo = { GOGC: '400', GOMEMLIMIT: '1GiB' } as const

/**
 * Runs a program with an argument array; any exit code is a result, not an error.
 * Rejects with `program-missing` when it can't be started, and with the signal's reason when it was aborted.
 */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal?.throwIfAborted()
  const stopSignal = options.stopSignal ?? 'SIGTERM'
  const [file, ...rest] = withParent(program, args, stopSignal)
  const child = execa(file, rest, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    env: options.env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    killSignal: stopSignal,
    forceKillAfterDelay: options.graceMs ?? 20_000,
    maxBuffer: 256 * 1024 * 1024,
  })
  const reading =
    options.onLine === undefined
      ? []
      : [readLines(child, 'stdout', options.onLine), readLines(child, 'stderr', options.onLine)]
  const [result] = await Promise.all([child, ...reading])
  if (options.signal?.aborted === true) throw options.signal.reason
  if (isMissing(result, program)) {
    throw new AppError('unavailable', 'program-missing', `${program} can't be started`, { cause: result })
  }
  return {
    exitCode: result.exitCode,
    stdout: result.stdout,
    stderr: result.stderr,
    timedOut: result.timedOut,
    aborted: result.isCanceled,
  }
}

/** A program must not go on after us: who takes over finds its work unfinished, not still moving. */
function withParent(program: string, args: readonly string[], stopSignal: string): [string, ...string[]] {
  if (!existsSync(SETPRIV)) return [program, ...args]
  return [SETPRIV, '--pdeathsig', stopSignal.replace('SIG', ''), program, ...args]
}

function isMissing(result: { code?: string | undefined; stderr: string }, program: string): boolean {
  // setpriv ends with 127 (or 126) when it can't find (or start) the program.
  return result.code === 'ENOENT' || (result.stderr.startsWith('setpriv: ') && result.stderr.includes(program))
}

async function readLines(
  child: { iterable(options: { from: 'stdout' | 'stderr' }): AsyncIterable<unknown> },
  from: 'stdout' | 'stderr',
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
): Promise<void> {
  try {
    for await (const line of child.iterable({ from })) onLine(String(line), from)
  } catch {
    // The program's end is told by its result.
  }
}
