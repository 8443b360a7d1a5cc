import { randomUUID } from 'node:crypto'
import { existsSync, linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'

interface Holder {
  readonly pid: number
  /** These are left out by versions of before: then it is this host, since its start. */
  readonly host: string | undefined
  /** Which start of the host, the same in all its containers. */
  readonly boot: string | undefined
}

/** One `up` or `down` at a time for a state folder. A lock whose process is gone is taken over. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock')
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (take(path)) return () => releaseOwn(path)
    const text = textOf(path)
    const holder = holderOf(text)
    if (holder !== undefined && isElsewhere(holder)) throw busyElsewhere(holder)
    if (holder !== undefined && isAlive(holder)) {
      throw new AppError(
        'conflict',
        'site-busy',
        `another cloudmgr (process ${holder.pid}) is changing this site: wait for it (./cloudmgr status shows its steps), or stop it with kill -INT ${holder.pid}, which loses nothing`,
        {
          details: { pid: holder.pid },
        },
      )
    }
    takeAway(path, text)
  }
  throw new AppError('conflict', 'site-busy', `taking the lock ${path}`)
}

/** Whether a living `up` or `down` changes the site right now, as far as this host can tell. */
export function isLocked(folder: string): boolean {
  const holder = holderOf(textOf(join(folder, 'lock')))
  return holder !== undefined && (isElsewhere(holder) || isAlive(holder))
}

/** The other host whose process has the site's lock: from here nobody can tell whether it lives. */
export function lockedElsewhere(folder: string): string | undefined {
  const holder = holderOf(textOf(join(folder, 'lock')))
  return holder !== undefined && isElsewhere(holder) ? `process ${holder.pid} on ${holder.host}` : undefined
}

/** Takes the lock away from a process of another host, which somebody knows to be gone. */
export function releaseElsewhere(folder: string): void {
  if (lockedElsewhere(folder) !== undefined) release(join(folder, 'lock'))
}

/** Another name alone may be a container's. */
function isElsewhere({ host, boot }: Holder): boolean {
  return host !== undefined && host !== hostname() && boot !== bootId()
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

function busyElsewhere({ pid, host }: Holder): AppError {
  const text = `process ${pid} on ${host} has this site, and from here nobody can tell whether it lives: wait for it, or when it is surely gone: ./cloudmgr state unlock cluster`
  return new AppError('conflict', 'site-busy', text, { details: { pid, host } })
}

/** It is there with its holder or not at all: whoever starts in the same moment never reads an empty one. */
function take(path: string): boolean {
  const own = `${path}.${randomUUID()}`
  writeFileSync(own, ownText(), { mode: 0o600 })
  try {
    linkSync(own, path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  } finally {
    unlinkSync(own)
  }
}

function ownText(): string {
  return `${process.pid} ${hostname()} ${bootId()}\n`
}

function releaseOwn(path: string): void {
  if (textOf(path) === ownText()) release(path)
}

/** A dead holder's lock; one that somebody else has taken in the meantime is put back. */
function takeAway(path: string, text: string): void {
  const taken = `${path}.${randomUUID()}`
  try {
    renameSync(path, taken)
    if (textOf(taken) !== text) linkSync(taken, path)
  } catch {
    // Another one was quicker: the next look tells who.
  } finally {
    release(taken)
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Nobody has it.
    return ''
  }
}

function holderOf(text: string): Holder | undefined {
  const [first = '', host, boot] = text.trim().split(' ')
  const pid = Number(first)
  return Number.isInteger(pid) && pid > 0 ? { pid, host, boot } : undefined
}

/** A number may be another program's by now: only a process that is cloudmgr counts, and none of before a reboot. */
function isAlive({ pid, boot }: Holder): boolean {
  if (boot !== undefined && boot !== bootId()) return false
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
