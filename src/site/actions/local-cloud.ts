import { z } from 'zod'
import type { Action } from '../../actions/action.ts'

const input = z.strictObject({})

export type LocalCloudInput = z.infer<typeof input>

/** The supervisor of this site. */
export interface LocalCloud {
  /** Whether its socket answers. */
  answers(): Promise<boolean>
  /** Starts it and waits for its socket; does nothing when it answers. */
  start(signal: AbortSignal): Promise<void>
  /** Stops it and what it started; resolves when it is gone. */
  stop(signal: AbortSignal): Promise<void>
}

export function localCloudAction(cloud: LocalCloud): Action<LocalCloudInput> {
  return {
    name: 'local-cloud',
    input,
    locks: () => ['local-cloud'],
    observe: async () => ((await cloud.answers()) ? { state: 'present' } : { state: 'absent' }),
    ensure: async (_input, context) => {
      if (await cloud.answers()) return { changed: false, message: 'already as wanted' }
      context.waiting('the local cloud to answer')
      await cloud.start(context.signal)
      return { changed: true, message: 'started' }
    },
    remove: async (_input, { signal }) => {
      if (!(await cloud.answers())) return { changed: false, message: 'already as wanted' }
      await cloud.stop(signal)
      return { changed: true, message: 'stopped' }
    },
  }
}
