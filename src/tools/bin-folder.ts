import { createHash } from 'node:crypto'
import { link, mkdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface Placed {
  readonly name: string
  readonly path: string
  /** Says which build it is: the sum of its content, or the version found on PATH. */
  readonly identity: string
}

/** One folder with all programs of a set, because containerd looks for its shim beside it. Its name follows from the set. */
export function binFolder(cacheDir: string, tools: readonly Placed[]): string {
  const hash = createHash('sha256')
  for (const { name, identity } of tools) hash.update(`${name}\0${identity}\0`)
  return join(cacheDir, 'bin', hash.digest('hex').slice(0, 16))
}

export async function placeTools(folder: string, tools: readonly Placed[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const tool of tools) await place(tool.path, join(folder, tool.name))
}

// A hard link is the program itself, so that /proc/self/exe lies in this folder too; another disk gets a symbolic one.
async function place(path: string, target: string): Promise<void> {
  const [wanted, present] = await Promise.all([stat(path), stat(target).catch(() => undefined)])
  if (present?.ino === wanted.ino && present.dev === wanted.dev) return
  const temporary = `${target}.${process.pid}`
  await rm(temporary, { force: true })
  await link(path, temporary).catch(() => symlink(path, temporary))
  await rename(temporary, target)
}
