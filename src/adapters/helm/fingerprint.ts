import { createHash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { AppError } from '../../base/errors.ts'

/** 40 hex digits (a label's value has room for 63) over the chart's files and the values, in an order of its own. */
export async function fingerprint(chart: string, values: unknown): Promise<string> {
  const hash = createHash('sha256')
  for (const path of await filesOf(chart)) {
    const content = await readFile(path)
    hash.update(`${relative(chart, path)}\0${content.length}\0`).update(content)
  }
  return hash.update(canonical(values)).digest('hex').slice(0, 40)
}

/** JSON with sorted keys: the same values in another order are the same values. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) => {
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
      return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    }) ?? 'null'
  )
}

async function filesOf(chart: string): Promise<readonly string[]> {
  try {
    if ((await stat(chart)).isFile()) return [chart]
    const entries: Dirent[] = await readdir(chart, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
  } catch (cause) {
    throw new AppError('invalid', 'chart-invalid', `reading the chart ${chart}`, { cause })
  }
}
