import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { afterAll, beforeAll, test, vi } from 'vitest'
import {
  behaviours,
  type ModelStep,
  ModelProcess,
  ModelTime,
  ModelWorld,
  quiet,
} from '../../test/journeys/engine-model.ts'
import { cancelCommand, cancelOrder } from '../commands/cancel.ts'
import { hasEnded } from '../commands/command.ts'
import { retryCommand } from '../commands/retry.ts'
import { begunSteps, getCommand, listCommands } from '../commands/store.ts'
import { submitCommand } from '../commands/submit.ts'
import { undoCommand } from '../commands/undo.ts'
import { AppError } from '../base/errors.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'

/**
 * Any plan, any behaviour of its actions, orders, cancels, retries and undos at any moment, engines that come, go, hang
 * and are killed: what must hold, holds. CLOUDMGR_MODEL_RUNS says how many (default 60), CLOUDMGR_MODEL_SEED repeats.
 */
const RUNS = Number(process.env['CLOUDMGR_MODEL_RUNS'] ?? 60)
const SEED = process.env['CLOUDMGR_MODEL_SEED']
const OWNERS = ['site', 'one', 'two']

const anyStep = fc.record({
  links: fc.array(fc.nat(), { maxLength: 3 }),
  lock: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
  extra: fc.boolean(),
  script: fc.array(fc.constantFrom(...behaviours), { maxLength: 4 }),
})
const anySteps: fc.Arbitrary<ModelStep[]> = fc.array(anyStep, { minLength: 1, maxLength: 6 }).map((steps) =>
  steps.map(({ links, ...step }, index) => ({
    ...step,
    after: index === 0 ? [] : [...new Set(links.map((link) => link % index))],
  })),
)

/** Counted from the newest, which is mostly meant. */
const one = fc.oneof(fc.constant(0), fc.nat({ max: 8 }))
const anyEvent = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('order' as const),
      owner: fc.nat({ max: 2 }),
      phase: fc.constantFrom('install', 'install', 'update', 'remove'),
      extra: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 600, 5_000, 15_000, 40_000) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('start' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('kill' as const), one, queries: fc.nat({ max: 30 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constantFrom('stop' as const, 'pause' as const, 'resume' as const), one }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('cancel' as const, 'withdraw' as const), one }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('retry' as const, 'undo' as const), one }) },
)
type Event = typeof anyEvent extends fc.Arbitrary<infer E> ? E : never

let db: Db
beforeAll(async () => {
  db = openDatabase('sqlite::memory:')
  await migrate(db)
})
afterAll(async () => await db.destroy())

class Story {
  readonly time = new ModelTime()
  readonly world: ModelWorld
  readonly #now = () => this.time.now
  #processes: ModelProcess[] = []
  readonly #commands: number[] = []

  constructor(steps: readonly ModelStep[]) {
    this.world = new ModelWorld(steps)
  }

  async happen(event: Event): Promise<void> {
    switch (event.does) {
      case 'pass':
        return await this.time.advance(event.ms)
      case 'order':
        return await this.#order(event)
      case 'start':
        return await this.#start()
      case 'kill':
        this.#pick(this.#alive(), event.one)?.kill(event.queries)
        return
      case 'stop':
      case 'pause':
      case 'resume':
        return await this.#disturb(event.does, this.#pick(this.#alive(), event.one))
      case 'cancel':
      case 'withdraw':
      case 'undo':
      case 'retry':
        return await this.#change(event.does, this.#pick(this.#commands, event.one))
    }
  }

  /** Nothing fails any more, and one engine is there: everything must end. */
  async end(): Promise<void> {
    this.world.calm = true
    for (const process of this.#alive()) process.pause(false)
    await this.#start()
    for (let round = 0; round < 500 && (await this.#open()).length > 0; round += 1) await this.time.advance(10_000)
    assert.deepEqual(await this.#open(), [])
    for (const process of this.#alive()) await process.engine.stop()
  }

  async #open() {
    const open = db
      .selectFrom('commands')
      .select(['id', 'status', 'cancelled', 'message'])
      .where('ended_at', 'is', null)
    return await open.execute()
  }

  #alive(): ModelProcess[] {
    return this.#processes.filter((process) => process.alive)
  }

  #pick<T>(all: readonly T[], index: number): T | undefined {
    return all.at(-1 - (index % Math.max(1, all.length)))
  }

  async #order({ owner, phase, extra }: Extract<Event, { does: 'order' }>): Promise<void> {
    const subject = owner === 0 ? {} : { subject: owner }
    const params = { owner: OWNERS[owner], extra }
    const order = { plan: 'model', phase: phase as 'install', params, requestedBy: 'test', ...subject }
    this.#commands.push((await submitCommand(db, order, { now: this.#now })).id)
  }

  async #start(): Promise<void> {
    const process = new ModelProcess(db, this.time, this.world)
    this.#processes.push(process)
    await process.engine.start()
    await quiet()
  }

