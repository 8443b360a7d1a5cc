import { type ChildProcess, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fate, Orders } from './engine-process.ts'
import { type Adapter, answerCall, type Call } from './remote.ts'

interface Run {
  readonly of: ChildProcess
  readonly task: number
  readonly fencing: number
  readonly locks: readonly string[]
  readonly at: number
}

export interface Engines {
  readonly kills: () => number
  readonly wrongs: readonly string[]
  /** Nobody is killed any more. */
  spare(): void
  stop(): Promise<void>
}

/** Two engines at a time; whoever is killed is followed by one that has its code loaded already. */
export function startEngines(orders: Orders, adapterOf: (name: string) => Adapter, fateOf: () => Fate): Engines {
  const wrongs: string[] = []
  const runs = new Set<Run>()
  const all = new Set<ChildProcess>()
  const dead = new Set<ChildProcess>()
  const timers = new Set<NodeJS.Timeout>()
  let kills = 0
  let sparing = false
  let stopping = false

  const kill = (child: ChildProcess): void => {
    if (dead.has(child) || sparing) return
    dead.add(child)
    kills += 1
    killGroup(child)
  }
  const watch = (child: ChildProcess): Adapter => ({
    begins: (given) => {
      const run = { ...(given as Pick<Run, 'task' | 'fencing' | 'locks'>), of: child, at: Date.now() }
      for (const other of runs) {
        // Who runs for longer than a lease may have lost its task on a machine that had no time for it.
        if (dead.has(other.of) || run.at - other.at > orders.leaseMs) continue
        if (other.task === run.task) wrongs.push(`task ${run.task} ran twice at once`)
        for (const lock of run.locks) if (other.locks.includes(lock)) wrongs.push(`two tasks held the lock ${lock}`)
      }
      runs.add(run)
    },
    ends: (given) => {
      const { task, fencing } = given as Run
      for (const run of runs)
        if (run.of === child && run.task === task && run.fencing === fencing) return void runs.delete(run)
    },
  })
  const start = (child: ChildProcess): void => {
    const fate = fateOf()
    const own = watch(child)
    let calls = 0
    timers.add(setTimeout(() => kill(child), fate.ms))
    child.on('message', (message) => void answer(message as Call))
    const answer = async (call: Call): Promise<void> => {
      const isFate = orders.access === undefined && ++calls === fate.call
      if (isFate && fate.effect === 'before') kill(child)
      if (dead.has(child)) return
      const answered = await answerCall(call.adapter === 'watch' ? own : adapterOf(call.adapter), call)
      if (isFate) kill(child)
      if (!dead.has(child) && child.connected) child.send(answered)
    }
    child.send(orders.access === undefined || sparing ? orders : { ...orders, fate })
  }

  const ready: ChildProcess[] = []
  let free = 2
  const next = (): void => {
    while (free > 0) {
      const child = stopping ? undefined : ready.shift()
      if (child === undefined) return
      free -= 1
      child.once('exit', () => {
        free += 1
        spawnOne()
        next()
      })
      start(child)
    }
  }
  const spawnOne = (): void => {
    if (stopping) return
    const script = join(import.meta.dirname, 'engine-process.ts')
    const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'cloudmgr-storm-compiled'), NODE_NO_WARNINGS: '1' }
    // A group of its own: it is killed with its programs.
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
      env,
      detached: true,
    })
    all.add(child)
    child.once('exit', (code, signal) => {
      all.delete(child)
      if (signal === 'SIGKILL' && !stopping && !dead.has(child)) kills += 1
      dead.add(child)
      for (const run of runs) if (run.of === child) runs.delete(run)
      if (code !== null && !stopping) wrongs.push(`an engine ended by itself with ${code}`)
    })
    child.once('message', () => {
      ready.push(child)
      next()
    })
  }
  for (let count = 0; count < 4; count += 1) spawnOne()

  return {
    kills: () => kills,
    wrongs,
    spare: () => void (sparing = true),
    stop: async () => {
      stopping = true
      for (const timer of timers) clearTimeout(timer)
      const gone = [...all].map((child) => new Promise((resolve) => child.once('exit', resolve)))
      for (const child of all) killGroup(child)
      await Promise.all(gone)
    },
  }
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
