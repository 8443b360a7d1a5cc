import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { AppError } from '../../src/base/errors.ts'
import { cancelCommand } from '../../src/commands/cancel.ts'
import { type Command, hasEnded } from '../../src/commands/command.ts'
import { listOutput, listSteps } from '../../src/commands/progress.ts'
import { retryCommand } from '../../src/commands/retry.ts'
import { getCommand, listCommands } from '../../src/commands/store.ts'
import { type Order, submitCommand } from '../../src/commands/submit.ts'
import { undoCommand } from '../../src/commands/undo.ts'
import type { Db } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { createEngine, plans, secret, unavailable, World } from './engine-world.ts'

/** What holds for commands and the engine on either database; `open` gives an empty one. */
export function engineSuite(open: () => Promise<Db>): void {
  let db: Db
  let world: World
  let engines: Engine[] = []

  beforeEach(async () => {
    db = await open()
    await migrate(db)
    world = new World()
  })
  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.stop()))
    engines = []
    await db.destroy()
  })

  const engine = (
    ...[options, changes]: [Parameters<typeof createEngine>[2]?, Parameters<typeof createEngine>[3]?]
  ) => {
    const made = createEngine(db, world, options, changes)
    engines.push(made)
    return made
  }
  const order = (changes: Partial<Order> = {}): Order => ({
    plan: 'chain',
    phase: 'install',
    params: { name: 'a' },
    requestedBy: 'test',
    ...changes,
  })
  const submit = (changes: Partial<Order> = {}) => submitCommand(db, order(changes), { plans })
  const ended = async ({ id }: Pick<Command, 'id'>, ms = 10_000) => {
    await vi.waitFor(async () => expect(hasEnded(await getCommand(db, id))).toBe(true), { timeout: ms, interval: 20 })
    return getCommand(db, id)
  }
  const run = async (changes: Partial<Order> = {}) => ended(await submit(changes))

  test('a command runs its steps in order, with outputs of earlier steps, and completes', async () => {
    await engine().start()
    const command = await run()
    expect(command).toMatchObject({ state: 'done', status: 5 })
    expect(world.log).toEqual(['+a-1', '+id-a-1-2', '+a-3'])
    const steps = await listSteps(db, await getCommand(db, command.id))
    expect(steps.map(({ step, state, message }) => [step, state, message])).toEqual([
      ['one', 'done', 'made'],
      ['two', 'done', 'made'],
      ['three', 'done', 'made'],
    ])
  })

  test('an order starts a waiting engine at once, not at its next look', async () => {
    await engine({ pollMs: 600_000 }).start()
    expect((await run()).state).toBe('done')
  })

  test('a clock that was ahead and is put back, or jumps on, keeps no order waiting', async () => {
    let ahead = 3_600_000
    const clock = { ...systemClock, now: () => systemClock.now() + ahead }
    let failures = 1
    world.during = () => {
      if (failures-- > 0) throw unavailable()
    }
    // It is to be tried again in the hour that the clock says; a dead engine's lease ends there, too.
    const waiting = await submitCommand(db, order(), { plans, now: clock.now })
    const first = engine({}, { clock })
    await first.start()
    const retried = async () => (await listSteps(db, await getCommand(db, waiting.id)))[0]?.attempts
    await vi.waitFor(async () => expect(await retried()).toBe(1), { timeout: 10_000, interval: 20 })
    await first.stop()
    await db
      .updateTable('tasks')
      .set({ due_at: clock.now() + 600_000 })
      .where('state', '=', 'ready')
      .execute()
    const lane = 'other'
    const later = await submitCommand(db, order({ plan: 'single', lane }), { plans, now: clock.now })
    ahead = 0
    const second = engine({}, { clock })
    await second.start()
    expect((await ended(waiting)).state).toBe('done')
    expect((await ended(later)).state).toBe('done')
    // While it runs.
    ahead = 7_200_000
    expect((await run({ params: { name: 'b' } })).state).toBe('done')
    ahead = -3_600_000
    expect((await run({ params: { name: 'c' } })).state).toBe('done')
  })

  test('what runs while the clock jumps on, as after a laptop slept, goes on and is not begun again', async () => {
    let ahead = 0
    const clock = { ...systemClock, now: () => systemClock.now() + ahead }
    const gate = Promise.withResolvers<void>()
    world.during = async () => await gate.promise
    const one = engine({}, { clock })
    await one.start()
    const command = await submit({ plan: 'single' })
    await vi.waitFor(() => expect(world.log).toEqual(['+a']), { timeout: 10_000, interval: 10 })
    ahead = 7_200_000
    // Whoever looks now finds the lease over.
    const other = await submitCommand(db, order({ plan: 'single', lane: 'other' }), { plans, now: clock.now })
    await vi.waitFor(() => expect(world.log).toHaveLength(2), { timeout: 10_000, interval: 10 })
    gate.resolve()
    for (const each of [command, other]) {
      const done = await ended(each)
      expect(done.state).toBe('done')
      expect((await listSteps(db, done)).map(({ attempts }) => attempts)).toEqual([1])
    }
  })

  test('what runs goes on when the clock jumps on between two looks at it', async () => {
    let looks = Number.POSITIVE_INFINITY
    const clock = { ...systemClock, now: () => systemClock.now() + (looks-- > 0 ? 0 : 7_200_000) }
    const gate = Promise.withResolvers<void>()
    world.during = async () => await gate.promise
    const one = engine({ pollMs: 600_000, leaseMs: 60_000 }, { clock })
    await one.start()
    const command = await submit({ plan: 'single' })
    await vi.waitFor(() => expect(world.log).toEqual(['+a']), { timeout: 10_000, interval: 10 })
    looks = 1
    one.wake()
    await vi.waitFor(() => expect(looks).toBeLessThan(0), { timeout: 10_000, interval: 10 })
    one.wake()
    const other = await submitCommand(db, order({ plan: 'single', lane: 'other' }), { plans, now: clock.now })
    await vi.waitFor(() => expect(world.log).toHaveLength(2), { timeout: 10_000, interval: 10 })
    gate.resolve()
    for (const each of [command, other]) {
      const done = await ended(each)
      expect((await listSteps(db, done)).map(({ attempts }) => attempts)).toEqual([1])
    }
  })

  test('a secret is masked in the output', async () => {
    await engine().start()
    const command = await run()
    const [, two] = await listSteps(db, await getCommand(db, command.id))
    expect((await listOutput(db, two?.task ?? 0)).map((line) => line.line)).toEqual(['the word is ******'])
    const rows = JSON.stringify([
      await db.selectFrom('tasks').selectAll().execute(),
      await db.selectFrom('commands').selectAll().execute(),
    ])
    expect(rows).not.toContain(secret)
  })

  test('outputs lie sealed in the rows and are opened for later steps', async () => {
    const seal = (text: string) => `sealed:${Buffer.from(text).toString('base64')}`
    const unseal = (text: string) => Buffer.from(text.slice(7), 'base64').toString()
    await engine({}, { seal, unseal }).start()
    const command = await run()
    expect(command.state).toBe('done')
    const rows = await db.selectFrom('tasks').select('outputs').execute()
    expect(rows.every((row) => row.outputs?.startsWith('sealed:'))).toBe(true)
  })

  test('the same idempotency key gives the same command, other content a conflict', async () => {
    const first = await submit({ idempotencyKey: 'k', params: { name: 'a', extra: true } })
    const again = await submit({ idempotencyKey: 'k', params: { extra: true, name: 'a' } })
    expect(again.id).toBe(first.id)
    await expect(submit({ idempotencyKey: 'k', params: { name: 'b' } })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'idempotency-key-used',
    })
    expect((await submit({ idempotencyKey: 'k', requestedBy: 'other' })).id).not.toBe(first.id)
  })

  test('an order sent many times at once with one key is one command', async () => {
    const commands = await Promise.all(Array.from({ length: 8 }, () => submit({ idempotencyKey: 'same' })))
    expect(new Set(commands.map((command) => command.id)).size).toBe(1)
  })

  test('wrong parameters are refused with the order', async () => {
    await expect(submit({ params: { name: 3 } })).rejects.toMatchObject({ kind: 'invalid', code: 'parameters-invalid' })
    await expect(submit({ plan: 'nothing' })).rejects.toMatchObject({ kind: 'not-found' })
  })

  test('what gets past the API is refused by the engine, and says why', async () => {
    await engine().start()
    const command = await ended(await submitCommand(db, order({ params: {} })))
    expect(command).toMatchObject({ state: 'failed', message: expect.stringContaining('name is missing') })
  })

  test('a passing failure is tried again until it works', async () => {
    let failures = 2
    world.during = () => {
      if (failures-- > 0) throw unavailable()
    }
    await engine().start()
    const command = await run({ plan: 'single' })
    expect(command.state).toBe('done')
    expect((await listSteps(db, await getCommand(db, command.id)))[0]?.attempts).toBe(3)
  })

  test('what is unavailable for too long fails', async () => {
    world.during = () => {
      throw unavailable()
    }
    await engine({ retryForMs: 0 }).start()
    const command = await run({ plan: 'single' })
    expect(command).toMatchObject({ state: 'failed', message: expect.stringContaining('asking the world') })
  })

  test('a database that was away for a moment fails nothing', async () => {
    // At the start of the command, and at the start of its second task.
    const lost = [1, 3]
    let asked = 0
    const context = async () => {
      if (lost.includes(++asked)) throw Object.assign(new Error('lost'), { code: 'PROTOCOL_CONNECTION_LOST' })
      return { values: { secrets: { word: secret } }, secrets: [secret] }
    }
    await engine({}, { context }).start()
    expect((await ended(await submit(), 20_000)).state).toBe('done')
    expect(asked).toBeGreaterThan(lost.length + 3)
  })

  test('a failed command stops there, and a retry continues it', async () => {
    world.during = (_, thing) => {
      if (thing.name.endsWith('-2')) throw new AppError('invalid', 'broken', `it is broken: ${secret}`)
    }
    await engine().start()
    const failed = await run()
    expect(failed).toMatchObject({ state: 'failed', status: 9, message: 'two: it is broken: ******' })
    expect((await listSteps(db, await getCommand(db, failed.id))).map((step) => step.state)).toEqual([
      'done',
      'failed',
      'waiting',
    ])
    world.during = () => {}
    world.log.length = 0
    expect((await ended(await retryCommand(db, failed.id))).state).toBe('done')
    expect(world.log).toEqual(['+id-a-1-2', '+a-3'])
  })

  test('a command that did not fail, or has a newer one, is not retried', async () => {
    await engine().start()
    const done = await run()
    await expect(retryCommand(db, done.id)).rejects.toMatchObject({ code: 'command-not-failed' })
    world.during = () => {
      throw new AppError('invalid', 'broken', 'broken')
    }
    const failed = await run()
    await run()
    await expect(retryCommand(db, failed.id)).rejects.toMatchObject({ code: 'command-superseded' })
  })

  test('an undo removes begun steps in reverse, and only these', async () => {
    world.during = (verb, thing) => {
      if (verb === 'ensure' && thing.name.endsWith('-2')) throw new AppError('invalid', 'broken', 'broken')
    }
    await engine().start()
    const failed = await run()
    world.log.length = 0
    const undo = await undoCommand(db, failed.id, 'test')
    expect((await undoCommand(db, failed.id, 'test')).id).toBe(undo.id)
    expect(await ended(undo)).toMatchObject({ state: 'done', phase: 'remove', undoOf: failed.id })
    expect(world.log).toEqual(['-id-a-1-2', '-a-1'])
    expect(world.things.size).toBe(0)
  })

  for (const subject of [undefined, 1])
    test(`what failed installs began ${subject === undefined ? 'a site' : 'an account'} still remembers after the undo of the last one`, async () => {
      world.during = (verb, thing) => {
        if (verb === 'ensure' && thing.name.endsWith('-3')) throw new AppError('invalid', 'broken', 'broken')
      }
      await engine().start()
      const own = subject === undefined ? {} : { subject }
      await run({ ...own, params: { name: 'a', extra: true } })
      const failed = await run(own)
      expect((await ended(await undoCommand(db, failed.id, 'test'))).state).toBe('done')
      // The account's went with it, for nothing of it served.
      expect([...world.things.keys()]).toEqual(subject === undefined ? ['a-extra'] : [])
      expect((await run({ ...own, phase: 'remove', params: {} })).state).toBe('done')
      expect(world.things.size).toBe(0)
    })

  test('a removal goes backwards with the install’s parameters and outputs', async () => {
    await engine().start()
    await run({ params: { name: 'a', extra: true } })
    world.log.length = 0
    expect((await run({ phase: 'remove', params: {} })).state).toBe('done')
    expect(world.log).toEqual(['-a-3', '-a-extra', '-id-a-1-2', '-a-1'])
    expect(world.things.size).toBe(0)
  })

  test('a removal of what was never installed completes, also where nobody knows what it would have been', async () => {
    await engine().start()
    expect((await run({ phase: 'remove' })).state).toBe('done')
    expect((await run({ phase: 'remove', params: {} })).state).toBe('done')
  })

  test('nothing is reported gone while it is still there', async () => {
    world.sticky.add('a')
    await engine().start()
    await run({ plan: 'single' })
    const removal = await submit({ plan: 'single', phase: 'remove' })
    const reason = expect.stringContaining('still there')
    await vi.waitFor(
      async () => expect((await listSteps(db, await getCommand(db, removal.id)))[0]).toMatchObject({ waiting: reason }),
      5_000,
    )
    world.sticky.clear()
    expect((await ended(removal)).state).toBe('done')
  })

  test('steps side by side run together, unless they need the same lock', async () => {
    let running = 0
    const seen: number[] = []
    const both = Promise.withResolvers<void>()
    world.during = async (_, thing) => {
      if (thing.name === 'last') return
      running += 1
      seen.push(running)
      if (running === 2) both.resolve()
      if (thing.lock === 'free') await both.promise
      else await new Promise((resolve) => setTimeout(resolve, 30))
      running -= 1
    }
    await engine().start()
    world.action.locks = (thing) => (thing.lock === 'same' ? ['l'] : [])
    expect((await run({ plan: 'wide', params: { lock: 'free' } })).state).toBe('done')
    expect(Math.max(...seen)).toBe(2)
    seen.length = 0
    expect((await run({ plan: 'wide', params: { lock: 'same' } })).state).toBe('done')
    expect(Math.max(...seen)).toBe(1)
  })

  test('the orders of one account run one after the other, others’ at once', async () => {
    const gate = Promise.withResolvers<void>()
    world.during = (_, thing) => (thing.name === 'slow' ? gate.promise : undefined)
    await engine().start()
    const slow = await submit({ plan: 'single', subject: 1, params: { name: 'slow' } })
    const next = await submit({ plan: 'single', subject: 1, params: { name: 'next' } })
    expect((await run({ plan: 'single', subject: 2, params: { name: 'other' } })).state).toBe('done')
    expect((await listCommands(db, { subject: 1 })).map((command) => command.state)).toEqual(['waiting', 'running'])
    gate.resolve()
    await ended(slow)
    expect((await ended(next)).state).toBe('done')
    // The first of each began in the same moment.
    expect([world.log.slice(0, 2).toSorted(), world.log.slice(2)]).toEqual([['+other', '+slow'], ['+next']])
  })

  test('one account’s many orders do not starve another', async () => {
    const many = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        submit({ plan: 'single', subject: 1, lane: `own-${index}`, params: { name: `m${index}` } }),
      ),
    )
    const other = await submit({ plan: 'single', subject: 2, params: { name: 'other' } })
    await engine({ concurrency: 1 }).start()
    await Promise.all([...many, other].map((command) => ended(command)))
    expect(world.log.indexOf('+other')).toBeLessThan(3)
  })

  test('many who come at once get theirs one after the other, not all at the end', async () => {
    const names = ['a', 'b', 'c', 'd']
    const all = await Promise.all(names.map((name, index) => submit({ subject: index + 1, params: { name } })))
    await engine({ concurrency: 1 }).start()
    for (const command of all) expect((await ended(command)).state).toBe('done')
    const whose = world.log.map((line) => names.findIndex((name) => line.includes(`${name}-`)))
    // Three steps each, without another account's between them.
    const changes = whose.filter((who, index) => index > 0 && who !== whose[index - 1])
    expect(changes).toHaveLength(names.length - 1)
  })

  test('who only waits for the outside takes nobody’s place, up to a limit', async () => {
    const gate = Promise.withResolvers<void>()
    let most = 0
    let waiting = 0
    world.during = async (_, thing, context) => {
      if (!thing.name.startsWith('slow')) return
      context.waiting('it is still there', { idle: true })
      most = Math.max(most, ++waiting)
      await gate.promise
      waiting -= 1
      context.waiting(undefined)
    }
    await engine({ concurrency: 1, mostAtOnce: 3 }).start()
    const order = (name: string, subject: number) => submit({ plan: 'single', subject, params: { name } })
    const slow = [await order('slow1', 1), await order('slow2', 2)]
    await vi.waitFor(() => expect(waiting).toBe(2), 5_000)
    expect((await run({ plan: 'single', subject: 3, params: { name: 'quick' } })).state).toBe('done')
    slow.push(await order('slow3', 4), await order('slow4', 5))
    await vi.waitFor(() => expect(waiting).toBe(3), 5_000)
    gate.resolve()
    for (const command of slow) expect((await ended(command)).state).toBe('done')
    expect(most).toBe(3)
  })

  test('what was cancelled since the engine looked who is next is not begun', async () => {
    const gate = Promise.withResolvers<void>()
    world.during = () => gate.promise
    const names = ['one', 'two', 'three']
    const ids = new Map<string, number>()
    for (const [index, name] of names.entries())
      ids.set(name, (await submit({ plan: 'single', subject: index + 1, params: { name } })).id)
    await engine({ concurrency: 1 }).start()
    await vi.waitFor(() => expect(world.log).toHaveLength(1), 5_000)
    const [unwanted = '', other = ''] = names.filter((name) => !world.log.includes(`+${name}`))
    await cancelCommand(db, ids.get(unwanted) ?? 0, 'not wanted')
    gate.resolve()
    expect((await ended({ id: ids.get(other) ?? 0 })).state).toBe('done')
    expect((await ended({ id: ids.get(unwanted) ?? 0 })).state).toBe('failed')
    expect(world.log).not.toContain(`+${unwanted}`)
  })

  test('an engine that stops hands its tasks back; the next continues at once', async () => {
    const began = Promise.withResolvers<void>()
    world.during = async (_, _thing, { signal }) => {
      began.resolve()
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    }
    const first = engine({ leaseMs: 600_000 })
    await first.start()
    const command = await submit({ plan: 'single' })
    await began.promise
    await first.stop()
    world.during = () => {}
    await engine().start()
    expect((await ended(command, 5_000)).state).toBe('done')
  })

  test('a task whose engine is gone is taken over when its lease ends, and the old engine’s outcome is not believed', async () => {
    const began = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    let aborted = false
    world.during = async (_, _thing, { signal, task }) => {
      if (task.fencing > 1) return
      signal.addEventListener('abort', () => (aborted = true))
      began.resolve()
      await gate.promise
      throw new AppError('invalid', 'late', 'an outcome that comes too late')
    }
    await engine({ leaseMs: 300 }).start()
    const command = await submit({ plan: 'single' })
    await began.promise
    await db.updateTable('tasks').set({ fencing: 2, lease_until: 0 }).execute()
    expect((await ended(command)).state).toBe('done')
    await vi.waitFor(() => expect(aborted).toBe(true), 5_000)
    gate.resolve()
    expect((await ended(command)).state).toBe('done')
  })

  test('an exclusive engine takes over from a killed one without waiting for leases', async () => {
    const command = await submit({ plan: 'single' })
    const gate = Promise.withResolvers<void>()
    const began = Promise.withResolvers<void>()
    world.during = async (_, _thing, { task }) => {
      if (task.fencing > 1) return
      began.resolve()
      await gate.promise
    }
    await engine({ leaseMs: 600_000 }).start()
    await began.promise
    await engine({ exclusive: true }).start()
    expect((await ended(command, 5_000)).state).toBe('done')
    gate.resolve()
  })

  test('a lock of an engine that is gone is taken over', async () => {
    await db.insertInto('locks').values({ name: 'l', task_id: 99, fencing: 1, taken_at: 0 }).execute()
    world.action.locks = () => ['l']
    await engine().start()
    expect((await run({ plan: 'single' })).state).toBe('done')
  })

  test('several engines on one database run every task once', async () => {
    const others = [engine(), engine(), engine()]
    await Promise.all(others.map((one) => one.start()))
    const commands = await Promise.all(
      Array.from({ length: 12 }, (_, index) => submit({ subject: index, params: { name: `n${index}` } })),
    )
    for (const command of commands) expect((await ended(command, 30_000)).state).toBe('done')
    expect(world.log.length).toBe(36)
    expect(new Set(world.log).size).toBe(36)
  })

  test('a cancelled command interrupts what runs and ends', async () => {
    const began = Promise.withResolvers<void>()
    world.during = async (_, _thing, { signal }) => {
      began.resolve()
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    }
    await engine({ leaseMs: 300 }).start()
    const command = await submit()
    await began.promise
    await cancelCommand(db, command.id, 'not wanted any more')
    expect(await ended(command)).toMatchObject({ state: 'failed', message: 'not wanted any more' })
    await expect(cancelCommand(db, command.id, 'again')).rejects.toMatchObject({ code: 'command-ended' })
  })

  test('what waits in its lane is cancelled at once, without an engine', async () => {
    const command = await submit()
    expect(await cancelCommand(db, command.id, 'no')).toMatchObject({ state: 'failed' })
  })

  test('a context that can’t be had now is asked for again', async () => {
    let failures = 1
    const context = async () => {
      if (failures-- > 0) throw unavailable()
      return { values: { secrets: { word: secret } }, secrets: [] }
    }
    await engine({}, { context }).start()
    expect((await ended(await submit(), 20_000)).state).toBe('done')
  }, 30_000)

  test('who waits for the end is told in the same transaction, failure or not', async () => {
    const told: string[] = []
    const finished = async (command: Command) => void told.push(`${command.phase} ${command.state}`)
    await engine({}, { finished }).start()
    await run({ plan: 'single' })
    world.during = () => {
      throw new AppError('invalid', 'broken', 'broken')
    }
    await run({ plan: 'single', phase: 'update' })
    expect(told).toEqual(['install done', 'update failed'])
  })

  test('a waiting reason is shown while the task runs', async () => {
    const gate = Promise.withResolvers<void>()
    world.during = async (_, _thing, context) => {
      context.waiting('waiting for 2 nodes')
      await gate.promise
    }
    await engine().start()
    const command = await submit({ plan: 'single' })
    await vi.waitFor(
      async () =>
        expect((await listSteps(db, await getCommand(db, command.id)))[0]).toMatchObject({
          state: 'running',
          waiting: 'waiting for 2 nodes',
        }),
      5_000,
    )
    gate.resolve()
    await ended(command)
    expect((await listSteps(db, await getCommand(db, command.id)))[0]?.waiting).toBeUndefined()
  })
}
