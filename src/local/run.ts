import { execFile } from 'node:child_process'
import { AppError } from '../base/errors.ts'

export interface RunOptions {
  readonly input?: string
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

/** What system programs get; never the supervisor's own environment. */
export const cleanEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

/** Runs a short-lived program; its standard output. Its error output becomes the error's message. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { env: { ...cleanEnv, ...options.env }, timeout: options.timeoutMs ?? 30_000, maxBuffer: 32 << 20 }
    const child = execFile(program, [...args], settings, (cause, stdout, stderr) => {
      if (cause === null) return resolve(stdout)
      reject(failed(program, args, stderr, cause))
    })
    child.stdin?.on('error', () => {
      // The program ended without reading its input: its exit code tells why.
    })
    child.stdin?.end(options.input ?? '')
  })
}

function failed(program: string, args: readonly string[], stderr: string, cause: Error): AppError {
  if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
    return new AppError('unavailable', 'program-missing', `program ${program} is missing on this machine`)
  }
  const said = stderr.trim().split('\n').slice(-3).join('; ')
  const command = [program, ...args.slice(0, 6)].join(' ')
  return new AppError('unavailable', 'program-failed', `${command}: ${said === '' ? cause.message : said}`)
}

/** As `run`, for commands that may fail because the thing is already there or already gone. */
export async function attempt(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string | undefined> {
  try {
    return await run(program, args, options)
  } catch {
    // What matters is the state afterwards, which the caller looks at.
    return undefined
  }
}
