import { z } from 'zod'
import type { Action } from '../../actions/action.ts'

const input = z.strictObject({
  name: z.string().min(1),
  /** Where the host pushes to and the machines pull from. */
  registry: z.strictObject({ push: z.string().min(1), pull: z.string().min(1) }),
})

export type ImageInput = z.infer<typeof input>

export interface ImageRun {
  readonly output: (line: string) => void
  readonly signal: AbortSignal
}

export interface Images {
  /** Of the present inputs. */
  tag(name: string): Promise<string>
  /** The digest in the registry, when it has the image of the present inputs. */
  find(name: string, registry: string): Promise<string | undefined>
  /** Built when its inputs changed, pushed when the registry lacks it. */
  build(name: string, registry: string, run: ImageRun): Promise<{ tag: string; digest: string; done: string }>
}

/** One image of the site in its registry; output `image` is the reference that the charts' values take. */
export function imageAction(images: Images): Action<ImageInput> {
  return {
    name: 'image',
    input,
    // One build at a time: they share a cache of layers and two cores.
    locks: () => ['images'],
    observe: async ({ name, registry }) => {
      const digest = await images.find(name, registry.push)
      return digest === undefined ? { state: 'absent' } : { state: 'present', detail: digest }
    },
    ensure: async ({ name, registry }, context) => {
      const show = (line: string) => {
        context.output(line)
        if (/^(building|pushing|waiting)/.test(line)) context.waiting(line)
      }
      const { tag, digest, done } = await images.build(name, registry.push, { output: show, signal: context.signal })
      return {
        changed: done !== 'already as wanted',
        message: done,
        outputs: {
          image: { repository: `${registry.pull}/${name}`, tag, digest },
          reference: `${registry.pull}/${name}@${digest}`,
        },
      }
    },
    // The registry goes with the cluster; layers stay in the cache for the next one.
    remove: async () => ({ changed: false, message: 'goes with the registry' }),
  }
}
