import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { AppError } from '../base/errors.ts'

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Called for every line of standard output and error while the program runs. */
  readonly output?: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** How a program ended: what it printed on standard output, and the last lines of both streams. */
export interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly lastLines: readonly string[]
}

const KEPT_LINES = 30
/** Between being asked to end and being ended. */
const GRACE_MS = 5_000

/**
 * Runs a program in a process group of its own and resolves with its exit code, whatever it is; an abort ends the
 * whole group and rejects with the signal's reason.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  options.signal?.throwIfAborted()
  const child = spawn(program, [...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', ...options.env },
  })
  const stdout: string[] = []
  const lastLines: string[] = []
  const take = (line: string) => {
    lastLines.push(line)
    if (lastLines.length > KEPT_LINES) lastLines.shift()
    options.output?.(line)
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line)
    take(line)
  })
  createInterface({ input: child.stderr }).on('line', take)

  let killed: NodeJS.Timeout | undefined
  const stop = () => {
    signalGroup(child.pid, 'SIGTERM')
    killed = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS)
  }
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new AppError('unavailable', 'program-missing', `starting ${program}`, { cause })),
      )
      child.once('close', (exitCode) => resolve(exitCode ?? 1))
    })
    options.signal?.throwIfAborted()
    return { code, stdout: stdout.join('\n'), lastLines }
  } finally {
    clearTimeout(killed)
    options.signal?.removeEventListener('abort', stop)
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // The group has ended by itself.
  }
}
