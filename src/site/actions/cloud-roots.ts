import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { withOutsideBackend } from '../../clusters/outside-backend.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { modulesFor, writeRoot } from '../../clusters/write-root.ts'
import { type Cloud, cloudSchema } from '../cloud.ts'
import { cloudRoot, type CloudSite, type CloudStage, stagesOf } from '../cloud-roots.ts'
import { outsideOf, stateInput } from './terraform-roots.ts'

export const cloudRootsInput = z.strictObject({
  site: z.string().min(1),
  domain: z.string().min(1),
  cloud: cloudSchema,
  volumes: z.record(z.string(), z.int().positive()),
  /** Folder of the roots. */
  folder: z.string(),
  modules: z.string(),
  state: stateInput,
})

export type CloudRootsInput = z.infer<typeof cloudRootsInput>

export interface CloudRootsDeps {
  /** `catalog/providers`. */
  readonly providers: string
  /** What must be there before a root is written: keys of a cluster whose machines nobody signs in to. */
  readonly ensureKeys: (cloud: Cloud) => Promise<void>
}

/** Writes one of them; answers with its folder. */
export async function writeStage(
  stage: CloudStage,
  { site: name, folder, modules, state, ...wanted }: CloudRootsInput,
  more: Pick<CloudSite, 'providers' | 'unprotected' | 'registered' | 'observed' | 'ordered' | 'renew'>,
): Promise<string> {
  const at = join(folder, stage)
  const site: CloudSite = { name, ...wanted, ...more, modules: await modulesFor(at, modules) }
  await writeRoot(at, withOutsideBackend(cloudRoot(stage, site), stage, outsideOf(state)))
  return at
}

/** Writes the roots of a site whose machines are ordered of a cloud. */
export function cloudRootsAction({ providers, ensureKeys }: CloudRootsDeps): Action<CloudRootsInput> {
  return {
    name: 'cloud-roots',
    input: cloudRootsInput,
    locks: ({ cloud }) => stagesOf(cloud).map((stage) => rootLock(stage)),
    observe: async ({ cloud, folder }) => {
      const there = stagesOf(cloud).every((stage) => existsSync(join(folder, stage, 'main.tf.json')))
      return { state: there ? 'present' : 'absent' }
    },
    ensure: async (wanted, context) => {
      const { cloud } = wanted
      await ensureKeys(cloud)
      for (const stage of stagesOf(cloud)) context.output(await writeStage(stage, wanted, { providers }))
      return { changed: true, message: `${stagesOf(cloud).join(' and ')} written` }
    },
    // They go with the state folder.
    remove: async () => ({ changed: false, message: 'kept with the state' }),
  }
}
