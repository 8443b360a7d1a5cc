import { z } from 'zod'
import type { Action, ActionContext, Observation } from '../actions/action.ts'
import type { Clock } from '../base/clock.ts'
import { explain } from '../base/errors.ts'
import { createSlots } from '../base/slots.ts'
import { type Finding, replaceFindings } from './findings.ts'
import { findThings, type Outside } from './found.ts'
import { orphansOf } from './orphans.ts'
import { type BooksDeps, type Live, type LiveStep, liveDeployments, ownedThings, stepsOf } from './owned.ts'
import { describeThing } from './thing-key.ts'

const input = z.strictObject({ what: z.enum(['orphans', 'drift']) })

export type CompareBooksInput = z.infer<typeof input>

export interface CompareParts {
  readonly books: BooksDeps
  readonly outside: Outside
  readonly clock: Clock
  /** Does the work while the task holds these locks; undefined when another task has one of them. */
  readonly holding: Holding
}

export type Holding = <T>(
  names: readonly string[],
  task: ActionContext['task'],
  work: () => Promise<T>,
) => Promise<T | undefined>

/** Compares what is outside with the rows, and keeps what differs for people to read. Changes nothing outside. */
export function compareBooks(parts: CompareParts): Action<CompareBooksInput> {
  return {
    name: 'compare-books',
    input,
    // Its command's lane has one at a time.
    locks: () => [],
    observe: async () => ({ state: 'absent', detail: 'comparing leaves nothing behind' }),
    ensure: async ({ what }, context) => {
      const findings = what === 'orphans' ? await orphans(parts, context) : await drift(parts, context)
      await replaceFindings(parts.books.db, what === 'orphans' ? 'orphan' : 'drift', findings, parts.clock.now())
      for (const one of findings) context.output(lineOf(one))
      const words = what === 'orphans' ? 'things outside that nobody has' : 'steps that are not as delivered'
      return { changed: false, message: `${findings.length} ${words}` }
    },
    remove: async () => ({ changed: false, message: 'nothing to remove' }),
  }
}

function lineOf({ system, kind, name, account, detail }: Finding): string {
  return `${system} ${kind} ${name}${account === undefined ? '' : ` of ${account}`}: ${detail}`
}

async function orphans({ books, outside }: CompareParts, context: ActionContext): Promise<Finding[]> {
  // Rows come first into the world and go last: what is seen now has its row before or after, unless it is nobody's.
  const before = await ownedThings(books)
  const found = await findThings(outside)
  const after = await ownedThings(books)
  const keys = new Set([...before.keys, ...after.keys])
  const untold = new Set([...before.untold, ...after.untold])
  for (const account of untold) context.output(`${account}: what it has can't be told; nothing of it is judged`)
  return orphansOf(found, { keys, untold }).map(({ system, kind, name, account, sure, holdsData = false, detail }) => {
    const isKept = sure && holdsData
    return { system, kind, name, account, mendable: sure && !isKept, holdsData: isKept, detail }
  })
}

async function drift(parts: CompareParts, context: ActionContext): Promise<Finding[]> {
  const inSlot = createSlots(MOST_LOOKS)
  const settled = (await liveDeployments(parts.books.db)).filter((live) => live.settled)
  // What is one account's has locks in common, accounts have none.
  const accounts = [...Map.groupBy(settled, ({ account }) => account).values()]
  const looked = accounts.map((all) =>
    inSlot(async () => {
      const findings: Finding[] = []
      for (const live of all) {
        context.signal.throwIfAborted()
        findings.push(...(await driftOf(parts, live, context)))
      }
      return findings
    }),
  )
  return (await Promise.all(looked)).flat()
}

/** Accounts that are looked at together: the look at a home folder runs Terraform, one after another takes long with many. */
const MOST_LOOKS = 4

async function driftOf(parts: CompareParts, live: Live, context: ActionContext): Promise<Finding[]> {
  const { account, plan, instance } = live
  const name = instance === '' ? plan : `${plan} ${instance}`
  const about = (step: string, action: string, mendable: boolean, detail: string): Finding => ({
    system: action,
    kind: step,
    name,
    account,
    plan,
    instance,
    mendable,
    detail,
  })
  try {
    const findings: Finding[] = []
    for (const step of await stepsOf(parts.books, live, 'install')) {
      const seen = await look(parts, step, context)
      if (seen === undefined || seen.state === 'present') continue
      const detail = seen.detail === undefined ? seen.state : `${seen.state}: ${seen.detail}`
      findings.push(about(step.step, step.action.name, seen.state !== 'unknown', detail))
    }
    return findings
  } catch (error) {
    // The plan or its parameters can't be read: an order would fail in the same way.
    return [about('', plan, false, `can't be compared: ${explain(error)}`)]
  }
}

/** Undefined: it leaves nothing that could differ, or a task is at work on it. */
async function look(
  { holding }: CompareParts,
  { action, input: wanted }: LiveStep,
  context: ActionContext,
): Promise<Observation | undefined> {
  const things = (await action.things?.(wanted)) ?? []
  if (things.length === 0) return undefined
  const quiet: ActionContext = { ...context, output: () => {}, waiting: () => {} }
  try {
    context.waiting(`looking at ${things.map(describeThing)[0]}`)
    return await holding(action.locks(wanted), context.task, async () => await action.observe(wanted, quiet))
  } catch (error) {
    context.signal.throwIfAborted()
    return { state: 'unknown', detail: explain(error) }
  } finally {
    context.waiting(undefined)
  }
}
