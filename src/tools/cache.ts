import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** What was recorded when a program was put into the cache. */
interface Manifest {
  readonly size: number
  readonly sha256: string
  /** While these are unchanged the content is believed; else it is summed again. */
  readonly mtimeMs: number
  readonly inode: number
  /** Of a program that was not built here. */
  readonly from?: Origin
}

/** Which release a program came with, and the sum that its publisher names. */
export interface Origin {
  readonly url: string
  readonly sha256: string
}

export type Cached =
  | { readonly state: 'ready'; readonly path: string; readonly sha256: string }
  | { readonly state: 'absent' }
  | { readonly state: 'broken'; readonly reason: string }

/** Finished programs by name and key: `<cache>/tools/<name>/<key>/<name>` with its manifest beside it, written last. */
export class ToolCache {
  readonly folder: string

  constructor(cacheDir: string) {
    this.folder = join(cacheDir, 'tools')
  }

  async look(name: string, key: string): Promise<Cached> {
    const path = this.path(name, key)
    const found = await stat(path).catch(() => undefined)
    const manifest = await readManifest(this.manifestPath(name, key))
    if (found === undefined)
      return manifest === undefined ? { state: 'absent' } : broken('its file is missing from the cache')
    if (manifest === undefined) return broken('it was not written to its end')
    if (found.size !== manifest.size) return broken(`it has ${found.size} bytes instead of ${manifest.size}`)
    if (found.mtimeMs === manifest.mtimeMs && found.ino === manifest.inode) {
      return { state: 'ready', path, sha256: manifest.sha256 }
    }
    if ((await sha256Of(path)) !== manifest.sha256) return broken('its content is not what was written')
    await this.record(name, key, manifest.sha256, manifest.from)
    return { state: 'ready', path, sha256: manifest.sha256 }
  }

  /** Takes over a finished file (it is moved). */
  async store(name: string, key: string, file: string, from?: Origin): Promise<void> {
    const folder = join(this.folder, name, key)
    await rm(this.manifestPath(name, key), { force: true })
    await mkdir(folder, { recursive: true })
    await chmod(file, name.endsWith('.yaml') ? 0o644 : 0o755)
    const sha256 = await sha256Of(file)
    await sync(file)
    await rename(file, this.path(name, key))
    await this.record(name, key, sha256, from)
  }

  private async record(name: string, key: string, sha256: string, from: Origin | undefined): Promise<void> {
    const { size, mtimeMs, ino } = await stat(this.path(name, key))
    const manifest: Manifest = { size, sha256, mtimeMs, inode: ino, ...(from === undefined ? {} : { from }) }
    const target = this.manifestPath(name, key)
    await writeFile(`${target}.${process.pid}`, JSON.stringify(manifest))
    await rename(`${target}.${process.pid}`, target)
  }

  private path(name: string, key: string): string {
    return join(this.folder, name, key, name)
  }

  private manifestPath(name: string, key: string): string {
    return join(this.folder, name, key, 'manifest.json')
  }
}

function broken(reason: string): Cached {
  return { state: 'broken', reason }
}

async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Manifest
  } catch {
    return undefined // absent or cut off: both mean that nobody finished
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

// After a power cut the name must not exist without the content.
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
