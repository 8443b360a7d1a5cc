import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** Writes the CLI configuration: providers of the mirror come from there and only from there, all others from their registry. */
export async function writeCliConfig(folder: string, mirror: string | undefined): Promise<string> {
  const cache = join(folder, 'plugins')
  await mkdir(cache, { recursive: true, mode: 0o700 })
  const file = join(folder, 'tofurc')
  const own = mirror === undefined ? [] : await mirrored(mirror)
  // JSON strings are strings of this language, too; its JSON form takes no blocks inside `provider_installation`.
  const installation =
    mirror === undefined || own.length === 0
      ? ['direct {}']
      : [
          `filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n    include = ${JSON.stringify(own)}\n  }`,
          `direct {\n    exclude = ${JSON.stringify(own)}\n  }`,
        ]
  const lines = [
    `plugin_cache_dir = ${JSON.stringify(cache)}`,
    // Else a root without a lock file puts the program into the cache anew, away from under those that run it.
    'plugin_cache_may_break_dependency_lock_file = true',
    'disable_checkpoint = true',
    `provider_installation {\n  ${installation.join('\n  ')}\n}`,
  ]
  await replace(file, `${lines.join('\n')}\n`)
  return file
}

/** Whole or not at all: others may read it at this moment. */
async function replace(file: string, text: string): Promise<void> {
  const part = `${file}.${randomUUID()}`
  await writeFile(part, text)
  await rename(part, file)
}

/** `host/namespace/type` of what lies in a mirror folder. */
export async function mirrored(mirror: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const host of await folders(mirror)) {
    for (const namespace of await folders(join(mirror, host))) {
      for (const type of await folders(join(mirror, host, namespace))) found.push(`${host}/${namespace}/${type}`)
    }
  }
  return found.toSorted()
}

/** Changes when a root's own files change, or the mirror's programs: then `init` must run again. */
export async function rootStamp(
  root: string,
  mirror: string | undefined,
): Promise<{ files: string; programs: string }> {
  const files = createHash('sha256')
  for (const name of (await readdir(root)).toSorted()) {
    if (/\.(tf|tofu)(\.json)?$|\.tfbackend\.json$/.test(name))
      files.update(name).update(await readFile(join(root, name)))
  }
  const programs = createHash('sha256')
  for (const path of mirror === undefined ? [] : await filesBelow(mirror)) {
    const { size, mtimeMs } = await stat(path)
    programs.update(`${relative(mirror ?? '', path)} ${size} ${mtimeMs}\n`)
  }
  return { files: files.digest('hex'), programs: programs.digest('hex') }
}

async function folders(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}
