import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { Status } from '../base/status.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import type { ClaimedTask } from './claim.ts'
import type { EngineDeps, EngineSettings } from './deps.ts'
import { Lease } from './lease.ts'

const leaseMs = 60
const hour = 3_600_000

let db: Db
let lease: Lease | undefined
beforeEach(async () => {
  db = openDatabase('sqlite::memory:')
  await migrate(db)
})
afterEach(async () => {
  lease?.end()
  await db.destroy()
})

/** Of a task that runs; the clock jumps on by an hour after as many looks at it as are given. */
async function heldWith(looks: number) {
  let left = looks
  const now = () => systemClock.now() + (left-- > 0 ? 0 : hour)
  const order = {
    plan: 'a',
    phase: 'install',
    params: '{}',
    requested_by: 'admin',
    content_hash: '',
    lane: 'a',
  } as const
  await db
    .insertInto('commands')
    .values({ ...order, status: Status.pending, created_at: 0, due_at: 0 })
    .execute()
  const command_id = 1
  const fencing = 1
  const lease_until = systemClock.now() + leaseMs
  const task = { command_id, fencing, lease_until, state: 'running', step: 'a', action: 'a', position: 0 } as const
  const rest = { after: '[]', input: '{}', due_at: 0, attempts: 1 }
  await db
    .insertInto('tasks')
    .values({ ...task, ...rest })
    .execute()
  const row = await db.selectFrom('tasks').selectAll().executeTakeFirstOrThrow()
  const deps = { db, clock: { ...systemClock, now }, log: silentLog } as Partial<EngineDeps> as EngineDeps
  lease = new Lease(deps, { leaseMs } as EngineSettings, row as unknown as ClaimedTask)
  return lease
}

const until = async () => (await db.selectFrom('tasks').select('lease_until').executeTakeFirstOrThrow()).lease_until

test('a clock that jumps on while a heartbeat is written loses no lease: another one is written', async () => {
  const held = await heldWith(1)
  await vi.waitFor(async () => expect(await until()).toBeGreaterThan(systemClock.now() + hour / 2), { interval: 5 })
  expect(held.interruption).toBeUndefined()
})

test('a lease that another engine has taken is lost at the next heartbeat', async () => {
  const held = await heldWith(Number.POSITIVE_INFINITY)
  await db.updateTable('tasks').set({ fencing: 2 }).execute()
  await vi.waitFor(() => expect(held.interruption).toBe('lease-lost'), { interval: 5 })
})
