import { join } from 'node:path'
import { existsSync } from 'node:fs'
import type { Action } from '../../actions/action.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { must } from '../../base/errors.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { hasScaled, orderedIn, type OrderedPools } from '../../clusters/ordered-pools.ts'
import { rancherOf } from '../cloud.ts'
import { isScaled, isShared } from '../cloud-roots.ts'
import { type CloudRootsInput, cloudRootsInput, writeStage } from './cloud-roots.ts'

export interface PoolSizesDeps {
  readonly rancher: Rancher
  readonly token: () => string
  /** Of a root, as its state has them. */
  readonly outputs: (folder: string, signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>>
  /** `catalog/providers`. */
  readonly providers: string
}

const stage = 'cluster'

/** Before the stage cluster: pools that an autoscaler sets keep the size that they have, and those that accounts ordered stay. */
export function poolSizesAction({ rancher, token, outputs, providers }: PoolSizesDeps): Action<CloudRootsInput> {
  return {
    name: 'pool-sizes',
    input: cloudRootsInput,
    locks: () => [rootLock(stage)],
    observe: async ({ folder }) => ({ state: existsSync(join(folder, stage, 'main.tf.json')) ? 'present' : 'absent' }),
    ensure: async (wanted, context) => {
      const { url } = must(rancherOf(wanted.cloud), 'the Rancher of the site')
      const { signal } = context
      const isTogether = isShared(wanted.cloud, wanted.state)
      // Without them `up` would take these pools away: where the state can't be read it goes no further.
      const ordered = isTogether ? await orderedNow(wanted, { outputs, providers }, signal) : {}
      const isAsked = isScaled(wanted.cloud) || hasScaled(ordered)
      const observed = isAsked ? await rancher.poolSizes(url, token(), wanted.site) : {}
      const more = { ...(isAsked ? { observed } : {}), ...(isTogether ? { ordered } : {}) }
      await writeStage(stage, wanted, { providers, ...more })
      const sizes = Object.entries(observed).map(([name, size]) => `${name}: ${size}`)
      const told = [...sizes, ...Object.keys(ordered).map((name) => `${name} was ordered`)].join(', ')
      context.output(told || 'no machines yet')
      return { changed: false, message: told || 'no machines yet' }
    },
    remove: async () => ({ changed: false, message: 'nothing of its own' }),
  }
}

async function orderedNow(
  wanted: CloudRootsInput,
  { outputs, providers }: Pick<PoolSizesDeps, 'outputs' | 'providers'>,
  signal: AbortSignal,
): Promise<OrderedPools> {
  const folder = await writeStage(stage, wanted, { providers, ordered: {} })
  return orderedIn(await outputs(folder, signal)) ?? {}
}
