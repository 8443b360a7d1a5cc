import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ActionContext } from '../../src/actions/action.ts'
import { nodepool, type NodepoolInput } from '../../src/actions/nodepool.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { beginCluster, endCluster, forgetCluster, keepAccess } from '../../src/clusters/cluster-rows.ts'
import { createDoors, nothingThere } from '../../src/clusters/doors.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { createStateStore, rootLock } from '../../src/clusters/terraform-states.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from '../support/fake-local-cloud.ts'

/** Ordered pools with the real OpenTofu and provider; their state lies in the engine's database. */
const project = resolve(import.meta.dirname, '../..')
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const pool: NodepoolInput = {
  account: 'alice',
  name: 'gpu',
  role: 'worker',
  type: 'small',
  size: 2,
  shared: false,
  simulated: false,
}

let folder: string
let cloud: FakeLocalCloud
let db: Db
let program: string
let mirror: string
const engines: StateBackend[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-nodepool-'))
  const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
  program = paths.tofu
  mirror = (await writeMirror(join(folder, 'mirror'), paths['terraform-provider-localcloud'])).folder
  cloud = await startFakeLocalCloud(join(folder, 'api.sock'))
})
afterAll(async () => {
  for (const engine of engines) await engine.stop()
  await cloud?.close()
  await db?.destroy()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await db?.destroy()
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  cloud.things.clear()
  cloud.failing.clear()
})

/** A new engine with an empty folder, as after the loss of its pod; it has claimed the task anew. */
async function engine(fencing: number, signal = new AbortController().signal) {
  const states = new StateBackend({ states: createStateStore(db, keys, Date.now), log: silentLog })
  await states.start()
  engines.push(states)
  await db.deleteFrom('locks').execute()
  const lock = { name: rootLock('nodepool-alice-gpu'), task_id: 1, fencing, taken_at: 1 }
  await db.insertInto('locks').values(lock).execute()
  const output: string[] = []
  const context: ActionContext = {
    task: { id: 1, command: 1, step: 'nodes', fencing },
    signal,
    output: (line) => output.push(line),
    waiting: () => {},
  }
  const own = await mkdtemp(join(folder, 'engine-'))
  const roots = {
    terraform: createTerraformCli({ program, folder: join(own, 'cli'), mirror }),
    states,
    provider: {
      provider: loadProvider(join(project, 'catalog/providers'), 'local'),
      site: { cluster: 'omega', endpoint: cloud.endpoint, ca: '' },
      env: {},
    },
    folder: join(own, 'roots'),
    modules: join(project, 'terraform'),
    ...nothingThere,
    clock: systemClock,
  }
  const enter = () => nothingThere
  const action = nodepool(roots, () => createDoors({ db, keys, enter }))
  return { action, context, output }
}

const machines = () => [...cloud.things.keys()].map((path) => path.split('/').at(-1) ?? '').toSorted()

test('a pool is ordered, found unchanged by another engine, scaled and removed', async () => {
  const first = await engine(1)
  expect(await first.action.ensure(pool, first.context)).toMatchObject({ changed: true })
  expect(machines()).toEqual(['alice-gpu-1', 'alice-gpu-2'])

  const second = await engine(2)
  expect(await second.action.ensure(pool, second.context)).toMatchObject({ changed: false })
  await second.action.ensure({ ...pool, size: 1 }, second.context)
  expect(machines()).toEqual(['alice-gpu-1'])

  const third = await engine(3)
  await third.action.remove(pool, third.context)
  expect(machines()).toEqual([])
  expect(await third.action.observe(pool, third.context)).toMatchObject({ state: 'absent' })
})

