import { AppError } from '../base/errors.ts'

const form = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/

/** Names sort by time, and are fit for every file system. */
export function dumpName(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(':', '-')}Z`
}

export function isDump(name: string): boolean {
  return form.test(name)
}

/** Of a dump that is not complete; hidden, and never taken for one. */
export function partName(pod: string): string {
  return `.part-${pod}`
}

/** Dumps beyond the newest `keep`. */
export function outdated(names: readonly string[], keep: number): string[] {
  return names
    .filter(isDump)
    .toSorted()
    .slice(0, Math.max(0, names.filter(isDump).length - keep))
}

/** The dump that is meant by its name, or by `newest`. */
export function chooseDump(names: readonly string[], wanted: string): string {
  const dumps = names.filter(isDump).toSorted()
  const found = wanted === 'newest' ? dumps.at(-1) : dumps.find((name) => name === wanted)
  if (found !== undefined) return found
  const there = dumps.length === 0 ? 'there is none' : `there are ${dumps.join(', ')}`
  throw new AppError('not-found', 'dump-unknown', `dump ${wanted} does not exist; ${there}`, {
    details: { field: 'CLOUDMGR_DUMP', value: wanted },
  })
}
