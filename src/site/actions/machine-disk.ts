import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { explain } from '../../base/errors.ts'
import { isPlain } from '../../images/registry.ts'
import type { CloudControl } from '../operator.ts'

const input = z.strictObject({
  /** Images by digest in the registry, with the addresses of those who push and those who pull. */
  registry: z.strictObject({ push: z.string().min(1), pull: z.string().min(1) }),
  references: z.array(z.string().min(1)),
})

export type MachineDiskInput = z.infer<typeof input>

/** The images of the site, unpacked on the disk that the next machines on this computer begin with. */
export function machineDiskAction(cloud: Pick<CloudControl, 'prepareDisk'>): Action<MachineDiskInput> {
  return {
    name: 'machine-disk',
    input,
    locks: () => ['machine-disk'],
    observe: async () => ({ state: 'unknown' }),
    ensure: async ({ registry, references }, context) => {
      if (!isPlain(registry.push)) return { changed: false, message: `images come from ${registry.pull}` }
      const { signal } = context
      context.waiting('the images to be unpacked on the disk of later machines')
      const images = references.map((one) => one.replace(`${registry.pull}/`, `${registry.push}/`))
      try {
        const prepared = await cloud.prepareDisk(images, { output: (line) => context.output(line), signal })
        return { changed: prepared, message: prepared ? 'prepared for the next machines' : 'already as wanted' }
      } catch (error) {
        signal.throwIfAborted()
        // Whatever is wrong with it: the site is up, and the next machine fetches what it needs.
        return { changed: false, message: `not prepared: ${explain(error)}` }
      }
    },
    // It belongs to the cache that all sites share.
    remove: async () => ({ changed: false, message: 'the cache is shared: kept' }),
  }
}
