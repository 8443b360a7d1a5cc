import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../base/errors.ts'
import { cleanEnv, run } from '../process/run.ts'
import type { Scripts } from './port.ts'

const NAME = /^[a-z0-9][a-z0-9._-]*$/
const TIMEOUT_MS = 600_000

/** The real one: files of one folder, run by their ending (`.ts` Node, `.py` Python, `.sh` sh), else by themselves. */
export function createScripts(folder: string): Scripts {
  const names = async (): Promise<readonly string[]> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    return entries.filter((entry) => entry.isFile() && NAME.test(entry.name)).map((entry) => entry.name)
  }
  return {
    names,
    run: async (script, { args, env = {}, timeoutMs = TIMEOUT_MS, signal, output }) => {
      const known = await names()
      // Names from the folder's listing only: no path can leave it.
      if (!known.includes(script)) throw unknownScript(script, known)
      const [program, ...first] = commandOf(join(folder, script))
      const onLine = output === undefined ? {} : { onLine: (line: string) => output(line) }
      const result = await run(program, [...first, ...args], {
        env: { ...cleanEnv(), ...env },
        cwd: folder,
        timeoutMs,
        signal,
        ...onLine,
      })
      if (result.timedOut) {
        throw new AppError(
          'unavailable',
          'script-timed-out',
          `the script ${script} did not end within ${timeoutMs / 1000} s`,
        )
      }
      // Ended by a signal from elsewhere: as shells say it.
      return result.exitCode ?? 128
    },
  }
}

export function unknownScript(script: string, known: readonly string[]): AppError {
  const there = known.length === 0 ? 'there is none' : `there are ${known.join(', ')}`
  return new AppError('invalid', 'script-unknown', `the catalogue has no script ${script}: ${there}`)
}

function commandOf(path: string): [string, ...string[]] {
  if (path.endsWith('.ts')) return [process.execPath, path]
  if (path.endsWith('.py')) return ['python3', path]
  return path.endsWith('.sh') ? ['sh', path] : [path]
}
