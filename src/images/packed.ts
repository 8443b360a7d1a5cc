import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { Buildah, BuildahOptions } from './buildah.ts'
import type { Descriptor, ImageParts } from './push.ts'

interface Index {
  readonly manifests: readonly (Descriptor & { readonly annotations?: Readonly<Record<string, string>> })[]
}

interface Manifest {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

/** Where an image's name stands in the index (OCI image specification, "annotations"). */
const REF = 'org.opencontainers.image.ref.name'

/**
 * Images as registries take them, beside buildah's storage: an OCI layout (image-layout specification). A layer is compressed
 * once, and not again for every site. Only for the holder of the storage's lock.
 */
export class PackedImages {
  readonly #buildah: Buildah
  readonly #folder: string

  constructor(buildah: Buildah, folder: string) {
    this.#buildah = buildah
    this.#folder = folder
  }

  /** One that is here and whole. */
  async find(name: string, tag: string): Promise<ImageParts | undefined> {
    const ref = `${name}-${tag}`
    const entry = (await this.#index()).manifests.find(({ annotations }) => annotations?.[REF] === ref)
    if (entry === undefined || !(await this.#isWhole(entry))) return undefined
    const { config, layers } = await this.#manifest(entry.digest)
    const parts = [config, ...layers]
    const whole = await Promise.all(parts.map(async (part) => await this.#isWhole(part)))
    if (whole.includes(false)) return undefined
    return {
      mediaType: entry.mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
      manifest: await readFile(this.#path(entry.digest)),
      digest: entry.digest,
      parts,
      folder: this.#blobs(),
      read: async ({ digest }) => await this.#read(digest),
    }
  }

  /** Packs an image of the storage. */
  async pack(name: string, tag: string, options: BuildahOptions): Promise<ImageParts> {
    const ref = `${name}-${tag}`
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const words = ['push', '--quiet', '--compression-format=zstd', `localhost/${name}:${tag}`]
    await this.#buildah.run(`packing image ${name}`, [...words, `oci:${this.#folder}:${ref}`], options)
    const packed = await this.find(name, tag)
    if (packed === undefined) throw new AppError('bug', 'image-not-packed', `buildah packed ${ref} and it is not there`)
    return packed
  }

  /** Forgets images that the storage has no more, and what an interrupted run left. */
  async removeOthers(): Promise<void> {
    const kept = new Set((await this.#buildah.images()).map(({ name, tag }) => `${name}-${tag}`))
    const { manifests } = await this.#index()
    const staying = manifests.filter(({ annotations }) => kept.has(annotations?.[REF] ?? ''))
    const needed = new Set<string>()
    for (const { digest } of staying) {
      const { config, layers } = await this.#manifest(digest)
      for (const one of [digest, config.digest, ...layers.map((layer) => layer.digest)]) needed.add(one)
    }
    await this.#writeIndex(staying)
    for (const blob of await readdir(this.#blobs()).catch(() => []))
      if (!needed.has(`sha256:${blob}`)) await rm(join(this.#blobs(), blob), { force: true })
  }

  async #read(digest: string): Promise<Buffer> {
    const bytes = await readFile(this.#path(digest))
    if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` === digest) return bytes
    await rm(this.#path(digest), { force: true })
    const text = `${digest} in the cache of images is not what was packed: it is packed anew when that is tried again`
    throw new AppError('unavailable', 'image-damaged', text)
  }

  /** What is cut off is taken away: buildah would think it good. */
  async #isWhole({ digest, size }: Descriptor): Promise<boolean> {
    const found = await stat(this.#path(digest)).catch(() => undefined)
    if (found !== undefined && found.size !== size) await rm(this.#path(digest), { force: true })
    return found?.size === size
  }

  async #index(): Promise<Index> {
    const text = await readFile(join(this.#folder, 'index.json'), 'utf8').catch(() => '{"manifests":[]}')
    return JSON.parse(text) as Index
  }

  async #writeIndex(manifests: Index['manifests']): Promise<void> {
    if (manifests.length === 0) return await rm(this.#folder, { recursive: true, force: true })
    const path = join(this.#folder, 'index.json')
    await writeFile(`${path}.new`, JSON.stringify({ schemaVersion: 2, manifests }))
    await rename(`${path}.new`, path)
  }

  async #manifest(digest: string): Promise<Manifest> {
    return JSON.parse(await readFile(this.#path(digest), 'utf8')) as Manifest
  }

  #blobs(): string {
    return join(this.#folder, 'blobs', 'sha256')
  }

  #path(digest: string): string {
    return join(this.#blobs(), digest.replace(/^sha256:/, ''))
  }
}
