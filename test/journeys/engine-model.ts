import type { KyselyPlugin } from 'kysely'
import { z } from 'zod'
import type { Action, ActionContext } from '../../src/actions/action.ts'
import type { Clock } from '../../src/base/clock.ts'
import { AppError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { parsePlan } from '../../src/catalog/load.ts'
import type { Phase, Plan } from '../../src/catalog/plan.ts'
import type { Command } from '../../src/commands/command.ts'
import type { Db } from '../../src/db/database.ts'
import { Engine } from '../../src/engine/engine.ts'

/** How an action behaves each time it runs; `deaf` does not heed its signal, `half` fails when the effect is there. */
export const behaviours = ['ok', 'slow', 'unavailable', 'half', 'invalid', 'hang', 'deaf'] as const
export type Behaviour = (typeof behaviours)[number]

export interface ModelStep {
  /** Earlier steps, by their numbers. */
  readonly after: readonly number[]
  readonly lock: string | undefined
  /** Wanted only where the order says `extra`. */
  readonly extra: boolean
  /** Of its first runs; later ones do well. */
  readonly script: readonly Behaviour[]
}

export function modelPlan(steps: readonly ModelStep[]): Plan {
  const written = steps.map(({ after, lock, extra }, index) => ({
    step: nameOf(index),
    action: 'thing',
    after: after.map(nameOf),
    ...(extra ? { when: '${params.extra}' } : {}),
    with: { name: `\${params.owner}/${nameOf(index)}`, index, ...(lock === undefined ? {} : { lock }) },
  }))
  const properties = { extra: { type: 'boolean', default: false }, owner: { type: 'string' } }
  return parsePlan(
    JSON.stringify({ plan: 'model', title: 'model', parameters: { properties }, steps: written }),
    'x.yml',
  )
}

const nameOf = (index: number): string => `s${index}`

/** Time that passes when the test says so; everybody who sleeps is woken in the order of their times. */
export class ModelTime {
  now = 1_000_000
  readonly #sleepers = new Set<{ readonly at: number; readonly of: ModelProcess; readonly wake: () => void }>()

  sleep(of: ModelProcess, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const sleeper = { at: this.now + ms, of, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        if (this.#sleepers.delete(sleeper)) reject(signal.reason as Error)
      })
    })
  }

  async advance(ms: number): Promise<void> {
    const until = this.now + ms
    for (;;) {
      const awake = [...this.#sleepers].filter(({ of, at }) => of.runs && at <= until)
      const [next] = awake.toSorted((a, b) => a.at - b.at)
      if (next === undefined) break
      this.now = Math.max(this.now, next.at)
      this.#sleepers.delete(next)
      next.wake()
      await quiet()
    }
    this.now = until
  }
}

