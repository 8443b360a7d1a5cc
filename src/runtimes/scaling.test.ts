import assert from 'node:assert/strict'
import { test } from 'vitest'
import { decideScaling, type RuntimeSeen, type Scaling, type ScalingRules } from './scaling.ts'

const MINUTE = 60_000
const now = 1_000 * MINUTE
const fixed: ScalingRules = { least: 2, most: 2, sleepMinutes: 15, concurrency: 2, queues: ['work'] }
const growing: ScalingRules = { ...fixed, least: 1, most: 4, sleepMinutes: 0 }
const empty: ScalingRules = { ...growing, least: 0 }
const byCpu: ScalingRules = { ...fixed, least: 1, most: undefined }
const ago = (minutes: number, needed = 0) => ({ sinceMs: now - minutes * MINUTE, needed })

const cases: { rules: ScalingRules; seen: RuntimeSeen; then: Scaling; why: string }[] = [
  {
    rules: fixed,
    seen: { replicas: 0, quiet: undefined, tasks: 1 },
    then: { replicas: 2, quiet: undefined },
    why: 'a task that waits wakes the workers',
  },
  {
    rules: fixed,
    seen: { replicas: 0, quiet: undefined, tasks: 0 },
    then: { replicas: 0, quiet: undefined },
    why: 'without a task they sleep on',
  },
  {
    rules: fixed,
    seen: { replicas: 2, quiet: undefined, tasks: 0 },
    then: { replicas: 2, quiet: ago(0) },
    why: 'the time without tasks begins',
  },
  {
    rules: fixed,
    seen: { replicas: 2, quiet: ago(14), tasks: 0 },
    then: { replicas: 2, quiet: ago(14) },
    why: 'and is not over before its time',
  },
  {
    rules: fixed,
    seen: { replicas: 2, quiet: ago(15), tasks: 0 },
    then: { replicas: 0, quiet: undefined },
    why: 'after it they sleep',
  },
  {
    rules: fixed,
    seen: { replicas: 2, quiet: ago(14), tasks: 1 },
    then: { replicas: 2, quiet: undefined },
    why: 'a task that runs begins it anew',
  },
  {
    rules: { ...fixed, least: 0, most: 0 },
    seen: { replicas: 1, quiet: undefined, tasks: 9 },
    then: { replicas: 0, quiet: undefined },
    why: 'workers that were scaled off are not woken by tasks',
  },
  {
    rules: growing,
    seen: { replicas: 1, quiet: undefined, tasks: 7 },
    then: { replicas: 4, quiet: undefined },
    why: 'as many as the tasks keep busy, at once',
  },
  {
    rules: growing,
    seen: { replicas: 1, quiet: undefined, tasks: 700 },
    then: { replicas: 4, quiet: undefined },
    why: 'but not more than allowed',
  },
  {
    rules: growing,
    seen: { replicas: 4, quiet: ago(9, 2), tasks: 5 },
    then: { replicas: 4, quiet: ago(9, 3) },
    why: 'fewer wait for quiet, and the most that were needed is remembered',
  },
  {
    rules: growing,
    seen: { replicas: 4, quiet: ago(10, 3), tasks: 0 },
    then: { replicas: 3, quiet: undefined },
    why: 'then as few as would have done all the time',
  },
  {
    rules: growing,
    seen: { replicas: 1, quiet: undefined, tasks: 0 },
    then: { replicas: 1, quiet: undefined },
    why: 'who may not sleep keeps the least',
  },
  {
    rules: empty,
    seen: { replicas: 1, quiet: ago(10), tasks: 0 },
    then: { replicas: 0, quiet: undefined },
    why: 'with a least of 0 they sleep without being told when',
  },
  {
    rules: empty,
    seen: { replicas: 0, quiet: undefined, tasks: 1 },
    then: { replicas: 1, quiet: undefined },
    why: 'and one wakes for one task',
  },
  {
    rules: { ...growing, most: 2 },
    seen: { replicas: 4, quiet: undefined, tasks: 700 },
    then: { replicas: 2, quiet: undefined },
    why: 'a limit that was lowered holds at once',
  },
  {
    rules: byCpu,
    seen: { replicas: 3, quiet: undefined, tasks: 1 },
    then: { replicas: 3, quiet: undefined },
    why: 'between one and many the HPA decides',
  },
  {
    rules: byCpu,
    seen: { replicas: 0, quiet: undefined, tasks: 50 },
    then: { replicas: 1, quiet: undefined },
    why: 'which they are woken for',
  },
]

for (const { rules, seen, then, why } of cases) test(why, () => assert.deepEqual(decideScaling(rules, seen, now), then))
