import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { TerraformApplyInput } from '../../actions/terraform-apply.ts'
import { AppError } from '../../base/errors.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { cloudRootsInput, writeStage } from './cloud-roots.ts'

const input = cloudRootsInput.extend({ stage: z.enum(['volumes', 'rancher']) })

export interface ReleaseProtectionDeps {
  readonly kept: Action<TerraformApplyInput>
  /** `catalog/providers`. */
  readonly providers: string
}

/** For removals: the cloud's own protection of volumes or machines against deletion goes, before they do. */
export function releaseProtectionAction({ kept, providers }: ReleaseProtectionDeps): Action<z.infer<typeof input>> {
  return {
    name: 'release-protection',
    input,
    locks: ({ stage }) => [rootLock(stage)],
    // Protection is nothing that can be left over: what is protected is looked for by its own step.
    observe: async () => ({ state: 'absent' }),
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'release-protection is a step of removals')
    },
    remove: async ({ stage, ...site }, context) => {
      const root = join(site.folder, stage)
      const wanted: TerraformApplyInput = { root, deletes: 'refuse', outputs: [], env: {} }
      // Never made: applying would make it.
      if ((await kept.observe(wanted, context)).state === 'absent')
        return { changed: false, message: 'there is nothing' }
      await writeStage(stage, site, { providers, unprotected: true })
      return await kept.ensure(wanted, context)
    },
  }
}