/** Everything that needs no time has happened: SQLite answers at once, so nothing is left but what sleeps. */
export async function quiet(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

const never = new Promise<never>(() => {})

/** A process with an engine: it can be killed at any of its queries, and paused as a machine that is asleep. */
export class ModelProcess {
  readonly engine: Engine
  #alive = true
  #paused = false
  #queriesLeft = Number.POSITIVE_INFINITY

  constructor(db: Db, time: ModelTime, world: ModelWorld) {
    const clock: Clock = {
      now: () => time.now,
      sleep: async (ms, signal) => await time.sleep(this, ms, signal),
    }
    const cut: KyselyPlugin = {
      transformQuery: ({ node }) => {
        if (--this.#queriesLeft < 0) this.#alive = false
        if (!this.#alive) throw new Error('this process is gone')
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const deps = {
      db: db.withPlugin(cut),
      actions: [world.action(this, clock)],
      plans: world.plans,
      context: async (command: Command) => {
        world.heard(command)
        return { values: {}, secrets: [] }
      },
      finished: async ({ id }: { id: number }) => world.commandEnded(id),
      clock,
      log: silentLog,
    }
    this.engine = new Engine(deps, { concurrency: 3, stopGraceMs: 1 })
  }

  get runs(): boolean {
    return this.#alive && !this.#paused
  }
  get alive(): boolean {
    return this.#alive
  }
  /** SIGKILL, when so many more queries were asked. */
  kill(queries: number): void {
    this.#queriesLeft = queries
    if (queries === 0) this.#alive = false
  }
  pause(paused: boolean): void {
    this.#paused = paused
  }
}

interface Run {
  readonly process: ModelProcess
  readonly task: number
  readonly lock: string | undefined
  readonly thing: string
  /** Its process was paused or stopped meanwhile: its lease may have ended. */
  stale: boolean
}

const input = z.strictObject({ name: z.string(), index: z.int(), lock: z.string().optional() })
type Thing = z.infer<typeof input>

/** What the actions change, and what must hold whenever one begins. Whatever did not is in `wrongs`. */
export class ModelWorld {
  readonly plans: ReadonlyMap<string, Plan>
  readonly wrongs: string[] = []
  readonly things = new Set<string>()
  /** From now on everything does well. */
  calm = false
  readonly #steps: readonly ModelStep[]
  readonly #runs = new Set<Run>()
  readonly #counts = new Map<string, number>()
  readonly #fencing = new Map<number, number>()
  readonly #ended = new Set<number>()
  readonly #phases = new Map<number, Phase>()

  constructor(steps: readonly ModelStep[]) {
    this.#steps = steps
    this.plans = new Map([['model', modelPlan(steps)]])
  }

  heard({ id, phase }: Command): void {
    this.#phases.set(id, phase)
  }
  commandEnded(id: number): void {
    if (this.#ended.has(id)) this.wrongs.push(`command ${id} ended twice`)
    this.#ended.add(id)
  }
  /** Ended by a cancel, which needs no engine where nothing runs. */
  commandCancelled(id: number): void {
    this.#ended.add(id)
  }
  commandRetried(id: number): void {
    this.#ended.delete(id)
  }
  /** Who is not heard of may go on later, when others have its tasks. */
  lost(process: ModelProcess): void {
    for (const run of this.#runs) if (run.process === process) run.stale = true
  }

  action(process: ModelProcess, clock: Clock): Action<Thing> {
    return {
      name: 'thing',
      input,
      locks: ({ lock }) => (lock === undefined ? [] : [lock]),
      observe: async ({ name }) => ({ state: this.things.has(name) ? 'present' : 'absent' }),
      ensure: async (thing, context) => {
        await this.#run(process, clock, thing, context, 'ensure')
        return { changed: true, message: 'made' }
      },
      remove: async (thing, context) => {
        await this.#run(process, clock, thing, context, 'remove')
        return { changed: true, message: 'removed' }
      },
    }
  }

  async #run(process: ModelProcess, clock: Clock, thing: Thing, context: ActionContext, verb: Verb): Promise<void> {
    const run = { process, task: context.task.id, lock: thing.lock, thing: thing.name, stale: false }
    this.#checkBegin(run, thing, context, verb)
    this.#runs.add(run)
    this.#fencing.set(context.task.id, context.task.fencing)
    try {
      await this.#behave(this.#next(thing), () => this.#effect(process, thing, context, verb), clock, context.signal)
    } finally {
      this.#runs.delete(run)
    }
  }

  #next({ name, index }: Thing): Behaviour {
    const count = this.#counts.get(name) ?? 0
    this.#counts.set(name, count + 1)
    return this.calm ? 'ok' : (this.#steps[index]?.script[count] ?? 'ok')
  }

  async #behave(how: Behaviour, effect: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
    switch (how) {
      case 'ok':
        return await effect()
      case 'slow':
        await clock.sleep(4_000, signal)
        await effect()
        return await clock.sleep(4_000, signal)
      case 'unavailable':
        throw new AppError('unavailable', 'not-there', 'asking the world')
      case 'half':
        await effect()
        throw new AppError('unavailable', 'not-there', 'asking the world again')
      case 'invalid':
        throw new AppError('invalid', 'broken', 'it is broken')
      case 'hang':
        while (!this.calm) await clock.sleep(1_000, signal)
        return await effect()
      case 'deaf':
        await effect()
        return await clock.sleep(90_000)
    }
  }

  /** The world knows the newest number that a task came with, as databases and Terraform's states do. */
  async #effect(process: ModelProcess, { name }: Thing, { task }: ActionContext, verb: Verb): Promise<void> {
    if (!process.alive) return await never
    const isOld = task.fencing < (this.#fencing.get(task.id) ?? 0) || this.#ended.has(task.command)
    if (isOld) throw new AppError('conflict', 'lease-lost', 'a newer run has been here')
    if (verb === 'ensure') this.things.add(name)
    else this.things.delete(name)
  }

  #checkBegin(run: Run, { name, index }: Thing, { task }: ActionContext, verb: Verb): void {
    const wrong = (text: string): void =>
      void this.wrongs.push(`${verb} ${name} of command ${task.command}, attempt ${task.fencing}: ${text}`)
    if (this.#ended.has(task.command)) wrong('its command had ended')
    if (task.fencing <= (this.#fencing.get(task.id) ?? 0)) wrong('the number of its claim was used before')
    for (const other of this.#runs) {
      if (!other.process.alive || other.stale) continue
      if (other.task === run.task) wrong('it was running')
      if (run.lock !== undefined && other.lock === run.lock) wrong(`${other.thing} held its lock`)
    }
    const owner = name.split('/')[0] ?? ''
    const has = (step: number): boolean => this.things.has(`${owner}/${nameOf(step)}`)
    if (verb === 'ensure') {
      // What must be asked for may be missing: what comes before it must not.
      for (const before of this.#before(index))
        if (this.#steps[before]?.extra !== true && !has(before)) wrong(`${nameOf(before)} was not there`)
    } else {
      // An update takes away only what must be asked for; the rest stays without it.
      const all = this.#phases.get(task.command) === 'remove'
      for (const [after, { extra }] of this.#steps.entries())
        if ((all || extra) && this.#before(after).has(index) && has(after))
          wrong(`${nameOf(after)}, which needs it, was still there`)
    }
  }

  /** Everything that comes before a step, directly or not. */
  #before(index: number): Set<number> {
    const direct = this.#steps[index]?.after ?? []
    return new Set(direct.flatMap((step) => [step, ...this.#before(step)]))
  }

  /** What an order that ended well leaves. */
  expected(owner: string, extra: boolean): string[] {
    const wanted = [...this.#steps.entries()].filter(([, step]) => extra || !step.extra)
    return wanted.map(([index]) => `${owner}/${nameOf(index)}`)
  }

  thingsOf(owner: string): string[] {
    return [...this.things].filter((name) => name.startsWith(`${owner}/`)).toSorted()
  }
}

type Verb = 'ensure' | 'remove'
