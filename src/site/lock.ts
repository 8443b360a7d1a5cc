import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'

/** One `up` or `down` at a time for a state folder. A lock whose process is gone is taken over. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock')
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (take(path)) return () => release(path)
    const pid = holderOf(path)
    if (pid !== undefined && isAlive(pid)) {
      throw new AppError(
        'conflict',
        'site-busy',
        `another cloudmgr (process ${pid}) is changing this site: wait for it or stop it`,
        {
          details: { pid },
        },
      )
    }
    release(path)
  }
  throw new AppError('conflict', 'site-busy', `taking the lock ${path}`)
}

/** Whether a living `up` or `down` changes the site right now. */
export function isLocked(folder: string): boolean {
  const pid = holderOf(join(folder, 'lock'))
  return pid !== undefined && isAlive(pid)
}

function take(path: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600)
    writeSync(file, `${process.pid}\n`)
    closeSync(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
}

function holderOf(path: string): number | undefined {
  if (!existsSync(path)) return undefined
  const pid = Number(readFileSync(path, 'utf8').trim())
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

/** A number may be another program's after a reboot: only a process that is cloudmgr counts. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('src/main.ts')
  } catch {
    // No such process.
    return false
  }
}

function release(path: string): void {
  if (existsSync(path)) unlinkSync(path)
}
