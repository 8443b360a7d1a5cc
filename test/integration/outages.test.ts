import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createRooms, startHouse, type TestHouse } from '../../src/api/testing.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { hasEnded } from '../../src/commands/command.ts'
import { withIssued } from '../../src/commands/issued.ts'
import { getCommand } from '../../src/commands/store.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { EngineOptions } from '../../src/engine/deps.ts'
import { Engine } from '../../src/engine/engine.ts'
import { callers } from '../journeys/house.ts'
import {
  type Access,
  type Adapters,
  adaptersOf,
  enginePartsOf,
  type RealEngineParts,
  type RealOutside,
  siteOf,
  startRealOutside,
} from '../support/real-outside.ts'
import type { Interruptible } from '../support/server-process.ts'
import type { Orders } from './plans/kill-child.ts'
import { lookAtBooks, lookAtWorld, Words } from './plans/world.ts'

/** Parts that are away for minutes in the middle of orders, engines that work side by side, and one that hangs. */
const FASTER = 30
const OUTAGE_MS = 3 * 60_000

let outside: RealOutside
let access: Access
let adapters: Adapters
let parts: RealEngineParts
let house: TestHouse
let adminKey = ''
/** What a sign-up and a runtime leave when nothing disturbs them. */
let undisturbed: { readonly account: string[]; readonly runtime: string[] }
const engines: { stop(): Promise<void> }[] = []
const children = new Set<ChildProcess>()

/** The engine's minutes are seconds here: its pauses, leases and patience are the real ones. */
const fastClock: Clock = {
  now: () => start + (Date.now() - start) * FASTER,
  sleep: async (ms, signal) => await systemClock.sleep(ms / FASTER, signal),
}
const start = Date.now()

beforeAll(async () => {
  outside = await startRealOutside()
  access = await outside.access()
  adapters = await adaptersOf(access)
  parts = await enginePartsOf(access)
  await migrate(parts.db)
  const rooms = createRooms(parts.db, systemClock, siteOf(access), undefined, parts.keys)
  house = await startHouse({ ...rooms, clock: systemClock })
  const { body } = await callers(house).bootstrap()
  adminKey = body.admin.apikey
  await startEngine()
  await ended(body.omworker.command)
  await remove(await signUp('first'), 'first')
  const base = await lookAtWorld(outside, adapters)
  await ended(await signUp('calm'))
  const account = await leftBy('calm', base)
  await ended(await orderRuntime('calm'))
  undisturbed = { account, runtime: await leftBy('calm', base) }
  await remove(undefined, 'calm')
})
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop()
  for (const child of children) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  children.clear()
})
afterAll(async () => {
  await house?.close()
  await parts?.close()
  await outside?.stop()
})

async function startEngine(
  wrap: (real: Adapters) => Adapters = (real) => real,
  clock = systemClock,
  options: EngineOptions = {},
): Promise<void> {
  const own = await enginePartsOf(access, { adapters: wrap(await adaptersOf(access)), clock })
  const engine = new Engine(own.deps, { stopGraceMs: 2_000, ...options })
  await engine.start()
  engines.push({
    stop: async () => {
      await engine.stop()
      await own.close()
    },
  })
}

const admin = () => callers(house).as('admin', adminKey)
const signUp = async (name: string): Promise<number> =>
  (await admin().post('/api/v2/accounts', { name, email: `${name}@example.org` })).body.command as number
const orderRuntime = async (account: string): Promise<number> => {
  const wish = { plan: 'runtime', phase: 'install', account, params: { label: 'work' } }
  return (await admin().post('/api/v2/orders', wish)).body.id as number
}

async function ended(id: number): Promise<void> {
  const look = async () => (await withIssued(parts.db, await getCommand(parts.db, id))).whole
  await vi.waitFor(async () => expect(hasEnded(await look())).toBe(true), {
    timeout: 120_000,
    interval: 50,
  })
  const { state, message } = await look()
  expect([state, message]).toEqual(['done', undefined])
}

async function remove(before: number | undefined, name: string): Promise<void> {
  if (before !== undefined) await ended(before)
  await ended((await admin().delete(`/api/v2/accounts/${name}`)).body.command as number)
}

