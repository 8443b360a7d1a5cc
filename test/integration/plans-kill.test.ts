import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findAccount } from '../../src/accounts/store.ts'
import { BROKER_MARK } from '../../src/actions/rabbitmq-access.ts'
import { createRooms, startHouse, type TestHouse, testPlans } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { getPlan } from '../../src/catalog/plan.ts'
import { hasEnded } from '../../src/commands/command.ts'
import { openCommands } from '../../src/commands/expected.ts'
import { withIssued } from '../../src/commands/issued.ts'
import { getCommand } from '../../src/commands/store.ts'
import { submitCommand } from '../../src/commands/submit.ts'
import { migrate } from '../../src/db/migrate.ts'
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
import type { Orders } from './plans/kill-child.ts'
import { everyOrder, isAnother, type Order, ordered, other, stray } from './plans/orders.ts'
import { areClaimsBound, lookAtBooks, lookAtWorld, Words } from './plans/world.ts'

/**
 * Every phase of every plan on the real outside, once with an engine that is left alone and once with engines that are
 * killed at every boundary and inside actions: what both leave is the same, in the world and in the books.
 */
const orders = everyOrder(testPlans)
const children = new Set<ChildProcess>()

let outside: RealOutside
let access: Access
let adapters: Adapters
let calm: RealEngineParts
let house: TestHouse
let adminKey = ''

beforeAll(async () => {
  outside = await startRealOutside()
  access = await outside.access()
  adapters = await adaptersOf(access)
  calm = await enginePartsOf(access)
  await migrate(calm.db)
  const rooms = createRooms(calm.db, systemClock, siteOf(access), undefined, calm.keys)
  house = await startHouse({ ...rooms, clock: systemClock })
})
afterAll(async () => {
  for (const child of children) kill(child)
  await house?.close()
  await calm?.close()
  await outside?.stop()
})

const kill = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

const admin = () => callers(house).as('admin', adminKey)

async function place({ plan, phase, params }: Order, name: string): Promise<number> {
  const api = admin()
  if (testPlans.get(plan)?.orderable === 'system') {
    if (plan === 'orphan') await adapters.rabbitmq.ensureUser(stray, 'nobody has it', [BROKER_MARK])
    const account = await findAccount(calm.db, ordered[plan]?.subject ?? '')
    const order = { plan, phase, params, requestedBy: 'admin' }
    return (await submitCommand(calm.db, account === undefined ? order : { ...order, subject: account.id })).id
  }
  const answer =
    plan !== 'omegaml' || phase === 'update'
      ? await api.post('/api/v2/orders', { plan, phase, params, account: name })
      : phase === 'install'
        ? await api.post('/api/v2/accounts', { name, email: `${name}@example.org` })
        : await api.delete(`/api/v2/accounts/${name}`)
  expect(answer, `${plan} ${phase}: ${JSON.stringify(answer.body)}`).toMatchObject({
    status: answer.status < 300 ? answer.status : 201,
  })
  return (answer.body.command ?? answer.body.id) as number
}

/** The order, what it has ordered, and what follows it. */
async function hasAllEnded(id: number): Promise<boolean> {
  const { whole } = await withIssued(calm.db, await getCommand(calm.db, id))
  if (!hasEnded(whole)) return false
  return whole.subject === undefined || (await openCommands(calm.db, whole.subject)).length === 0
}

/** A notebook server that runs, where one is to be stopped. */
async function startNotebook(name: string): Promise<void> {
  await adapters.jupyterhub.startServer(name)
  await vi.waitFor(
    async () => expect((await adapters.jupyterhub.findUser(name))?.servers).toMatchObject([{ state: 'ready' }]),
    { timeout: 60_000, interval: 50 },
  )
}

