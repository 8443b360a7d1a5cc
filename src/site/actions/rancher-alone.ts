import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { AppError } from '../../base/errors.ts'
import { tokenAdvice } from '../rancher-refusals.ts'

const input = z.strictObject({ url: z.url(), cluster: z.string().min(1) })

export interface RancherAloneDeps {
  readonly rancher: Rancher
  readonly keptToken: () => string | undefined
}

/** For removals, before anything goes: a Rancher of the site's own goes with it, so nobody else's cluster may hang on it. */
export function rancherAloneAction({ rancher, keptToken }: RancherAloneDeps): Action<z.infer<typeof input>> {
  return {
    name: 'rancher-alone',
    input,
    locks: () => [],
    observe: async () => ({ state: 'absent' }),
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'rancher-alone is a step of removals')
    },
    remove: async ({ url, cluster }) => {
      const token = keptToken()
      // Nobody signed in there yet.
      if (token === undefined) return { changed: false, message: 'it has no clusters' }
      if (!(await rancher.accepts(url, token)))
        throw new AppError(
          'unauthenticated',
          'rancher-token',
          `nothing was removed: ${tokenAdvice({ url, made: true })}`,
        )
      // Those that the site's service ordered go with the site.
      const own = [cluster, ...(await rancher.orderedClusters(url, token, cluster))]
      const others = (await rancher.clusters(url, token)).map(({ name }) => name).filter((name) => !own.includes(name))
      if (others.length === 0) return { changed: false, message: 'no other cluster hangs on it' }
      const text = `nothing was removed: Rancher ${url} goes with the site and has other clusters (${others.join(', ')}); right is to take them out of it first`
      throw new AppError('conflict', 'rancher-in-use', text, { details: { clusters: others } })
    },
  }
}