/** What is there that was not before, with the account's own words named. */
async function leftBy(name: string, base: readonly string[]): Promise<string[]> {
  const words = new Words(parts.db, parts.keys)
  await words.learn(name)
  const now = await lookAtWorld(outside, adapters)
  return words.apply(now.filter((line) => !base.includes(line)))
}

interface Outage {
  readonly name: string
  readonly part: () => Interruptible
  /** Calls `cut` in the middle of the order. */
  readonly middle: (real: Adapters, cut: () => Promise<void>) => Adapters
  /** What holds meanwhile. */
  readonly meanwhile?: () => Promise<void>
}

const outages: Outage[] = [
  {
    name: 'MongoDB',
    part: () => outside.mongod,
    middle: (real, cut) => ({
      ...real,
      mongodb: { ...real.mongodb, ensureUser: async (user) => cut().then(() => real.mongodb.ensureUser(user)) },
    }),
  },
  {
    name: 'RabbitMQ',
    part: () => outside.rabbitmq,
    middle: (real, cut) => ({
      ...real,
      rabbitmq: {
        ...real.rabbitmq,
        ensureUser: async (...user) => cut().then(() => real.rabbitmq.ensureUser(...user)),
      },
    }),
  },
  {
    name: 'the API server',
    part: () => outside.cluster,
    middle: (real, cut) => ({
      ...real,
      kubernetes: {
        ...real.kubernetes,
        apply: async (object) => {
          const applied = await real.kubernetes.apply(object)
          if (object.kind === 'ResourceQuota') await cut()
          return applied
        },
      },
    }),
  },
  {
    name: 'the service’s database',
    part: () => outside.mariadb,
    meanwhile: async () => {
      const answer = await admin().get('/api/v2/accounts')
      expect([answer.status, answer.body.code]).toEqual([503, 'database-unreachable'])
    },
    middle: (real, cut) => ({
      ...real,
      jupyterhub: {
        ...real.jupyterhub,
        ensureUser: async (...user) => {
          const changed = await real.jupyterhub.ensureUser(...user)
          await cut()
          return changed
        },
      },
    }),
  },
]

for (const { name, part, middle, meanwhile } of outages) {
  test(`${name} is away for minutes in the middle of a sign-up, and the sign-up ends well`, async () => {
    const base = await lookAtWorld(outside, adapters)
    const cut = once(async () => await part().halt())
    await startEngine((real) => middle(real, cut.run), fastClock)
    const command = await signUp('alice')
    await cut.done
    await meanwhile?.()
    await fastClock.sleep(OUTAGE_MS)
    await part().resume()
    await ended(command)
    expect(await leftBy('alice', base)).toEqual(undisturbed.account)
    expect(await lookAtBooks(parts.db)).toMatchObject({ open: [], locks: [] })
    await remove(undefined, 'alice')
    expect(await lookAtWorld(outside, adapters)).toEqual(base)
  })
}

test('the API server goes away under a running Helm, and the runtime is there in the end', async () => {
  const base = await lookAtWorld(outside, adapters)
  const cut = once(async () => await outside.cluster.halt())
  await startEngine(
    (real) => ({
      ...real,
      helm: {
        ...real.helm,
        upgrade: async (release, run) => {
          const running = real.helm.upgrade(release, run)
          const isPending = async () =>
            await vi.waitFor(async () => {
              const where = { namespace: release.namespace, labels: `owner=helm,name=${release.name}` }
              expect(await real.kubernetes.list({ apiVersion: 'v1', kind: 'Secret' }, where)).not.toEqual([])
            }, 10_000)
          await Promise.race([running, isPending()]).catch(() => {})
          await cut.run()
          return await running
        },
      },
    }),
    fastClock,
  )
  await ended(await signUp('alice'))
  const command = await orderRuntime('alice')
  await cut.done
  await fastClock.sleep(OUTAGE_MS)
  await outside.cluster.resume()
  await ended(command)
  expect(await leftBy('alice', base)).toEqual(undisturbed.runtime)
  await remove(undefined, 'alice')
  expect(await lookAtWorld(outside, adapters)).toEqual(base)
})

