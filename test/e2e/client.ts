import { resolve } from 'node:path'
import { execa } from 'execa'

/** Runs one of the Python programs beside this file with the real client; returns the object after `OUTCOME`. */
export async function runPython<T>(file: string, words: readonly string[], env: Record<string, string>): Promise<T> {
  const python = process.env['CLOUDMGR_TEST_PYTHON'] ?? 'python3'
  const { PATH = '' } = process.env
  const done = await execa(python, [resolve(import.meta.dirname, file), ...words], {
    env: { PATH, ...env },
    extendEnv: false,
    reject: false,
    timeout: 1_500_000,
  })
  return outcomeOf<T>(file, { code: done.exitCode ?? -1, stdout: done.stdout, stderr: done.stderr })
}

/** The object after `OUTCOME` of what such a program printed. */
export function outcomeOf<T>(file: string, done: { code: number; stdout: string; stderr: string }): T {
  const line = done.stdout.split('\n').find((text) => text.startsWith('OUTCOME '))
  if (line === undefined)
    throw new Error(`${file} ended with ${done.code}\n${done.stdout.slice(-3000)}\n${done.stderr.slice(-3000)}`)
  return JSON.parse(line.slice('OUTCOME '.length)) as T
}
