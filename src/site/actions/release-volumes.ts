import type { Action } from '../../actions/action.ts'
import type { TerraformApplyInput } from '../../actions/terraform-apply.ts'
import { AppError } from '../../base/errors.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { modulesFor, writeRoot } from '../../clusters/write-root.ts'
import { cloudRoot } from '../cloud-roots.ts'
import { type CloudRootsInput, cloudRootsInput } from './cloud-roots.ts'
import { rootOf } from './kept-terraform.ts'

export interface ReleaseVolumesDeps {
  readonly kept: Action<TerraformApplyInput>
  /** `catalog/providers`. */
  readonly providers: string
}

/** For purges: the cloud's own protection of the volumes against deletion goes, before they do. */
export function releaseVolumesAction({ kept, providers }: ReleaseVolumesDeps): Action<CloudRootsInput> {
  return {
    name: 'release-volumes',
    input: cloudRootsInput,
    locks: ({ folders }) => [rootLock(rootOf(folders.volumes))],
    // Protection is nothing that can be left over: the volumes themselves are looked for by their own step.
    observe: async () => ({ state: 'absent' }),
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'release-volumes is a step of removals')
    },
    remove: async ({ site: name, domain, cloud, volumes, folders, modules }, context) => {
      const wanted: TerraformApplyInput = { root: folders.volumes, deletes: 'refuse', outputs: [], env: {} }
      // Never made: applying would make them.
      if ((await kept.observe(wanted, context)).state === 'absent') return { changed: false, message: 'there are none' }
      const site = { name, domain, cloud, volumes, providers, modules: await modulesFor(folders.volumes, modules) }
      await writeRoot(folders.volumes, cloudRoot('volumes', { ...site, unprotected: true }))
      return await kept.ensure(wanted, context)
    },
  }
}
