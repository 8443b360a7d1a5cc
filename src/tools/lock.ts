import { createHash, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { processIdentity } from './process.ts'

interface Holder {
  readonly pid: number
  readonly identity: string
  readonly since: string
  readonly purpose: string
  /** Makes every lock's text its own. */
  readonly id: string
}

export interface LockOptions {
  readonly purpose: string
  /** Called once per holder that is waited for. */
  readonly onWait?: (reason: string) => void
  readonly signal?: AbortSignal | undefined
  readonly pollMs?: number
}

/** Runs `work` while this process alone holds the lock file. A holder that died without letting go is noticed. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const text = await acquire(path, options)
  try {
    return await work()
  } finally {
    if ((await read(path)) === text) await rm(path, { force: true })
  }
}

async function acquire(path: string, { purpose, onWait, signal, pollMs = 500 }: LockOptions): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  const identity = (await processIdentity(process.pid)) ?? ''
  const mine: Holder = { pid: process.pid, identity, since: new Date().toISOString(), purpose, id: randomUUID() }
  const text = JSON.stringify(mine)
  let told = ''
  while (!(await take(path, text))) {
    signal?.throwIfAborted()
    const held = await read(path)
    if (held === undefined) continue
    const holder = parse(held)
    if (holder === undefined || (await processIdentity(holder.pid)) !== holder.identity) {
      await breakLock(path, held)
      continue
    }
    if (told !== held)
      onWait?.(`waiting for process ${holder.pid}, which has been ${holder.purpose} since ${holder.since} (${path})`)
    told = held
    await delay(pollMs, undefined, signal === undefined ? {} : { signal })
  }
  return text
}

/** The lock appears whole or not at all. */
async function take(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, text)
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await unlink(draft)
  }
}

/**
 * Takes away a dead holder's lock, and never a live one's that came after it: only who makes the marker named after the
 * dead lock's text may remove it, and looks again before.
 */
async function breakLock(path: string, held: string): Promise<void> {
  const marker = `${path}.breaking-${createHash('sha256').update(held).digest('hex').slice(0, 16)}`
  try {
    await writeFile(marker, '', { flag: 'wx' })
  } catch {
    await dropOldMarker(marker)
    return
  }
  try {
    if ((await read(path)) === held) await rm(path, { force: true })
  } finally {
    await rm(marker, { force: true })
  }
}

// Whoever broke the lock needs a moment only: a marker of ten seconds belongs to a process that died there.
async function dropOldMarker(marker: string): Promise<void> {
  const made = await stat(marker).catch(() => undefined)
  if (made !== undefined && Date.now() - made.mtimeMs > 10_000) await rm(marker, { force: true })
  await delay(20)
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder
  } catch {
    return undefined
  }
}
