import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, explain } from '../base/errors.ts'
import { Buildah } from './buildah.ts'
import { IMAGES, type ImageName, type ImageSpec } from './catalogue.ts'
import { makeDebian } from './debian.ts'
import { hostMounts } from './host-settings.ts'
import { type Context, inputsKey, layOutContext } from './inputs.ts'
import { withLock } from './lock.ts'
import { PackedImages } from './packed.ts'
import { type ImageParts, pushImage, type PushOptions } from './push.ts'
import { checkPush, findDigest, type RegistryAccess } from './registry.ts'

export interface BuildOptions {
  /** The checkout that holds `images/` and the sources. */
  readonly project: string
  /** The cache of all sites; images live in its folder `images`. */
  readonly cache: string
  /** `host:port`, perhaps with a path; without TLS on the loopback only. */
  readonly registry: string
  readonly access?: RegistryAccess
  /** Paths of the programs that an image declares (see catalogue.ts), by name. */
  readonly programs?: Readonly<Record<string, string>>
  readonly output?: (line: string) => void
  readonly signal?: AbortSignal | undefined
  /** As in `PushOptions`. */
  readonly takeBlobs?: PushOptions['takeBlobs']
}

/** Of one name in the cache: the present one and those of the checkouts one goes back to. */
const KEPT_IMAGES = 3

export interface BuiltImage {
  readonly name: ImageName
  readonly repository: string
  readonly tag: string
  readonly digest: string
  /** What had to be done. */
  readonly done: 'already as wanted' | 'pushed' | 'built'
}

/** Ends with the image in the registry, built only when neither the registry nor the cache has one of these inputs. */
export async function buildImage(name: ImageName, options: BuildOptions): Promise<BuiltImage> {
  const { output = () => {}, registry, signal, access = {}, takeBlobs } = options
  const tag = await imageTag(name, options)
  const wanted = { name, repository: name, tag }
  const found = await findDigest(registry, name, tag, { signal, ...access })
  if (found !== undefined) return { ...wanted, digest: found, done: 'already as wanted' }

  if (access.login !== undefined) await checkPush(registry, name, { signal, ...access })
  const folder = join(options.cache, 'images')
  return withLock(
    join(folder, 'lock'),
    async () => {
      // Whoever had the lock may have built the same.
      const meanwhile = await findDigest(registry, name, tag, { signal, ...access })
      if (meanwhile !== undefined) return { ...wanted, digest: meanwhile, done: 'already as wanted' as const }
      const buildah = new Buildah(folder)
      const packed = new PackedImages(buildah, join(folder, 'packed'))
      const push = async (image: ImageParts, built: boolean) => {
        output(`pushing ${name}:${tag}`)
        await pushImage(image, { registry, access, name, tag, signal, takeBlobs })
        return { ...wanted, digest: image.digest, done: built ? ('built' as const) : ('pushed' as const) }
      }
      // Without asking buildah, whose programs take seconds.
      const ready = await packed.find(name, tag)
      if (ready !== undefined) return await push(ready, false)

      await buildah.cleanUp()
      const make = async () => {
        const built = await ensureLocal(buildah, name, options)
        if (built) await buildah.removeOlder(name, KEPT_IMAGES)
        if (built) await packed.removeOthers()
        return await push(await packed.pack(name, tag, { output, signal }), built)
      }
      try {
        return await make()
      } catch (error) {
        if (!isSpoilt(error)) throw error
        output('the cache of images was changed by somebody else: it is made anew')
        await buildah.reset()
        return await make()
      }
    },
    { waiting: () => output(`waiting for another build on ${folder}`), signal },
  )
}

/** A layer is not what was built: a file was changed or lost on the disk. */
function isSpoilt(error: unknown): boolean {
  return /integrity checksum failed|layer not known|file integrity/.test(explain(error))
}

/** The hash of an image's inputs, those of the images it is made from included. */
export async function imageTag(name: ImageName, options: Pick<BuildOptions, 'project' | 'programs'>): Promise<string> {
  const spec: ImageSpec = IMAGES[name]
  const parents = await Promise.all(spec.parents.map((parent) => imageTag(parent as ImageName, options)))
  return inputsKey(await contextOf(name, options), parents)
}

/** Every file of the image's folder, the declared sources and programs, by their names in the build context. */
async function contextOf(name: ImageName, options: Pick<BuildOptions, 'project' | 'programs'>): Promise<Context> {
  const spec: ImageSpec = IMAGES[name]
  const folder = join(options.project, 'images', name)
  const own = (await readdir(folder)).map((entry) => [entry, join(folder, entry)])
  const sources = spec.sources.map((source) => [source, join(options.project, source)])
  const programs = spec.programs.map((program) => [`bin/${program}`, programPath(name, program, options)])
  return Object.fromEntries([...own, ...sources, ...programs]) as Context
}

function programPath(image: string, program: string, options: Pick<BuildOptions, 'programs'>): string {
  const path = options.programs?.[program]
  if (path === undefined)
    throw new AppError('bug', 'program-path-missing', `image ${image} needs the path of ${program}`)
  return path
}

/** True when the image had to be built; its parents are built first. */
async function ensureLocal(buildah: Buildah, name: ImageName, options: BuildOptions): Promise<boolean> {
  const { output = () => {}, signal } = options
  const image = await localName(name, options)
  if (await buildah.hasImage(image)) return false
  const spec: ImageSpec = IMAGES[name]
  for (const parent of spec.parents) await ensureLocal(buildah, parent as ImageName, options)

  output(`building ${name}`)
  const work = join(options.cache, 'images', 'work')
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true, mode: 0o700 })
  try {
    if (name === 'debian') await makeDebian(buildah, image, work, output, signal)
    else await buildFrom(buildah, name, image, work, options)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return true
}

async function buildFrom(
  buildah: Buildah,
  name: ImageName,
  image: string,
  work: string,
  options: BuildOptions,
): Promise<void> {
  const spec: ImageSpec = IMAGES[name]
  const context = join(work, 'context')
  await layOutContext(await contextOf(name, options), context)
  const mounts = await hostMounts(join(options.cache, 'images'))
  const parents = await Promise.all(
    spec.parents.map(async (parent) => `${parent.toUpperCase()}=${await localName(parent as ImageName, options)}`),
  )
  await buildah.run(
    `building image ${name}`,
    [
      'build',
      '--layers',
      '--pull-never',
      '--format=oci',
      `--file=${join(context, 'Containerfile')}`,
      `--tag=${image}`,
      ...mounts.map((mount) => `--volume=${mount}`),
      ...parents.map((parent) => `--build-arg=${parent}`),
      context,
    ],
    { output: options.output ?? (() => {}), signal: options.signal },
  )
}

async function localName(name: ImageName, options: BuildOptions): Promise<string> {
  return `localhost/${name}:${await imageTag(name, options)}`
}
