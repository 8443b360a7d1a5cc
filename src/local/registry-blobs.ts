import { linkSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { ensureFile } from './files.ts'

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no digest: sha256: and 64 hexadecimal digits')

export const blobsOrder = z.strictObject({
  /** Where they lie on this host, each named by its digest's digits. */
  folder: z.string().startsWith('/', 'is no absolute path'),
  digests: z.array(digest).min(1).max(1000),
})

export type BlobsOrder = z.infer<typeof blobsOrder>

/** A part of a repository's name, as the OCI distribution specification has it. */
export function checkRepository(name: string): string {
  if (/^[a-z0-9]+([._-]+[a-z0-9]+)*$/.test(name)) return name
  const text = `"${name}" is no name of a repository: lower-case letters and digits, with ".", "_" or "-" between them`
  throw new AppError('invalid', 'repository', text, { details: { field: 'name', value: name } })
}

/**
 * Gives blobs of this host to the registry without sending and writing them: as hard links where its storage looks for them
 * (CNCF distribution, registry/storage/paths.go). Whoever asks has checked that they are what their names say. What can't be
 * linked (another file system) is left out, and must be pushed.
 */
export function linkBlobs(registry: string, repository: string, { folder, digests }: BlobsOrder): void {
  const root = join(registry, 'docker', 'registry', 'v2')
  for (const one of digests) {
    const hex = one.slice('sha256:'.length)
    if (link(join(folder, hex), join(root, 'blobs', 'sha256', hex.slice(0, 2), hex, 'data')))
      ensureFile(join(root, 'repositories', repository, '_layers', 'sha256', hex, 'link'), one)
  }
}

function link(from: string, to: string): boolean {
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 })
    linkSync(from, to)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EEXIST'
  }
}
