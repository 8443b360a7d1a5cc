import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ErrorKind } from '../base/errors.ts'
import { afterFailure, backOff, fairOrder, firstTurn, nextStep, type TaskFacts, type TaskState } from './decide.ts'

/** `a:done b<a:waiting` reads: a is done, b comes after a and waits. */
function facts(text: string): TaskFacts[] {
  return text.split(' ').map((word, index) => {
    const [name = '', state] = word.split(':')
    const [step = '', after] = name.split('<')
    return { id: index + 1, step, after: after === undefined ? [] : after.split(','), state: state as TaskState }
  })
}

const steps: { tasks: string; cancelled?: true; free?: number[]; hold?: number[]; command: string; why: string }[] = [
  {
    tasks: 'a:waiting b<a:waiting',
    free: [1],
    command: 'running',
    why: 'a new command begins with what waits for nothing',
  },
  { tasks: 'a:done b<a:waiting', free: [2], command: 'running', why: 'a done step frees the next' },
  { tasks: 'a:waiting b:waiting', free: [1, 2], command: 'running', why: 'steps without order begin together' },
  { tasks: 'a:done b:running c<a,b:waiting', command: 'running', why: 'a step waits for all that come before it' },
  { tasks: 'a:done b<a:done', command: 'completed', why: 'all done is completed' },
  { tasks: 'a:failed b<a:waiting', command: 'failed', why: 'a failed step ends the command' },
  { tasks: 'a:failed b:running', command: 'running', why: 'what runs is let finish before the command ends' },
  { tasks: 'a:failed b:ready', hold: [2], command: 'failed', why: 'nothing begins after a failure' },
  {
    tasks: 'a:done b:failed c<a:waiting',
    command: 'failed',
    why: 'a failure holds back also what it does not concern',
  },
  {
    tasks: 'a:running b<a:waiting',
    cancelled: true,
    command: 'running',
    why: 'a cancelled command lets its task stop',
  },
  { tasks: 'a:ready', cancelled: true, hold: [1], command: 'failed', why: 'a cancelled command begins nothing' },
  { tasks: 'a:done', cancelled: true, command: 'failed', why: 'a cancelled command does not count as completed' },
]
for (const { tasks, cancelled, free = [], hold = [], command, why } of steps) {
  test(why, () => expect(nextStep(facts(tasks), { cancelled: cancelled ?? false })).toEqual({ free, hold, command }))
}

test('a plan without any step for this order is completed at once', () => {
  expect(nextStep([]).command).toBe('completed')
})

const failures: { kind: ErrorKind; age: number; then: 'retry' | 'fail'; why: string }[] = [
  { kind: 'unavailable', age: 0, then: 'retry', why: 'what is unavailable may be there later' },
  { kind: 'unavailable', age: 59_999, then: 'retry', why: 'it is tried until the deadline' },
  { kind: 'unavailable', age: 60_000, then: 'fail', why: 'it is not tried for ever' },
  ...(['invalid', 'forbidden', 'not-found', 'conflict', 'unauthenticated', 'bug'] as const).map((kind) => ({
    kind,
    age: 0,
    then: 'fail' as const,
    why: `another try does not help when it is ${kind}`,
  })),
]
for (const { kind, age, then, why } of failures) {
  test(why, () => {
    const decided = afterFailure({
      kind,
      attempt: 1,
      startedAt: 1_000,
      now: 1_000 + age,
      retryForMs: 60_000,
      random: 0.5,
    })
    expect(decided.then).toBe(then)
  })
}

const pauses: { attempt: number; random: number; ms: number; why: string }[] = [
  { attempt: 1, random: 0.5, ms: 500, why: 'the first pause is half a second' },
  { attempt: 2, random: 0.5, ms: 1_000, why: 'the pause doubles' },
  { attempt: 50, random: 0.5, ms: 60_000, why: 'the pause ends at a minute' },
  { attempt: 1, random: 0, ms: 375, why: 'a quarter shorter at most' },
  { attempt: 1, random: 1, ms: 625, why: 'a quarter longer at most' },
]
for (const { attempt, random, ms, why } of pauses) test(why, () => expect(backOff(attempt, random)).toBe(ms))

const orders: {
  running: [number, number][]
  served: [number, number][]
  begun?: number
  order: number[]
  why: string
}[] = [
  { running: [], served: [], order: [1, 2], why: 'who came first is first' },
  { running: [[7, 1]], served: [], order: [2, 1], why: 'who has something running comes later' },
  { running: [], served: [[7, 4]], order: [2, 1], why: 'who was just served comes later' },
  { running: [], served: [[8, 4]], begun: 8, order: [2, 1], why: 'what is begun is ended before another begins' },
  { running: [[8, 1]], served: [], begun: 8, order: [1, 2], why: 'who has nothing running waits for nobody’s second' },
  {
    running: [
      [8, 2],
      [7, 1],
    ],
    served: [[7, 9]],
    order: [1, 2],
    why: 'less running counts more than who was served',
  },
]
for (const { running, served, begun, order, why } of orders) {
  test(why, () => {
    const candidates = [
      { id: 1, subject: 7, begun: begun === 7 },
      { id: 2, subject: 8, begun: begun === 8 },
    ]
    expect(fairOrder(candidates, new Map(running), new Map(served)).map((one) => one.id)).toEqual(order)
  })
}

test('several tasks are given at once only to those who have as little running', () => {
  const candidates = [1, 2, 3].map((id) => ({ id, subject: id, begun: false }))
  expect(firstTurn(candidates, new Map([[3, 1]])).map((one) => one.id)).toEqual([1, 2])
  expect(firstTurn(candidates, new Map()).map((one) => one.id)).toEqual([1, 2, 3])
  expect(firstTurn([], new Map())).toEqual([])
})

/** Any plan: each step may come after any earlier ones. */
const anyPlan = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 8 }).map((links) =>
  links.map((before, index) => ({
    id: index,
    step: `s${index}`,
    after: index === 0 ? [] : [...new Set(before.map((link) => `s${link % index}`))],
  })),
)

test('any plan, worked off in any order with any failures, ends, and no step begins before those it waits for', () => {
  fc.assert(
    fc.property(anyPlan, fc.infiniteStream(fc.nat()), fc.option(fc.nat({ max: 7 })), (plan, choices, failing) => {
      const states = new Map<number, TaskState>(plan.map(({ id }) => [id, 'waiting']))
      const stateOf = (step: string) => states.get(plan.findIndex((task) => task.step === step))
      const look = () => nextStep(plan.map((task) => ({ ...task, state: states.get(task.id) ?? 'waiting' })))
      let next = look()
      for (let round = 0; next.command === 'running'; round += 1) {
        expect(round).toBeLessThan(plan.length * 3)
        for (const id of next.free) states.set(id, 'ready')
        for (const id of next.hold) states.set(id, 'waiting')
        const movable = plan.filter(({ id }) => ['ready', 'running'].includes(states.get(id) ?? ''))
        const task = movable[Number(choices.next().value) % movable.length]
        if (task === undefined) throw new Error('the command runs, and nothing can be done for it')
        if (states.get(task.id) === 'ready') {
          expect(task.after.every((step) => stateOf(step) === 'done')).toBe(true)
          states.set(task.id, 'running')
        } else states.set(task.id, task.id === failing ? 'failed' : 'done')
        next = look()
      }
      const failed = [...states.values()].includes('failed')
      expect(next.command).toBe(failed ? 'failed' : 'completed')
      expect([...states.values()]).not.toContain('running')
    }),
  )
})
