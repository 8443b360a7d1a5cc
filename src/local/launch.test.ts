import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { findOrphan, markedProcesses } from './launch.ts'
import { endProcess, findProcess } from './processes.ts'
import { Programs } from './programs.ts'

const sleep = execFileSync('which', ['sleep'], { encoding: 'utf8' }).trim()
const spec = { name: 'sleeper', command: [sleep, '1000'] }
let folder = ''

const programs = (): Programs => new Programs(folder, systemClock, silentLog)

/** Never more than one; while it becomes the program its environment can't be read, and it is not seen. */
async function expectOne(): Promise<void> {
  let most = 0
  const count = () => {
    const { length } = markedProcesses(folder)
    most = Math.max(most, length)
    return length
  }
  await expect.poll(count, { interval: 10 }).toBe(1)
  expect(most).toBe(1)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'programs-'))
})

afterEach(async () => {
  await Promise.all(
    markedProcesses(folder).map(async (pid) => {
      const found = findProcess(pid)
      if (found !== undefined) await endProcess(found, 0)
    }),
  )
  rmSync(folder, { recursive: true, force: true })
})

test('a running program is found again, not started twice', async () => {
  const first = programs()
  await first.ensure(spec)
  const second = programs()
  await second.ensure(spec)
  expect(second.states()[0]?.pid).toBe(first.states()[0]?.pid)
  await expectOne()
})

test('asked for by many at once it is started once', async () => {
  const table = programs()
  await Promise.all(Array.from({ length: 20 }, () => table.ensure(spec)))
  await expectOne()
})

test('a program whose number was never noted is replaced, not doubled', async () => {
  await programs().ensure(spec)
  rmSync(join(folder, 'programs'), { recursive: true })
  await expect.poll(() => findOrphan(folder, spec)).toBeDefined()
  await programs().ensure(spec)
  await expectOne()
})

test('other arguments or another configuration restart it', async () => {
  const table = programs()
  await table.ensure(spec)
  const before = table.states()[0]?.pid
  await table.ensure({ ...spec, configs: ['changed'] })
  expect(table.states()[0]?.pid).not.toBe(before)
  await expectOne()
})

test('a program that died is started by the next look that is due', async () => {
  const clock = { ...systemClock, now: () => now }
  let now = 0
  const table = new Programs(folder, clock, silentLog)
  await table.ensure(spec)
  const pid = table.states()[0]?.pid ?? 0
  const found = findProcess(pid)
  if (found !== undefined) await endProcess(found, 0)
  await table.tick()
  expect(table.isAlive('sleeper')).toBe(false)
  now = 600
  await table.tick()
  expect(table.isAlive('sleeper')).toBe(true)
})

test('a removed program leaves no process, note or log', async () => {
  const table = programs()
  await table.ensure(spec)
  await table.remove('sleeper')
  expect(markedProcesses(folder)).toEqual([])
  expect(existsSync(join(folder, 'logs/sleeper.log'))).toBe(false)
})
