import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../base/errors.ts'

/**
 * Runs `work` while this process alone holds the lock file. The kernel frees the lock when the holder dies, so there
 * is nothing stale to clean up. `waiting` is called once when somebody else holds it.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  options: { waiting?: () => void; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  const holder = (await hold(file, ['--nonblock'], undefined)) ?? (await holdLater(file, options))
  try {
    return await work()
  } finally {
    holder.stdin?.end()
  }
}

async function holdLater(
  file: string,
  options: { waiting?: () => void; signal?: AbortSignal | undefined },
): Promise<ChildProcess> {
  options.waiting?.()
  options.signal?.throwIfAborted()
  const holder = await hold(file, [], options.signal)
  options.signal?.throwIfAborted()
  if (holder === undefined) throw new AppError('unavailable', 'lock-failed', `locking ${file}`)
  return holder
}

/** `flock` holds the lock for as long as its standard input, our pipe, is open. */
async function hold(file: string, flags: string[], signal: AbortSignal | undefined): Promise<ChildProcess | undefined> {
  const child = spawn('flock', [...flags, '--exclusive', file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  const stop = () => child.stdin.destroy()
  signal?.addEventListener('abort', () => child.kill(), { once: true })
  const held = await new Promise<boolean>((resolve, reject) => {
    child.once('error', (cause) => reject(new AppError('unavailable', 'lock-failed', `locking ${file}`, { cause })))
    child.once('close', () => resolve(false))
    child.stdout.once('data', () => resolve(true))
  })
  if (held) return child
  stop()
  return undefined
}
