import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Hcloud, HcloudThing } from '../../adapters/hcloud/port.ts'
import { AppError } from '../../base/errors.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  /** Name of the cluster that they joined. */
  cluster: z.string().min(1),
  /** Whether volumes of claims in ordered clusters, which nothing else knows by then, go as well. */
  data: z.enum(['keep', 'delete']).default('keep'),
})

export type OrderedMachinesInput = z.infer<typeof input>

export interface OrderedMachinesDeps {
  readonly hcloud: Hcloud
  readonly token: () => string
  readonly sleep: Sleep
}

/** Hetzner needs a while for a server; a placement group goes when its servers are gone. */
const LOOKS = 90
const PAUSE_MS = 2000

/**
 * For removals: what the service ordered at Hetzner, pools and clusters beside the site's own, goes with the site's cluster.
 * Their states are the service's, which is gone by then. Their subnets go with the network.
 */
export function orderedMachinesAction({ hcloud, token, sleep }: OrderedMachinesDeps): Action<OrderedMachinesInput> {
  const all = async ({ cluster }: OrderedMachinesInput) => [
    ...(await hcloud.find(token(), `cluster=${cluster},ordered`)),
    ...(await hcloud.find(token(), `site=${cluster},ordered`)),
  ]
  const stays = ({ data }: OrderedMachinesInput, { kind }: HcloudThing) => data === 'keep' && kind === 'volume'
  const find = async (wanted: OrderedMachinesInput) => (await all(wanted)).filter((one) => !stays(wanted, one))
  return {
    name: 'ordered-machines',
    input,
    locks: () => ['ordered-machines'],
    observe: async (wanted) => {
      const left = await find(wanted)
      return left.length === 0 ? { state: 'absent' } : { state: 'present', detail: described(left) }
    },
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'ordered-machines is a step of removals')
    },
    remove: async (wanted, context) => {
      const found = await find(wanted)
      for (let [left, look] = [found, 1]; left.length > 0; left = await find(wanted), look += 1) {
        if (look > LOOKS) throw new AppError('unavailable', 'still-there', `still at Hetzner: ${described(left)}`)
        context.waiting(described(left))
        const servers = left.filter(({ kind }) => kind === 'server')
        for (const thing of servers.length > 0 ? servers : left) await hcloud.delete(token(), thing)
        await sleep(PAUSE_MS, context.signal)
      }
      context.waiting(undefined)
      const kept = (await all(wanted)).filter((one) => stays(wanted, one))
      const still = kept.length === 0 ? '' : `; still at Hetzner, and nobody's: ${described(kept)}`
      const message = `${found.length === 0 ? 'already absent' : `deleted ${described(found)}`}${still}`
      return { changed: found.length > 0, message }
    },
  }
}

function described(things: readonly HcloudThing[]): string {
  return things.map(({ kind, name }) => `${kind} ${name}`).join(', ')
}
