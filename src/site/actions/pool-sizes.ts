import { join } from 'node:path'
import { existsSync } from 'node:fs'
import type { Action } from '../../actions/action.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { must } from '../../base/errors.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { rancherOf } from '../cloud.ts'
import { type CloudRootsInput, cloudRootsInput, writeStage } from './cloud-roots.ts'

export interface PoolSizesDeps {
  readonly rancher: Rancher
  readonly token: () => string
  /** `catalog/providers`. */
  readonly providers: string
}

const stage = 'cluster'

/** Before the stage cluster: pools that an autoscaler sets keep the size that they have, instead of being reset. */
export function poolSizesAction({ rancher, token, providers }: PoolSizesDeps): Action<CloudRootsInput> {
  return {
    name: 'pool-sizes',
    input: cloudRootsInput,
    locks: () => [rootLock(stage)],
    observe: async ({ folder }) => ({ state: existsSync(join(folder, stage, 'main.tf.json')) ? 'present' : 'absent' }),
    ensure: async (wanted, context) => {
      const { url } = must(rancherOf(wanted.cloud), 'the Rancher of the site')
      const observed = await rancher.poolSizes(url, token(), wanted.site)
      await writeStage(stage, wanted, { providers, observed })
      const sizes = Object.entries(observed).map(([name, size]) => `${name}: ${size}`)
      context.output(sizes.join(', ') || 'no machines yet')
      return { changed: false, message: sizes.join(', ') || 'no machines yet' }
    },
    remove: async () => ({ changed: false, message: 'nothing of its own' }),
  }
}
