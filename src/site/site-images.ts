import { buildImage, imageTag } from '../images/build.ts'
import { IMAGES, type ImageName } from '../images/catalogue.ts'
import { findDigest, type RegistryLogin } from '../images/registry.ts'
import { AppError } from '../base/errors.ts'
import type { Images } from './actions/image.ts'
import { toolPath } from './site-tools.ts'

export interface ImageSources {
  readonly project: string
  readonly cache: string
  readonly stateFolder: string
  /** Who signs in at the registry, where it is one of the site file's; looked up when it is needed. */
  readonly login: () => RegistryLogin | undefined
}

/** Images built on this machine from the checkout. */
export function createImages({ project, cache, stateFolder, login }: ImageSources): Images {
  const programsOf = (name: ImageName) =>
    Object.fromEntries(IMAGES[name].programs.map((program) => [program, toolPath(stateFolder, program)]))
  const tag = async (name: ImageName) => await imageTag(name, { project, programs: programsOf(name) })
  return {
    tag: async (text) => await tag(imageName(text)),
    find: async (text, registry) => {
      const name = imageName(text)
      return await findDigest(registry, name, await tag(name), { login: login() })
    },
    build: async (text, registry, { output, signal }) => {
      const name = imageName(text)
      const programs = programsOf(name)
      return await buildImage(name, { project, cache, registry, output, signal, programs, login: login() })
    },
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
