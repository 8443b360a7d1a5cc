import type { ClaimedTask } from './claim.ts'
import type { EngineDeps } from './deps.ts'
import { type Ending, endTasks, type TaskEnd } from './end.ts'

interface Waiting extends Ending {
  readonly written: PromiseWithResolvers<boolean>
}

const MOST = 32

/**
 * Outcomes that come while others are being written wait for these and are then written together: a transaction for many
 * costs little more than one for each.
 */
export class Endings {
  readonly #deps: EngineDeps
  readonly #waiting: Waiting[] = []
  #writing = false

  constructor(deps: EngineDeps) {
    this.#deps = deps
  }

  /** Once it is in the rows; false: the task was lost. */
  async end(task: ClaimedTask, end: TaskEnd): Promise<boolean> {
    const written = Promise.withResolvers<boolean>()
    this.#waiting.push({ task, end, written })
    if (!this.#writing) void this.#write()
    return await written.promise
  }

  async #write(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) await this.#writeThese(this.#waiting.splice(0, MOST))
    this.#writing = false
  }

  async #writeThese(these: readonly Waiting[]): Promise<void> {
    try {
      const ours = await endTasks(this.#deps, these)
      for (const { task, written } of these) written.resolve(ours.has(task.id))
    } catch (error) {
      // One that can't be written must not keep the others from it.
      if (these.length > 1) for (const one of these) await this.#writeThese([one])
      else for (const { written } of these) written.reject(error)
    }
  }
}
