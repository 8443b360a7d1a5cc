import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../base/errors.ts'

/** Either the old or the new content is there, also after a crash. Readable by its owner only unless said otherwise. */
export function writeFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const part = `${path}.${process.pid}.part`
  try {
    writeFileSync(part, content, { mode })
    renameSync(part, path)
  } catch (cause) {
    rmSync(part, { force: true })
    throw isFull(cause)
      ? new AppError('unavailable', 'disk-full', `no space left on disk for ${path}`, { cause })
      : new AppError('unavailable', 'write-failed', `writing ${path}`, { cause })
  }
}

/** Writes only what is new; says whether it wrote. */
export function ensureFile(path: string, content: string, mode = 0o600): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) return false
  writeFile(path, content, mode)
  return true
}

export function writeJson(path: string, value: unknown): void {
  writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
}

export function findJson<T>(path: string): T | undefined {
  const text = findText(path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new AppError('conflict', 'state-broken', `${path} is not JSON that this program wrote`, { cause })
  }
}

export function findText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there, or gone meanwhile (files of /proc): the caller decides what that means.
    return undefined
  }
}

function isFull(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOSPC'
}
