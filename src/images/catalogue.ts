/** The images, what each stands on and what it takes from outside its own folder. */
export interface ImageSpec {
  /** Images it is made from; each reaches its Containerfile as an argument of the upper-case name. */
  readonly parents: readonly string[]
  /** Files and folders of the checkout, by their place in the build context. */
  readonly sources: readonly string[]
  /** Programs that the caller must give the path of; they land in `bin/` of the build context. */
  readonly programs: readonly string[]
}

const onDebian: ImageSpec = { parents: ['debian'], sources: [], programs: [] }
const onPython: ImageSpec = { parents: ['python'], sources: [], programs: [] }

export const IMAGES = {
  /** Root file system only: pulled, or bootstrapped from Debian's packages. */
  debian: { parents: [], sources: [], programs: [] },
  python: onDebian,
  mongodb: onPython,
  mysql: onDebian,
  rabbitmq: onDebian,
  nginx: onDebian,
  'omegaml-runtime': onPython,
  jupyterhub: onPython,
  cloudmgr: {
    parents: ['debian', 'python'],
    sources: [
      ...['package.json', 'package-lock.json', 'src', 'catalog', 'charts', 'terraform'],
      // Without `web/dist`: the pages are built in the image.
      ...['package.json', 'index.html', 'vite.config.ts', 'theme-file.ts', 'src'].map((name) => `web/${name}`),
    ],
    programs: ['tofu', 'helm', 'kubectl', 'terraform-provider-localcloud'],
  },
} as const satisfies Record<string, ImageSpec>

export type ImageName = keyof typeof IMAGES