test('what a killed engine had begun is finished by the next: nothing lost, nothing twice', async () => {
  const stop = new AbortController()
  const dead = await engine(1, stop.signal)
  const put = '/v1/clusters/omega/machines/alice-gpu-2'
  cloud.failing.set(put, 'the power went')
  await expect(dead.action.ensure(pool, dead.context)).rejects.toMatchObject({ kind: 'unavailable' })
  // Its run still has the lock, and its pod is gone with all files.
  await db.updateTable('terraform_states').set({ lock_id: 'dead' }).execute()
  cloud.failing.clear()

  const next = await engine(2)
  await next.action.ensure(pool, next.context)
  expect(machines()).toEqual(['alice-gpu-1', 'alice-gpu-2'])
  await next.action.remove(pool, next.context)
  expect(machines()).toEqual([])
})

test('a machine that Terraform never learned of is taken over, not made twice', async () => {
  const { action, context } = await engine(1)
  cloud.things.set('/v1/clusters/omega/machines/alice-gpu-1', {
    name: 'alice-gpu-1',
    state: 'ready',
    address: '10.0.0.11',
  })
  await action.ensure(pool, context)
  expect(machines()).toEqual(['alice-gpu-1', 'alice-gpu-2'])
})

test('a state that the database does not take is brought in by the next try: nothing lost, nothing twice', async () => {
  const { action, context, output } = await engine(1)
  await sql`create trigger full before insert on terraform_state_versions
    begin select raise(abort, 'database or disk is full'); end`.execute(db)
  await expect(action.ensure(pool, context)).rejects.toMatchObject({ kind: 'unavailable', code: 'state-not-written' })
  await sql`drop trigger full`.execute(db)
  const puts = () => cloud.calls.filter((call) => call.startsWith('PUT')).length
  const before = puts()
  expect([machines().length, await action.ensure(pool, context)]).toMatchObject([2, { changed: false }])
  expect(puts()).toBe(before)
  expect(output.join()).toContain('brought in the state')
  await action.remove(pool, context)
  expect(machines()).toEqual([])
})

test('a pool of another cluster joins its machines there; on one that is gone it orders nothing, and is still removed', async () => {
  const { action, context } = await engine(1)
  const there = { ...pool, cluster: 'second' }
  await expect(action.ensure(there, context)).rejects.toMatchObject({
    code: 'cluster-unknown',
    details: { field: 'cluster', value: 'second' },
  })
  await beginCluster(db, { name: 'second', account: 1, provider: 'local' }, 1)
  await expect(action.ensure(there, context)).rejects.toMatchObject({ code: 'cluster-not-ready', kind: 'unavailable' })
  expect(cloud.things.size).toBe(0)

  const access = {
    kubeconfig: 'KUBECONFIG',
    observer: 'KUBECONFIG',
    address: '10.0.3.1',
    apiServer: 'https://10.0.3.1',
  }
  await keepAccess(db, { engine: keys, settings: keys }, 'second', access, 1)
  await action.ensure(there, context)
  expect([...cloud.things.keys()].toSorted()).toEqual([
    '/v1/clusters/second/machines/alice-gpu-1',
    '/v1/clusters/second/machines/alice-gpu-2',
  ])
  expect(await action.observe(there, context)).toMatchObject({ state: 'present' })

  // Somebody took the cluster away with all its machines.
  await endCluster(db, 'second', 2)
  await expect(action.ensure(there, context)).rejects.toMatchObject({ code: 'cluster-not-ready' })
  await forgetCluster(db, 'second')
  cloud.things.clear()
  expect(await action.observe(there, context)).toMatchObject({ state: 'different' })
  await expect(action.ensure(there, context)).rejects.toMatchObject({ code: 'cluster-unknown' })
  await action.remove(there, context)
  expect(await createStateStore(db, keys, Date.now).filledRoots()).toEqual([])
})

test('an unknown type is refused before anything is touched', async () => {
  const { action, context } = await engine(1)
  const huge = { ...pool, type: 'huge' }
  await expect(action.ensure(huge, context)).rejects.toMatchObject({ code: 'node-type-unknown' })
  expect(cloud.things.size).toBe(0)
})
