import { randomUUID } from 'node:crypto'
import { explain } from '../base/errors.ts'
import { bellOf } from '../commands/bell.ts'
import { inTransaction } from '../db/transaction.ts'
import { type ClaimedTask, nextDue, Turn } from './claim.ts'
import { forgetFuture } from './clock-jump.ts'
import { backOff } from './decide.ts'
import type { EngineDeps, EngineOptions, EngineSettings } from './deps.ts'
import type { TaskEnd } from './end.ts'
import { Endings } from './endings.ts'
import { Lease } from './lease.ts'
import { runTask } from './run.ts'
import { endCancelled, startCommands } from './start.ts'

const defaults = {
  concurrency: 8,
  mostAtOnce: 64,
  leaseMs: 30_000,
  pollMs: 5_000,
  retryForMs: 30 * 60_000,
  stopGraceMs: 20_000,
  exclusive: false,
}

/** Clocks are put right by less than this all the time. */
const CLOCK_MS = 2_000

const woken = new Error('woken before')

/** Works off what the rows say is due. Any number of engines may share a database; each may be killed at any point. */
export class Engine {
  readonly #deps: EngineDeps
  readonly #settings: EngineSettings
  readonly #running = new Map<Lease, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #turn = new Turn()
  readonly #endings: Endings
  /** One engine's memory is enough: when each is fair, all are. */
  readonly #served = new Map<number | null, number>()
  #claims = 0
  /** When it looked last; after a start the clock may have been put back, too. */
  #lookedAt = Number.POSITIVE_INFINITY
  #wake = Promise.withResolvers<void>()
  #loop: Promise<void> | undefined
  #deaf: () => void = () => {}

  constructor(deps: EngineDeps, options: EngineOptions = {}) {
    this.#deps = deps
    this.#endings = new Endings(deps)
    this.#settings = { ...defaults, ...options, owner: randomUUID() }
  }

  /** Starts working; resolves once it does. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return
    if (this.#settings.exclusive) await this.#voidLeases()
    this.#deaf = bellOf(this.#deps.db).listen(() => this.wake())
    this.#loop = this.#work()
  }

  /** There may be something to do: look now. */
  wake(): void {
    this.#wake.resolve()
  }

  /** Claims nothing more, interrupts what runs and hands it back, so that another engine continues at once. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#deaf()
    this.wake()
    for (const lease of this.#running.keys()) lease.interrupt('engine-stopping', 'the engine stops')
    await this.#loop
    const ended = Promise.all(this.#running.values())
    const grace = AbortSignal.timeout(this.#settings.stopGraceMs)
    await Promise.race([ended, new Promise((resolve) => grace.addEventListener('abort', resolve))])
    // Who does not heed the signal keeps its lease until it ends by itself; nobody else may start the same thing now.
    for (const lease of this.#running.keys()) lease.end()
  }

  async #work(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wake = Promise.withResolvers()
      let pause = this.#settings.pollMs * (0.75 + Math.random() / 2)
      try {
        await startCommands(this.#deps)
        await endCancelled(this.#deps)
        await this.#claimAll()
        pause = Math.min(pause, await this.#untilDue())
      } catch (error) {
        this.#deps.log.warn('the engine could not look for work', { reason: explain(error) })
      }
      await this.#sleep(pause)
    }
  }

  /**
   * The time by which tasks are claimed. A clock that was ahead and is put right would keep everything waiting until it is
   * there again; one that jumps on ends the leases of what runs here, which would be begun again beside itself: both are
   * seen to before anything is claimed by that time.
   */
  async #heedClock(): Promise<number> {
    const { db, clock, log } = this.#deps
    const { leaseMs } = this.#settings
    const now = clock.now()
    if (now < this.#lookedAt - CLOCK_MS) {
      const rows = await forgetFuture(db, now, leaseMs)
      if (rows > 0) log.warn('the clock was put back: what waited for times far ahead is due now', { rows })
    }
    if (now > this.#lookedAt + leaseMs / 2) for (const lease of this.#running.keys()) await lease.beat()
    this.#lookedAt = now
    return now
  }

  async #claimAll(): Promise<void> {
    const { owner, leaseMs } = this.#settings
    for (let most = this.#free(); most > 0 && !this.#stopping.signal.aborted; most = this.#free()) {
      const now = await this.#heedClock()
      const tasks = await this.#turn.claim(this.#deps.db, { owner, leaseMs, now, served: this.#served, most })
      if (tasks.length === 0) return
      for (const task of tasks) {
        this.#served.set(task.subject, ++this.#claims)
        this.#run(task)
      }
    }
  }

  /** Who only waits, for a namespace to go or a pod to come, takes nobody's place: removing many is mostly waiting. */
  #free(): number {
    const { concurrency, mostAtOnce } = this.#settings
    const atWork = [...this.#running.keys()].filter((lease) => !lease.waits)
    return Math.min(concurrency - atWork.length, mostAtOnce - this.#running.size)
  }

  #run(task: ClaimedTask): void {
    const lease = new Lease(this.#deps, this.#settings, task)
    if (this.#stopping.signal.aborted) lease.interrupt('engine-stopping', 'the engine stops')
    const run = this.#runAndEnd(task, lease).finally(() => {
      lease.end()
      this.#running.delete(lease)
      this.#turn.goOn(task.command_id)
      this.wake()
      bellOf(this.#deps.db).ring()
    })
    this.#running.set(lease, run)
  }

  async #runAndEnd(task: ClaimedTask, lease: Lease): Promise<void> {
    const { log } = this.#deps
    const fields = { task: task.id, command: task.command_id, step: task.step, action: task.action }
    log.info('task started', { ...fields, attempt: task.attempts })
    const end = await runTask(this.#deps, this.#settings, task, lease)
    if (end === undefined || lease.interruption === 'lease-lost') return
    try {
      const ours = await this.#endings.end(task, end)
      log.info(ours ? 'task ended' : 'task was lost', { ...fields, outcome: end.kind })
    } catch (error) {
      log.error('the outcome of a task could not be recorded', { ...fields, reason: explain(error) })
      await this.#putBack(task, error)
    }
  }

  /** The action may be repeated: better than to forget what it did. */
  async #putBack(task: ClaimedTask, cause: unknown): Promise<void> {
    const { clock, log } = this.#deps
    const dueAt = clock.now() + backOff(task.attempts, Math.random())
    const again: TaskEnd = { kind: 'retry', dueAt, reason: `recording the outcome: ${explain(cause)}` }
    // Without a database the lease ends by itself, and the task is claimed again.
    await this.#endings
      .end(task, again)
      .catch((error: unknown) => log.warn('task left to its lease', { reason: explain(error) }))
  }

  async #untilDue(): Promise<number> {
    const due = this.#free() > 0 ? await nextDue(this.#deps.db) : undefined
    return due === undefined ? Number.POSITIVE_INFINITY : Math.max(50, due - this.#deps.clock.now())
  }

  async #sleep(ms: number): Promise<void> {
    const slept = new AbortController()
    const sleep = this.#deps.clock.sleep(ms, slept.signal).catch(() => {
      // Woken before.
    })
    await Promise.race([this.#wake.promise, sleep])
    slept.abort(woken)
  }

  async #voidLeases(): Promise<void> {
    const now = this.#deps.clock.now()
    await inTransaction(this.#deps.db, async (tx) => {
      await tx.updateTable('tasks').set({ lease_until: now }).where('state', '=', 'running').execute()
    })
  }
}
