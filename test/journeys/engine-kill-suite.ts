import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Phase } from '../../src/catalog/plan.ts'
import { hasEnded } from '../../src/commands/command.ts'
import { getCommand } from '../../src/commands/store.ts'
import { submitCommand } from '../../src/commands/submit.ts'
import { type DatabaseOptions, type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Orders } from './engine-kill-child.ts'
import { plans } from './engine-world.ts'

const things = ['a-1', 'id-a-1-2', 'a-3']
const steps = ['one', 'two', 'three']

/** Every boundary of a command's life at which a process may be killed. */
const moments = [
  'starting',
  ...things.flatMap((thing, index) => [
    `claimed:${steps[index]}`,
    `before:${thing}`,
    `after:${thing}`,
    `ended:${steps[index]}`,
  ]),
  'ending',
]

/** A process killed with SIGKILL at any point continues where it was; `fresh` names an empty database. */
export function killSuite(fresh: () => Promise<DatabaseOptions>): void {
  let folder: string
  let options: DatabaseOptions
  let db: Db
  const children = new Set<ChildProcess>()

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cloudmgr-engine-kill-'))
    options = await fresh()
    db = openDatabase(options)
    await migrate(db)
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    children.clear()
    await db.destroy()
    rmSync(folder, { recursive: true, force: true })
  })

  const startChild = (killAt?: string): ChildProcess => {
    const orders: Orders = { database: options, folder, ...(killAt === undefined ? {} : { killAt }) }
    const script = join(import.meta.dirname, 'engine-kill-child.ts')
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    children.add(child)
    child.send(orders)
    return child
  }
  const died = (child: ChildProcess) => new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)))
  const order = (phase: Phase) =>
    submitCommand(db, { plan: 'chain', phase, params: { name: 'a' }, requestedBy: 'test' }, { plans })
  const ended = async (id: number) => {
    await vi.waitFor(async () => expect(hasEnded(await getCommand(db, id))).toBe(true), {
      timeout: 30_000,
      interval: 20,
    })
    return getCommand(db, id)
  }
  const effects = () =>
    existsSync(join(folder, 'effects.log')) ? readFileSync(join(folder, 'effects.log'), 'utf8').trim().split('\n') : []

  describe('killed with SIGKILL, an install is completed by the next engine', () => {
    for (const moment of moments) {
      test(`at ${moment}`, async () => {
        const { id } = await order('install')
        expect(await died(startChild(`${moment}:install`))).toBe('SIGKILL')
        startChild()
        expect((await ended(id)).state).toBe('done')
        // Made once each; looked at again where the outcome had not been recorded.
        expect(effects().filter((line) => line.startsWith('+'))).toEqual(things.map((thing) => `+${thing}`))
        expect(effects().filter((line) => line.startsWith('=')).length).toBeLessThanOrEqual(1)
        for (const thing of things) expect(existsSync(join(folder, thing))).toBe(true)
        expect(await db.selectFrom('locks').selectAll().execute()).toEqual([])
      })
    }
  })

  describe('killed with SIGKILL, a removal is completed by the next engine', () => {
    for (const moment of moments) {
      test(`at ${moment}`, async () => {
        const install = await order('install')
        const dead = died(startChild(`${moment}:remove`))
        await ended(install.id)
        const removal = await order('remove')
        expect(await dead).toBe('SIGKILL')
        startChild()
        expect((await ended(removal.id)).state).toBe('done')
        const removed = effects().filter((line) => line.startsWith('-'))
        expect([...new Set(removed)]).toEqual(things.toReversed().map((thing) => `-${thing}`))
        expect(removed.length).toBeLessThanOrEqual(4)
        for (const thing of things) expect(existsSync(join(folder, thing))).toBe(false)
      })
    }
  })
}
