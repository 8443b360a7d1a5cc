import { z } from 'zod'
import type { Action } from '../src/actions/action.ts'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { parsePlan } from '../src/catalog/load.ts'
import { submitCommand } from '../src/commands/submit.ts'
import { type DatabaseOptions, type Db, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { Engine } from '../src/engine/engine.ts'

const COMMANDS = 1_000
const STEPS = 4
const ORDERS = 300

export interface EngineFigures {
  /** Tasks that do nothing, each of them claimed, run and ended in the rows. */
  readonly tasksPerSecond: number
  /** Of a core for each task: what else the machine does is not in it, nor what the database server does. */
  readonly cpuMs: number
  /** From an order to the beginning of its first action, the engine having nothing else to do. */
  readonly firstAction: { readonly p50Ms: number; readonly p99Ms: number }
}

/** One step, two side by side after it, and one after both. */
const plan = parsePlan(
  `plan: diamond
title: diamond
parameters: {properties: {}}
steps:
  - {step: first, action: nothing}
  - {step: left, action: nothing, after: [first]}
  - {step: right, action: nothing, after: [first]}
  - {step: last, action: nothing, after: [left, right]}
`,
  'diamond.yml',
)

export async function measureEngine(options: DatabaseOptions): Promise<EngineFigures> {
  const db = openDatabase(options)
  await migrate(db)
  let began: (command: number) => void = () => {}
  const nothing: Action<object> = {
    name: 'nothing',
    input: z.strictObject({}),
    locks: () => [],
    observe: async () => ({ state: 'present' }),
    ensure: async (_, { task }) => {
      began(task.command)
      return { changed: false, message: 'already as wanted' }
    },
    remove: async () => ({ changed: false, message: 'nothing to remove' }),
  }
  const plans = new Map([[plan.plan, plan]])
  const context = async () => ({ values: {}, secrets: [] })
  const engine = new Engine({ db, actions: [nothing], plans, context, clock: systemClock, log: silentLog })
  try {
    await order(db, COMMANDS)
    const cpu = process.cpuUsage()
    const start = performance.now()
    await engine.start()
    await allEnded(db)
    const seconds = (performance.now() - start) / 1_000
    const { user, system } = process.cpuUsage(cpu)
    const times = await firstActions(db, (listener) => (began = listener))
    const tasks = COMMANDS * STEPS
    const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
    const firstAction = { p50Ms: at(0.5), p99Ms: at(0.99) }
    return { tasksPerSecond: tasks / seconds, cpuMs: (user + system) / 1_000 / tasks, firstAction }
  } finally {
    await engine.stop()
    await db.destroy()
  }
}

/** Every one of an account of its own: none waits for another. */
async function order(db: Db, count: number): Promise<void> {
  for (let subject = 1; subject <= count; subject += 1) await orderOne(db, subject)
}

async function orderOne(db: Db, subject: number): Promise<number> {
  return (await submitCommand(db, { plan: plan.plan, phase: 'install', subject, requestedBy: 'bench' })).id
}

async function allEnded(db: Db): Promise<void> {
  const open = db.selectFrom('commands').select('id').where('ended_at', 'is', null).limit(1)
  while ((await open.execute()).length > 0) await systemClock.sleep(20)
}

/** Milliseconds of each, sorted. */
async function firstActions(db: Db, listen: (listener: (command: number) => void) => void): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < ORDERS; index += 1) {
    const first = Promise.withResolvers<number>()
    listen(() => first.resolve(performance.now()))
    const start = performance.now()
    await orderOne(db, COMMANDS + 1 + index)
    times.push((await first.promise) - start)
    listen(() => {})
    await allEnded(db)
  }
  return times.toSorted((a, b) => a - b)
}

export const showEngine = ({ tasksPerSecond, cpuMs, firstAction: { p50Ms, p99Ms } }: EngineFigures): string =>
  `${tasksPerSecond.toFixed(0)} tasks/s, CPU ${cpuMs.toFixed(2)} ms a task; first action p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
