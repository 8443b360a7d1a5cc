import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { withOutsideBackend } from '../../clusters/outside-backend.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { modulesFor, writeRoot } from '../../clusters/write-root.ts'
import { type Cloud, cloudSchema } from '../cloud.ts'
import { cloudRoot, stagesOf } from '../cloud-roots.ts'
import { rootOf } from './kept-terraform.ts'
import { outsideOf, stateInput } from './terraform-roots.ts'

export const cloudRootsInput = z.strictObject({
  site: z.string().min(1),
  domain: z.string().min(1),
  cloud: cloudSchema,
  volumes: z.record(z.string(), z.int().positive()),
  folders: z.strictObject({ volumes: z.string(), cluster: z.string() }),
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

/** Writes the roots of a site whose machines are ordered of a cloud. */
export function cloudRootsAction({ providers, ensureKeys }: CloudRootsDeps): Action<CloudRootsInput> {
  return {
    name: 'cloud-roots',
    input: cloudRootsInput,
    locks: ({ folders }) => [folders.volumes, folders.cluster].map((folder) => rootLock(rootOf(folder))),
    observe: async ({ cloud, folders }) => {
      const there = stagesOf(cloud).every((stage) => existsSync(join(folders[stage], 'main.tf.json')))
      return { state: there ? 'present' : 'absent' }
    },
    ensure: async ({ site: name, domain, cloud, volumes, folders, modules, state }, context) => {
      await ensureKeys(cloud)
      for (const stage of stagesOf(cloud)) {
        const folder = folders[stage]
        const site = { name, domain, cloud, volumes, providers, modules: await modulesFor(folder, modules) }
        await writeRoot(folder, withOutsideBackend(cloudRoot(stage, site), stage, outsideOf(state)))
        context.output(folder)
      }
      return { changed: true, message: `${stagesOf(cloud).join(' and ')} written` }
    },
    // They go with the state folder.
    remove: async () => ({ changed: false, message: 'kept with the state' }),
  }
}
