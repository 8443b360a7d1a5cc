import { z } from 'zod'
import { rootLock, type StateStore } from '../clusters/terraform-states.ts'
import type { Action } from './action.ts'

const input = z.strictObject({
  root: z.string().min(1).max(190),
  change: z.enum(['restore', 'unlock']),
  /** Which is restored. */
  version: z.int().min(0),
  /** The newest one when that was ordered: what was written since is not put aside. */
  present: z.int().min(0),
})

export type TerraformStateInput = z.infer<typeof input>

/** Changes the state of a root that the engine keeps, by an admin's order. Nothing is looked up or made outside. */
export function terraformState({
  states,
}: {
  readonly states: Pick<StateStore, 'restore' | 'release'>
}): Action<TerraformStateInput> {
  return {
    name: 'terraform-state',
    input,
    // As what works on the root has it: never beside it.
    locks: ({ root }) => [rootLock(root)],
    observe: async () => ({ state: 'absent', detail: 'a version among others' }),
    ensure: async ({ root, change, version, present }, context) => {
      const user = { root, task: context.task.id, fencing: context.task.fencing }
      if (change === 'unlock') {
        const changed = await states.release(root, user)
        return { changed, message: changed ? `the lock of ${root} is gone` : `nobody has the lock of ${root}` }
      }
      const restored = await states.restore(root, version, { user, present })
      if (restored === undefined)
        return { changed: false, message: `version ${version} is the state of ${root} already` }
      const { serial, addresses } = restored
      const message = `version ${version} is the state of ${root} again, as serial ${serial} with ${addresses.length} resources`
      return { changed: true, message }
    },
    remove: async () => ({ changed: false, message: 'nothing to remove' }),
  }
}
