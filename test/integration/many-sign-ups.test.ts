import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRooms, startHouse, type TestHouse } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { migrate } from '../../src/db/migrate.ts'
import { Engine } from '../../src/engine/engine.ts'
import { callers } from '../journeys/house.ts'
import {
  adaptersOf,
  enginePartsOf,
  type RealEngineParts,
  type RealOutside,
  siteOf,
  startRealOutside,
} from '../support/real-outside.ts'

/** Two hundred people at once, on the real outside: everybody is delivered once, and nobody waits for the others' luck. */
const PEOPLE = 200

let outside: RealOutside
let parts: RealEngineParts
let house: TestHouse
let engine: Engine

beforeAll(async () => {
  outside = await startRealOutside()
  const access = await outside.access()
  parts = await enginePartsOf(access)
  await migrate(parts.db)
  const rooms = createRooms(parts.db, systemClock, siteOf(access), undefined, parts.keys)
  house = await startHouse({ ...rooms, clock: systemClock })
  engine = new Engine(parts.deps, { pollMs: 200 })
})
afterAll(async () => {
  await engine?.stop()
  await house?.close()
  await parts?.close()
  await outside?.stop()
})

test(`${PEOPLE} sign-ups at once are all delivered, once, in their turn`, { timeout: 900_000 }, async () => {
  const { body } = await callers(house).bootstrap()
  const admin = callers(house).as('admin', body.admin.apikey)
  await engine.start()
  await callers(house).ended(body.omworker.command)
  const names = Array.from({ length: PEOPLE }, (_, index) => `user${index}`)
  const answers = await Promise.all(
    names.map(async (name) => await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })),
  )
  const ids = answers.map((answer) => answer.body.command as number)
  for (const id of ids) await callers(house).ended(id)

  // Each sign-up has ordered one delivery, and both were done.
  const signUps = await parts.db.selectFrom('commands').selectAll().where('id', 'in', ids).execute()
  const commands = await parts.db
    .selectFrom('commands')
    .selectAll()
    .where('issued_by', 'in', ids)
    .orderBy('issued_by')
    .execute()
  expect(commands.map(({ plan, issued_by: by }) => [plan, by])).toEqual(
    ids.toSorted((a, b) => a - b).map((id) => ['omegaml', id]),
  )
  expect([...signUps, ...commands].filter(({ status }) => status !== 5)).toEqual([])
  const all = [...ids, ...commands.map(({ id }) => id)]
  const tasks = await parts.db.selectFrom('tasks').selectAll().where('command_id', 'in', all).execute()
  expect(tasks.filter(({ fencing, attempts, state }) => fencing !== 1 || attempts !== 1 || state !== 'done')).toEqual(
    [],
  )

  const { mongodb, rabbitmq, jupyterhub, kubernetes } = await adaptersOf(await outside.access())
  const has = async (found: readonly unknown[]) => expect(found).toHaveLength(PEOPLE)
  await has((await mongodb.listUsers()).filter(({ account }) => account?.startsWith('user')))
  await has((await rabbitmq.usersWithTag('cloudmgr')).filter((name) => name.startsWith('user')))
  await has((await jupyterhub.listUsers()).filter(({ name }) => name.startsWith('user')))
  const labels = 'omegaml.io/account'
  await has(await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' }, { labels }))
  // The closing policy, the one inwards and the one outwards: of every account.
  const policies = await kubernetes.list({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' })
  expect(policies.filter(({ metadata }) => metadata.namespace?.startsWith('om-user'))).toHaveLength(3 * PEOPLE)

  // Nobody starves: who came first is done first, give or take what runs at the same time.
  const inEnd = commands.toSorted((a, b) => Number(a.ended_at) - Number(b.ended_at))
  const late = inEnd.map(({ id }, place) => place - commands.findIndex((one) => one.id === id))
  const seconds = (Number(inEnd.at(-1)?.ended_at) - Math.min(...signUps.map((one) => Number(one.created_at)))) / 1000
  console.log(`${PEOPLE} delivered in ${seconds.toFixed(1)} s; nobody more than ${Math.max(...late)} places late`)
  expect(Math.max(...late)).toBeLessThan(PEOPLE / 4)

  const comparison = (await admin.post('/api/v2/comparisons')).body
  await callers(house).ended(comparison.id)
  expect((await admin.get('/api/v2/orphans')).body.orphans).toEqual([])
  expect((await admin.get('/api/v2/drift')).body.drift).toEqual([])
})
