import { resolve } from 'node:path'
import { execa } from 'execa'

/**
 * Runs one of the Python programs beside this file with the real client; returns the object after `OUTCOME`. `onLine` is
 * told every line that it prints.
 */
export async function runPython<T>(
  file: string,
  words: readonly string[],
  env: Record<string, string>,
  onLine: (line: string) => void = () => {},
): Promise<T> {
  const python = process.env['CLOUDMGR_TEST_PYTHON'] ?? 'python3'
  const { PATH = '' } = process.env
  const running = execa(python, [resolve(import.meta.dirname, file), ...words], {
    env: { PATH, ...env },
    extendEnv: false,
    reject: false,
    timeout: 1_500_000,
  })
  for await (const line of running) onLine(line)
  const done = await running
  return outcomeOf<T>(file, done)
}

/** The object that a program printed after `OUTCOME`. */
export function outcomeOf<T>(
  file: string,
  done: { readonly stdout: string; readonly stderr: string; readonly exitCode?: number | undefined },
): T {
  const line = done.stdout.split('\n').find((text) => text.startsWith('OUTCOME '))
  if (line === undefined)
    throw new Error(`${file} ended with ${done.exitCode}\n${done.stdout.slice(-3000)}\n${done.stderr.slice(-3000)}`)
  return JSON.parse(line.slice('OUTCOME '.length)) as T
}
