import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { findText } from './files.ts'

/** A process, told apart from a later one with the same number by its start time. */
export interface ProcessId {
  readonly pid: number
  /** Clock ticks since boot, as in /proc/PID/stat. */
  readonly started: string
}

export function processIds(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
}

/** The living process of that number; one that ended and waits for its parent counts as gone. */
export function findProcess(pid: number): ProcessId | undefined {
  const stat = findText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The program's name stands in brackets and may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, started] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' || started === undefined ? undefined : { pid, started }
}

export function isAlive(process: ProcessId): boolean {
  return findProcess(process.pid)?.started === process.started
}

export function argumentsOf(pid: number): string[] {
  return (findText(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1)
}

export function environmentOf(pid: number): string[] {
  return (findText(`/proc/${pid}/environ`) ?? '').split('\0')
}

export function inNamespace(pid: number, kind: 'net' | 'mnt', inode: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`) === `${kind}:[${inode}]`
  } catch {
    // Gone meanwhile.
    return false
  }
}

/** The number of a namespace that is held by a file, or `undefined` when the file holds none. */
export function namespaceInode(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined || stat.size !== 0 || stat.dev === statSync('/run').dev ? undefined : stat.ino
}

export function processesOfCgroup(folder: string): number[] {
  try {
    return readFileSync(`${folder}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number)
  } catch {
    // The group is gone: nobody is in it.
    return []
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended before: that is what was wanted.
  }
}

/** Ends a process: asks first, then insists. Resolves when it is gone. */
export async function endProcess(target: ProcessId, graceMs: number): Promise<void> {
  if (isAlive(target)) signal(target.pid, graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
  const deadline = Date.now() + graceMs
  while (isAlive(target)) {
    if (Date.now() > deadline) signal(target.pid, 'SIGKILL')
    await delay(20)
  }
}
