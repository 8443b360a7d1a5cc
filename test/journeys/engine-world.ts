import { z } from 'zod'
import type { Action, ActionContext, Observation, Outcome } from '../../src/actions/action.ts'
import { systemClock } from '../../src/base/clock.ts'
import { AppError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { parsePlan } from '../../src/catalog/load.ts'
import type { Plans } from '../../src/catalog/plan.ts'
import type { Db } from '../../src/db/database.ts'
import type { EngineDeps, EngineOptions } from '../../src/engine/deps.ts'
import { Engine } from '../../src/engine/engine.ts'

const input = z.strictObject({ name: z.string(), lock: z.string().optional(), text: z.string().optional() })
type Thing = z.infer<typeof input>

/** What the tests' action changes: things by name, and how it is told to behave. */
export class World {
  readonly things = new Map<string, number>()
  readonly log: string[] = []
  /** Called in the middle of `ensure` and `remove`. */
  during: (verb: string, thing: Thing, context: ActionContext) => Promise<void> | void = () => {}
  /** Things that `remove` doesn't take away. */
  readonly sticky = new Set<string>()

  readonly action: { -readonly [Key in keyof Action<Thing>]: Action<Thing>[Key] } = {
    name: 'thing',
    input,
    locks: (thing) => (thing.lock === undefined ? [] : [thing.lock]),
    observe: async (thing): Promise<Observation> => ({ state: this.things.has(thing.name) ? 'present' : 'absent' }),
    ensure: async (thing, context): Promise<Outcome> => {
      this.log.push(`+${thing.name}`)
      await this.during('ensure', thing, context)
      const changed = !this.things.has(thing.name)
      this.things.set(thing.name, (this.things.get(thing.name) ?? 0) + 1)
      if (thing.text !== undefined) context.output(thing.text)
      return { changed, message: changed ? 'made' : 'already as wanted', outputs: { id: `id-${thing.name}` } }
    },
    remove: async (thing, context): Promise<Outcome> => {
      this.log.push(`-${thing.name}`)
      await this.during('remove', thing, context)
      if (!this.sticky.has(thing.name)) this.things.delete(thing.name)
      return { changed: true, message: 'removed' }
    },
  }
}

export const secret = 'S3cretWord42'

/** Three steps in a row that use each other's outputs, two side by side, and one that must be asked for. */
export const plans: Plans = new Map(
  [
    `plan: chain
title: chain
parameters: {properties: {name: {type: string}, extra: {type: boolean, default: false}}, required: [name]}
steps:
  - {step: one, action: thing, with: {name: "\${params.name}-1"}}
  - {step: two, action: thing, with: {name: "\${steps.one.id}-2", text: "the word is \${secrets.word}"}}
  - {step: extra, action: thing, when: "\${params.extra}", with: {name: "\${params.name}-extra"}}
  - {step: three, action: thing, with: {name: "\${params.name}-3"}}
`,
    `plan: wide
title: wide
parameters: {properties: {lock: {type: string}}}
steps:
  - {step: left, action: thing, after: [], with: {name: left, lock: "\${params.lock}"}}
  - {step: right, action: thing, after: [], with: {name: right, lock: "\${params.lock}"}}
  - {step: last, action: thing, after: [left, right], with: {name: last}}
`,
    `plan: single
title: single
parameters: {properties: {name: {type: string}, lock: {type: string, default: none}}, required: [name]}
steps:
  - {step: only, action: thing, with: {name: "\${params.name}"}}
`,
  ].map((text, index) => {
    const plan = parsePlan(text, `test-${index}.yml`)
    return [plan.plan, plan] as const
  }),
)

export function engineDeps(db: Db, world: World, changes: Partial<EngineDeps> = {}): EngineDeps {
  return {
    db,
    actions: [world.action],
    plans,
    context: async () => ({ values: { secrets: { word: secret } }, secrets: [secret] }),
    clock: systemClock,
    log: silentLog,
    ...changes,
  }
}

export function createEngine(
  db: Db,
  world: World,
  options: EngineOptions = {},
  changes: Partial<EngineDeps> = {},
): Engine {
  return new Engine(engineDeps(db, world, changes), { pollMs: 200, leaseMs: 2_000, ...options })
}

export function unavailable(): AppError {
  return new AppError('unavailable', 'not-there', 'asking the world')
}
