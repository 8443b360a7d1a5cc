import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** Seconds of a processor that this process and its children have taken so far, those that have ended included. */
export function cpuSeconds(): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) / TICKS_PER_SECOND
}

/** See proc(5), /proc/pid/stat: what comes after the name begins with field 3. */
function ticksOf(pid: string): number {
  const stat = statOf(pid)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3] ?? 0)
  const own = Number(pid) === process.pid
  if (!own && field(4) !== process.pid) return 0
  return field(14) + field(15) + (own ? field(16) + field(17) : 0)
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}
