import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { cp, lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../base/errors.ts'

/** Where a file or folder of the build context comes from, by its name in the context. */
export type Context = Readonly<Record<string, string>>

/** What is beside the sources but never part of an image. */
const LEFT_OUT = /(^|\/)(node_modules|__pycache__|\.git|README\.md|[^/]+\.test\.ts|test_[^/]+\.py)$/

/** Most files are small, and a stream costs more than they do; programs have a hundred megabytes. */
const PIECE = 4 << 20

/** The tag of an image: the hash of everything that it is made of, and of nothing else (no times, no owners). */
export async function inputsKey(context: Context, parents: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const parent of parents) hash.update(`parent ${parent}\n`)
  for (const name of Object.keys(context).sort()) await addPath(hash, name, context[name] ?? '')
  return hash.digest('hex').slice(0, 16)
}

async function addPath(hash: Hash, name: string, path: string): Promise<void> {
  if (LEFT_OUT.test(name)) return
  const stat = await lstat(path).catch((cause: unknown) => {
    throw new AppError('invalid', 'image-input-missing', `reading ${path}, an input of the image`, { cause })
  })
  if (stat.isSymbolicLink()) {
    hash.update(`link ${name} ${await readlink(path)}\n`)
    return
  }
  if (stat.isDirectory()) {
    for (const entry of (await readdir(path)).sort()) await addPath(hash, `${name}/${entry}`, join(path, entry))
    return
  }
  hash.update(`file ${name} ${(stat.mode & 0o111) === 0 ? 'plain' : 'program'} ${stat.size}\n`)
  if (stat.size <= PIECE) return void hash.update(await readFile(path))
  await pipeline(createReadStream(path, { highWaterMark: PIECE }), async (chunks) => {
    for await (const chunk of chunks) hash.update(chunk as Buffer)
  })
}

/** Lays out a build context; times are kept, so that buildah finds unchanged layers again. */
export async function layOutContext(context: Context, folder: string): Promise<void> {
  for (const [name, path] of Object.entries(context)) {
    const target = join(folder, name)
    await mkdir(dirname(target), { recursive: true })
    await cp(path, target, {
      recursive: true,
      preserveTimestamps: true,
      filter: (source) => !LEFT_OUT.test(`${name}${source.slice(path.length)}`),
    })
  }
}