  async #disturb(how: 'stop' | 'pause' | 'resume', process: ModelProcess | undefined): Promise<void> {
    if (process === undefined) return
    if (how === 'resume') return process.pause(false)
    this.world.lost(process)
    if (how === 'pause') return process.pause(true)
    this.#processes = this.#processes.filter((other) => other !== process)
    await process.engine.stop()
  }

  /** What is refused changes nothing. */
  async #change(how: 'cancel' | 'withdraw' | 'undo' | 'retry', id: number | undefined): Promise<void> {
    if (id === undefined) return
    try {
      if (how === 'undo') this.#commands.push((await undoCommand(db, id, 'test', this.#now)).id)
      if (how === 'retry') {
        await retryCommand(db, id, this.#now)
        this.world.commandRetried(id)
      }
      if (how !== 'cancel' && how !== 'withdraw') return
      const cancelled =
        how === 'cancel'
          ? await cancelCommand(db, id, 'not wanted', { now: this.#now })
          : await cancelOrder(db, id, 'not wanted', this.time.now)
      if (hasEnded(cancelled)) this.world.commandCancelled(id)
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'conflict') throw error
    }
  }

  async check(): Promise<void> {
    assert.deepEqual(this.world.wrongs, [])
    const tasks = await db.selectFrom('tasks').select(['command_id', 'step', 'state']).execute()
    assert.deepEqual(
      tasks.filter(({ state }) => state === 'running' || state === 'ready'),
      [],
    )
    assert.deepEqual(await db.selectFrom('locks').selectAll().execute(), [])
    for (const id of this.#commands) {
      const { state, message } = await getCommand(db, id)
      const states = tasks.filter((task) => task.command_id === id).map((task) => task.state)
      const why = states.includes('failed') || message === 'not wanted' ? 'failed' : 'done'
      assert.deepEqual([id, state], [id, why])
      if (state === 'done') assert.deepEqual([id, ...states.filter((one) => one !== 'done')], [id])
    }
    for (const [subject, owner] of OWNERS.entries()) await this.#checkOwner(subject, owner)
  }

  /** After what ended well is there what was ordered; after what did not, at most what the rows remember. */
  async #checkOwner(subject: number, owner: string): Promise<void> {
    const things = this.world.thingsOf(owner)
    const mine = subject === 0 ? { site: true } : { subject }
    const [last] = await listCommands(db, { ...mine, limit: 1 })
    if (last === undefined) return assert.deepEqual(things, [])
    const begun = await begunSteps(db, { plan: 'model', subject: subject === 0 ? undefined : subject })
    const remembered = begun.map(({ step }) => `${owner}/${step}`)
    assert.deepEqual(
      things.filter((thing) => !remembered.includes(thing)),
      [],
    )
    if (last.state !== 'done' || last.undoOf !== undefined) return
    assert.deepEqual(things, last.phase === 'remove' ? [] : this.world.expected(owner, last.params['extra'] === true))
  }
}

test('whatever happens to orders and engines: nothing lost, nothing twice, in order, and every command ends once', {
  timeout: 30_000 + RUNS * 1_000,
}, async () => {
  const property = fc.asyncProperty(anySteps, fc.array(anyEvent, { maxLength: 30 }), fc.nat(), async (...given) => {
    const [steps, events, luck] = given
    const random = vi.spyOn(Math, 'random').mockImplementation(lucky(luck))
    const story = new Story(steps)
    try {
      for (const table of ['task_output', 'locks', 'tasks', 'commands'] as const) await db.deleteFrom(table).execute()
      await story.happen({ does: 'start' })
      for (const event of events) {
        await story.happen(event)
        await quiet()
      }
      await story.end()
      await story.check()
    } finally {
      random.mockRestore()
    }
  })
  const seed = SEED === undefined ? {} : { seed: Number(SEED) }
  await fc.assert(property, { numRuns: RUNS, ...seed, endOnFailure: false })
})

/** The engine's own dice, the same for the same number. */
function lucky(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
