import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { CloudDisks } from '../../adapters/cloud-disks/port.ts'
import { AppError } from '../../base/errors.ts'
import { type DiskNotes, diskText, type KeptDisk } from '../kept-disks.ts'
import type { DiskDoor } from '../left-disks.ts'

const input = z.strictObject({ site: z.string().min(1) })

export interface LeftDisksDeps extends DiskNotes {
  readonly disks: CloudDisks
  /** `undefined`: it can't be deleted from here. */
  readonly doorOf: (disk: KeptDisk) => DiskDoor | undefined
}

/** For removals: disks that an earlier one kept, and whose cluster is gone. What the cloud refuses stays noted. */
export function leftDisksAction({ disks, doorOf, lastDisks, keepDisks }: LeftDisksDeps): Action<z.infer<typeof input>> {
  return {
    name: 'left-disks',
    input,
    locks: () => ['site-disks'],
    // What can't be deleted from here is told, and no rest of a removal.
    observe: async () => ({ state: 'absent' }),
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'left-disks is a step of removals')
    },
    remove: async (_, context) => {
      const gone: string[] = []
      for (const disk of lastDisks()) {
        const door = doorOf(disk)
        if (door === undefined) continue
        try {
          await disks.delete(door.cloud, door.token, door.handle)
        } catch (error) {
          if (!(error instanceof AppError) || error.kind !== 'conflict') throw error
          context.output(error.message)
          continue
        }
        keepDisks(lastDisks().filter(({ claim }) => claim !== disk.claim))
        gone.push(diskText(disk))
        context.output(`deleted: ${diskText(disk)}`)
      }
      return {
        changed: gone.length > 0,
        message: gone.length === 0 ? 'nothing to delete' : `deleted ${gone.join(', ')}`,
      }
    },
  }
}
