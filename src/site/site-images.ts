import { join } from 'node:path'
import { buildImage, imageTag } from '../images/build.ts'
import { IMAGES, type ImageName } from '../images/catalogue.ts'
import { type Pin, readPins } from '../images/pins.ts'
import { pullImage, whyUnreachable } from '../images/pull.ts'
import { checkPush, findDigest, isPlain, type RegistryAccess } from '../images/registry.ts'
import { AppError, explain } from '../base/errors.ts'
import type { ImageRun, Images } from './actions/image.ts'
import type { CloudControl } from './operator.ts'
import { toolPath } from './site-tools.ts'

export interface ImageSources {
  readonly project: string
  readonly cache: string
  readonly stateFolder: string
  /** Which images are pulled; default: `$CLOUDMGR_IMAGE_PINS`, else the checkout's. */
  readonly pinsFile?: string
  /** How the registry is spoken to, where it is one of the site file's; looked up when it is needed. */
  readonly access: () => RegistryAccess
  /** Gives a registry of this computer blobs that lie here; left out where there is none. */
  readonly takeBlobs?: CloudControl['takeBlobs']
}

/** Images built on this machine from the checkout, or pulled where they are pinned and their registry answers. */
export function createImages({ project, cache, stateFolder, pinsFile, access, takeBlobs }: ImageSources): Images {
  const programsOf = (name: ImageName) =>
    Object.fromEntries(IMAGES[name].programs.map((program) => [program, toolPath(stateFolder, program)]))
  const pinOf = (name: ImageName) =>
    readPins(pinsFile ?? process.env['CLOUDMGR_IMAGE_PINS'] ?? join(project, 'images/pins.yml'))[name]
  const tag = async (name: ImageName) => await imageTag(name, { project, programs: programsOf(name) })
  return {
    tag: async (text) => await tag(imageName(text)),
    find: async (text, registry) => {
      const name = imageName(text)
      const pin = pinOf(name)
      const by = access()
      const pulled = pin === undefined ? undefined : await findDigest(registry, name, pinnedTag(pin), by)
      return pulled ?? (await findDigest(registry, name, await tag(name), by))
    },
    build: async (text, registry, { output, signal }) => {
      const name = imageName(text)
      const pin = pinOf(name)
      const pulled = pin === undefined ? undefined : await pullPinned(name, pin, registry, access(), { output, signal })
      if (pulled !== undefined) return pulled
      const programs = programsOf(name)
      const own = isPlain(registry) ? { takeBlobs } : {}
      return await buildImage(name, { project, cache, registry, output, signal, programs, access: access(), ...own })
    },
  }
}

function pinnedTag({ digest }: Pin): string {
  return `pinned-${digest.slice('sha256:'.length, 'sha256:'.length + 16)}`
}

/** `undefined`, after saying why, where it must be built all the same. */
async function pullPinned(
  name: ImageName,
  pin: Pin,
  registry: string,
  access: RegistryAccess,
  { output, signal }: ImageRun,
) {
  const tag = pinnedTag(pin)
  const there = await findDigest(registry, name, tag, { signal, ...access })
  if (there !== undefined) return { tag, digest: there, done: 'already as wanted' }
  if (access.login !== undefined) await checkPush(registry, name, { signal, ...access })
  const why = await whyUnreachable(pin, { signal, access })
  if (why !== undefined) {
    output(`${pin.registry} can't be reached, ${name} is built instead: ${why}`)
    return undefined
  }
  try {
    return { tag, digest: await pullImage(pin, { registry, access, name, tag, output, signal }), done: 'pulled' }
  } catch (error) {
    signal.throwIfAborted()
    output(`${name} is built instead of pulled: ${explain(error)}`)
    return undefined
  }
}

function imageName(name: string): ImageName {
  if (Object.hasOwn(IMAGES, name)) return name as ImageName
  throw new AppError(
    'invalid',
    'image-unknown',
    `there is no image ${name}; there are ${Object.keys(IMAGES).join(', ')}`,
  )
}