test('two engines on one database deliver every order once', async () => {
  const base = await lookAtWorld(outside, adapters)
  const made: string[] = []
  const counted =
    (engine: string) =>
    (real: Adapters): Adapters => ({
      ...real,
      mongodb: {
        ...real.mongodb,
        ensureUser: async (access) => {
          made.push(`${engine} ${access.user}`)
          return await real.mongodb.ensureUser(access)
        },
      },
    })
  // Neither can take all that is due at once.
  const options = { pollMs: 50, concurrency: 2 }
  await Promise.all(['one', 'two'].map(async (name) => await startEngine(counted(name), systemClock, options)))
  const names = Array.from({ length: 8 }, (_, index) => `user${index}`)
  const commands = await Promise.all(names.map(async (name) => await signUp(name)))
  for (const command of commands) await ended(command)
  expect(new Set(made.map((line) => line.split(' ')[1])).size).toBe(names.length)
  expect(made.length).toBe(names.length)
  // Both took part.
  expect(new Set(made.map((line) => line.split(' ')[0])).size).toBe(2)
  const tasks = await parts.db
    .selectFrom('tasks')
    .select(['fencing', 'attempts'])
    .where('command_id', 'in', commands)
    .execute()
  expect(tasks.filter(({ fencing, attempts }) => fencing !== 1 || attempts !== 1)).toEqual([])
  await Promise.all(names.map(async (name) => await remove(undefined, name)))
  expect(await lookAtWorld(outside, adapters)).toEqual(base)
})

test('an engine that hangs until its lease has ended does no harm when it goes on', async () => {
  const base = await lookAtWorld(outside, adapters)
  await startEngine()
  await ended(await signUp('alice'))
  await engines.pop()?.stop()

  const wish = { plan: 'nodepool', phase: 'install', account: 'alice', params: { name: 'gpu', size: 2 } }
  const { id } = (await admin().post('/api/v2/orders', wish)).body
  const hanging = startChild({ access, hangAt: 'nodepool install nodes applying', leaseMs: 2_000 })
  await vi.waitFor(() => expect(hanging.said).toContain('hangs'), { timeout: 60_000, interval: 50 })

  // The lease holds a while longer than its engine; then another one does the work.
  await startEngine()
  await ended(id)
  const task = await parts.db.selectFrom('tasks').selectAll().where('command_id', '=', id).executeTakeFirstOrThrow()
  expect(task.fencing).toBe(2)
  const machines = [...outside.cloud.things.keys()].filter((path) => path.includes('alice-gpu')).toSorted()
  expect(machines).toHaveLength(2)
  const states = () => parts.db.selectFrom('terraform_states').select(['version', 'lock_id']).execute()
  const written = await states()

  process.kill(-(hanging.child.pid ?? 0), 'SIGCONT')
  await vi.waitFor(() => expect(hanging.said).toContain('stopped'), { timeout: 60_000, interval: 50 })
  expect(await states()).toEqual(written)
  expect(await parts.db.selectFrom('tasks').selectAll().where('id', '=', task.id).executeTakeFirstOrThrow()).toEqual(
    task,
  )
  expect([...outside.cloud.things.keys()].filter((path) => path.includes('alice-gpu')).toSorted()).toEqual(machines)

  const removal = { plan: 'nodepool', phase: 'remove', account: 'alice', params: { name: 'gpu' } }
  await ended((await admin().post('/api/v2/orders', removal)).body.id)
  await remove(undefined, 'alice')
  expect(await lookAtWorld(outside, adapters)).toEqual(base)
})

/** The first call does it and waits for it; later ones pass. */
function once(work: () => Promise<void>) {
  const { promise, resolve } = Promise.withResolvers<void>()
  let begun: Promise<void> | undefined
  const run = async (): Promise<void> => {
    begun ??= work().then(resolve)
    await begun
  }
  return { run, done: promise }
}

function startChild(orders: Orders): { readonly child: ChildProcess; readonly said: string[] } {
  const script = join(import.meta.dirname, 'plans', 'kill-child.ts')
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true })
  children.add(child)
  const said: string[] = []
  child.on('message', (text) => said.push(text as string))
  child.send(orders)
  return { child, said }
}
