import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { AppError } from '../../base/errors.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  /** Of the Rancher. */
  url: z.url(),
  site: z.string().min(1),
})

export interface OrderedClustersDeps {
  readonly rancher: Rancher
  /** Empty where nobody signed in there yet. */
  readonly token: () => string
  readonly sleep: Sleep
}

/** A cluster goes machine by machine; a cloud may need minutes for each. */
const LOOKS = 240
const PAUSE_MS = 5000

/**
 * For removals: clusters that the service ordered of the site's Rancher go with the site. Their states are the service's,
 * which is gone by then: Rancher knows them by their label.
 */
export function orderedClustersAction({ rancher, token, sleep }: OrderedClustersDeps): Action<z.infer<typeof input>> {
  const find = async ({ url, site }: z.infer<typeof input>) =>
    token() === '' ? [] : await rancher.orderedClusters(url, token(), site)
  return {
    name: 'ordered-clusters',
    input,
    locks: () => ['ordered-clusters'],
    observe: async (wanted) => {
      const left = await find(wanted)
      return left.length === 0 ? { state: 'absent' } : { state: 'present', detail: left.join(', ') }
    },
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'ordered-clusters is a step of removals')
    },
    remove: async (wanted, context) => {
      const all = await find(wanted)
      for (const name of all) await rancher.deleteCluster(wanted.url, token(), name)
      for (let [left, look] = [all, 1]; left.length > 0; left = await find(wanted), look += 1) {
        const names = left.join(', ')
        if (look > LOOKS) throw new AppError('unavailable', 'still-there', `still at the Rancher: ${names}`)
        context.waiting(`clusters that go: ${names}`)
        await sleep(PAUSE_MS, context.signal)
      }
      context.waiting(undefined)
      // Machines are deleted with them: credentials go when none is left.
      if (token() !== '') await rancher.deleteOrderedParts(wanted.url, token(), wanted.site)
      return { changed: all.length > 0, message: all.length === 0 ? 'already absent' : `deleted ${all.join(', ')}` }
    },
  }
}
