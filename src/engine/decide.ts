import { type ErrorKind } from '../base/errors.ts'

export type TaskState = 'waiting' | 'ready' | 'running' | 'done' | 'failed'

export interface TaskFacts {
  readonly id: number
  readonly step: string
  readonly after: readonly string[]
  readonly state: TaskState
}

export interface NextStep {
  /** Waiting tasks whose earlier steps are done. */
  readonly free: readonly number[]
  /** Ready tasks that shall not begin, because another has failed. */
  readonly hold: readonly number[]
  readonly command: 'running' | 'completed' | 'failed'
}

/** What follows for a command from the states of its tasks. What runs is let finish before a command ends. */
export function nextStep(tasks: readonly TaskFacts[], { cancelled = false } = {}): NextStep {
  const done = new Set(tasks.filter((task) => task.state === 'done').map((task) => task.step))
  if (done.size === tasks.length && !cancelled) return { free: [], hold: [], command: 'completed' }
  const failed = cancelled || tasks.some((task) => task.state === 'failed')
  if (failed) {
    const hold = tasks.filter((task) => task.state === 'ready').map((task) => task.id)
    const running = tasks.some((task) => task.state === 'running')
    return { free: [], hold, command: running ? 'running' : 'failed' }
  }
  const free = tasks.filter((task) => task.state === 'waiting' && task.after.every((step) => done.has(step)))
  return { free: free.map((task) => task.id), hold: [], command: 'running' }
}

/** Milliseconds before the next attempt: half a second, doubling up to a minute, spread so that many don't come at once. */
export function backOff(attempt: number, random: number): number {
  const full = Math.min(60_000, 500 * 2 ** Math.min(attempt - 1, 10))
  return Math.round(full * (0.75 + random / 2))
}

export interface Failure {
  readonly kind: ErrorKind
  /** Counted from 1. */
  readonly attempt: number
  readonly startedAt: number
  readonly now: number
  readonly retryForMs: number
  /** From 0 to 1. */
  readonly random: number
}

export type AfterFailure =
  | { readonly then: 'retry'; readonly dueAt: number }
  | { readonly then: 'fail'; readonly tooLong: boolean }

/** Only what is unavailable may be there later; and not for ever. */
export function afterFailure({ kind, attempt, startedAt, now, retryForMs, random }: Failure): AfterFailure {
  if (kind !== 'unavailable') return { then: 'fail', tooLong: false }
  if (now - startedAt >= retryForMs) return { then: 'fail', tooLong: true }
  return { then: 'retry', dueAt: now + backOff(attempt, random) }
}

export interface Candidate {
  readonly id: number
  readonly subject: number | null
  /** Whether its command has done something already. */
  readonly begun: boolean
}

/** Accounts (null: the site) by when they were last given a task; a higher number is later. */
export type Served = ReadonlyMap<number | null, number>

/**
 * Who has least running comes first; then what is begun, to its end: many who come at once get theirs one after the other,
 * in half the time on average, not all at the very end. Then who was served longest ago, then who came first.
 */
export function fairOrder<C extends Candidate>(
  candidates: readonly C[],
  running: ReadonlyMap<number | null, number>,
  served: Served,
): C[] {
  const load = ({ subject }: C) => running.get(subject) ?? 0
  const last = ({ subject }: C) => served.get(subject) ?? 0
  return candidates.toSorted(
    (a, b) => load(a) - load(b) || Number(b.begun) - Number(a.begun) || last(a) - last(b) || a.id - b.id,
  )
}

/** Of candidates in their fair order, those that come before anybody gets one more: all that have as little running. */
export function firstTurn<C extends Candidate>(
  ordered: readonly C[],
  running: ReadonlyMap<number | null, number>,
): C[] {
  const load = ({ subject }: C) => running.get(subject) ?? 0
  const [first] = ordered
  return first === undefined ? [] : ordered.filter((candidate) => load(candidate) === load(first))
}