async function ended(id: number, meanwhile: Promise<unknown> = new Promise(() => {})): Promise<boolean> {
  let interrupted = false
  void meanwhile.then(() => (interrupted = true))
  for (;;) {
    if (await hasAllEnded(id)) return true
    if (interrupted) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

interface Seen {
  readonly order: string
  readonly state: unknown
  readonly world: string[]
  readonly books: object
}

/** What is otherwise after an order of engines that were killed than after that of one left alone, a line each. */
function differences(one: Seen, calmly: Seen): string[] {
  const told = ({ order, state, books }: Seen) => JSON.stringify([order, state, books])
  const only = (lines: readonly string[], others: readonly string[], sign: string) =>
    lines.filter((line) => !others.includes(line)).map((line) => `${one.order} ${sign} ${line}`)
  const books = told(one) === told(calmly) ? [] : [`${told(one)} instead of ${told(calmly)}`]
  return [...books, ...only(calmly.world, one.world, '-'), ...only(one.world, calmly.world, '+')]
}

/** Runs every order for one account and says what it left each time. */
async function runAll(name: string, run: (id: number) => Promise<unknown>): Promise<Seen[]> {
  const words = new Words(calm.db, calm.keys)
  const seen: Seen[] = []
  for (const order of orders) {
    if (order.plan === 'jupyter' && order.phase === 'suspend') await startNotebook(name)
    const id = await place(order, name)
    await run(id)
    await vi.waitFor(async () => expect(await areClaimsBound(adapters)).toBe(true), { timeout: 60_000, interval: 50 })
    if (order.plan === 'database' && order.phase === 'install') await writeData(name, 'database', 'docs')
    await words.learn(name)
    await words.learn('omworker', 'shared-runtime', 'shared')
    const { whole: command } = await withIssued(calm.db, await getCommand(calm.db, id))
    const [world, books] = [await lookAtWorld(outside, adapters), await lookAtBooks(calm.db)]
    const state = [command.state, command.message]
    seen.push({ order: `${order.plan} ${order.phase}`, state, world: words.apply(world), books: words.apply(books) })
  }
  return seen
}

test('killed at every boundary, every phase of every plan ends as if nothing had happened', {
  timeout: 1_800_000,
}, async () => {
  const engine = new Engine(calm.deps, { pollMs: 50 })
  await engine.start()
  const { body } = await callers(house).bootstrap()
  adminKey = body.admin.apikey
  await ended(body.omworker.command)
  const source = (await admin().post('/api/v2/accounts', { name: other, email: 's@example.org' })).body
  await ended(source.command)
  await writeData(other)
  await ended(await place({ plan: 'shared-runtime', phase: 'remove', params: {} }, ''))
  const before = await lookAtWorld(outside, adapters)

  const undisturbed = await runAll('calm', ended)
  expect(undisturbed.filter(({ state }) => (state as string[])[0] !== 'done')).toEqual([])
  expect(await lookAtWorld(outside, adapters)).toEqual(before)
  await engine.stop()

  const killed = killedEngines()
  const disturbed = await runAll('wild', killed.until)
  killed.stop()
  expect(disturbed.flatMap((one, index) => differences(one, undisturbed[index] ?? one))).toEqual([])
  expect(await lookAtWorld(outside, adapters)).toEqual(before)
  const moments = killed.moments()
  // The guard's guard: kills happened at the boundaries and inside of what takes long.
  // An order was written, and whether it was written is not known: the same one is found.
  expect(moments).toContain('signup install service ordered')
  for (const order of orders.filter(({ plan }) => !isAnother(getPlan(testPlans, plan))))
    expect(moments).toEqual(
      expect.arrayContaining([`${order.plan} ${order.phase} starting`, `${order.plan} ${order.phase} ending`]),
    )
  for (const middle of ['upgrading', 'uninstalling', 'applying', 'copying', 'dumping'])
    expect(moments.filter((moment) => moment.endsWith(` ${middle}`))).not.toEqual([])
})

/** Documents of a store, or of a server of an account's own: what is copied, and what is kept of it. */
async function writeData(name: string, plan = 'omegaml', instance = ''): Promise<void> {
  const { deployments } = createRooms(calm.db, systemClock, siteOf(access), undefined, calm.keys)
  const account = await findAccount(calm.db, name)
  const settings = await deployments.storedSettings(calm.db, account?.id ?? 0, plan, instance)
  const { mongodbname = '' } = settings?.qualifiers['default'] ?? {}
  const { host, port, user, password } = plan === 'database' ? access.ownMongodb : access.mongodb
  const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true`, {
    auth: { username: user, password },
  })
  try {
    for (const collection of ['one', 'two'])
      await client
        .db(mongodbname)
        .collection(collection)
        .insertMany([{ a: 1 }, { a: 2 }, { a: 3 }])
  } finally {
    await client.close()
  }
}

/** Engines one after the other, the next one standing by: each works until it is killed by itself. */
function killedEngines() {
  const moments = join(access.folder, 'moments')
  const spawned = (): ChildProcess => {
    const script = join(import.meta.dirname, 'plans', 'kill-child.ts')
    const env = { ...process.env, NODE_COMPILE_CACHE: join(access.folder, 'compiled'), NODE_NO_WARNINGS: '1' }
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    // A group of its own: it is killed with its programs.
    const child = spawn(process.execPath, [script], { stdio: [...stdio], env, detached: true })
    children.add(child)
    return child
  }
  const start = (child: ChildProcess): Promise<void> => {
    const orders: Orders = { access, moments }
    child.send(orders)
    return new Promise((resolve) => child.once('exit', () => resolve()))
  }
  let next = spawned()
  let current = next
  let died: Promise<void> | undefined
  const turn = (): Promise<void> => {
    current = next
    died = start(current)
    next = spawned()
    return died
  }
  const until = async (id: number): Promise<void> => {
    while (!(await ended(id, died ?? turn()))) died = undefined
  }
  const stop = (): void => {
    for (const child of [current, next]) kill(child)
  }
  const read = () => (existsSync(moments) ? readFileSync(moments, 'utf8').trim().split('\n') : [])
  return { until, stop, moments: read }
}
