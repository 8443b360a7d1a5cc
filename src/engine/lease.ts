import { AppError } from '../base/errors.ts'
import type { ClaimedTask } from './claim.ts'
import type { EngineDeps, EngineSettings } from './deps.ts'

/** Why a running task is told to stop. */
export type Interruption = 'lease-lost' | 'command-cancelled' | 'engine-stopping'

/** One for all: an error of its own for every task that ends costs more than some tasks do. */
const ended = new Error('the task has ended')

/** Keeps the lease of one task by heartbeats; its signal is aborted when the task is not ours any more. */
export class Lease {
  readonly #deps: EngineDeps
  readonly #settings: EngineSettings
  readonly #task: ClaimedTask
  readonly #abort = new AbortController()
  readonly #ended = new AbortController()
  /** Whether its task does nothing now but wait for the outside. */
  waits = false
  #until: number

  constructor(deps: EngineDeps, settings: EngineSettings, task: ClaimedTask) {
    this.#deps = deps
    this.#settings = settings
    this.#task = task
    this.#until = task.lease_until ?? 0
    void this.#keep()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get interruption(): Interruption | undefined {
    const { reason } = this.#abort.signal
    return reason instanceof AppError ? (reason.code as Interruption) : undefined
  }

  interrupt(why: Interruption, message: string): void {
    if (!this.signal.aborted) this.#abort.abort(new AppError('conflict', why, message))
  }

  /** No more heartbeats. */
  end(): void {
    this.#ended.abort(ended)
  }

  async #keep(): Promise<void> {
    const { clock } = this.#deps
    while (!this.#ended.signal.aborted && this.interruption !== 'lease-lost') {
      try {
        await clock.sleep(this.#settings.leaseMs / 3, this.#ended.signal)
      } catch {
        // The task has ended.
        return
      }
      await this.#tryBeat()
      // Another one, should the clock have jumped on during the first.
      if (clock.now() >= this.#until) await this.#tryBeat()
      if (clock.now() >= this.#until)
        this.interrupt('lease-lost', 'the lease ended while the database was out of reach')
    }
  }

  async #tryBeat(): Promise<void> {
    await this.beat().catch((error: unknown) =>
      this.#deps.log.warn('heartbeat failed', { task: this.#task.id, reason: String(error) }),
    )
  }

  /** Makes it last, unless another engine has the task by now. */
  async beat(): Promise<void> {
    const { id, fencing, command_id } = this.#task
    const until = this.#deps.clock.now() + this.#settings.leaseMs
    const held = this.#deps.db
      .updateTable('tasks')
      .where('id', '=', id)
      .where('fencing', '=', fencing)
      .where('state', '=', 'running')
    const { numUpdatedRows } = await held.set({ lease_until: until }).executeTakeFirst()
    if (this.#ended.signal.aborted) return
    if (numUpdatedRows === 0n) return this.interrupt('lease-lost', 'another engine has taken the task')
    this.#until = until
    const command = await this.#deps.db
      .selectFrom('commands')
      .select('cancelled')
      .where('id', '=', command_id)
      .executeTakeFirst()
    if (command?.cancelled) this.interrupt('command-cancelled', command.cancelled)
  }
}
