import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRooms, startHouse, type TestHouse } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
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
import { lookAtWorld } from './plans/world.ts'

/** Orphans and drift on the real outside: found, told, mended, and nothing of anybody else touched. */
let outside: RealOutside
let access: Access
let adapters: Adapters
let parts: RealEngineParts
let house: TestHouse
let engine: Engine
let admin: ReturnType<ReturnType<typeof callers>['as']>

beforeAll(async () => {
  outside = await startRealOutside()
  access = await outside.access()
  adapters = await adaptersOf(access)
  parts = await enginePartsOf(access)
  await migrate(parts.db)
  const rooms = createRooms(parts.db, systemClock, siteOf(access), undefined, parts.keys)
  house = await startHouse({ ...rooms, clock: systemClock })
  engine = new Engine(parts.deps, { pollMs: 50 })
  await engine.start()
  const { body } = await callers(house).bootstrap()
  admin = callers(house).as('admin', body.admin.apikey)
  await callers(house).ended(body.omworker.command)
})
afterAll(async () => {
  await engine?.stop()
  await house?.close()
  await parts?.close()
  await outside?.stop()
})

async function done(id: number): Promise<void> {
  await callers(house).ended(id)
  const { state, message } = (await admin.get(`/api/v2/commands/${id}`)).body
  expect([state, message]).toEqual(['done', undefined])
}

async function deliver(name: string, shares: readonly object[] = []): Promise<void> {
  await done((await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })).body.command)
  for (const wish of [
    { plan: 'runtime', params: { label: 'work' } },
    { plan: 'nodepool', params: { name: 'gpu', size: 1 } },
    { plan: 'registry', params: { name: 'mine', server: 'ghcr.io', username: name, password: 'a secret of theirs' } },
    { plan: 'storage', params: { name: 'data', size: 1 } },
    { plan: 'database', params: { name: 'docs', size: 1 } },
    ...shares,
  ])
    await done((await admin.post('/api/v2/orders', { ...wish, phase: 'install', account: name })).body.id)
}

async function compare() {
  await done((await admin.post('/api/v2/comparisons')).body.id)
  const [orphans, drift] = [await admin.get('/api/v2/orphans'), await admin.get('/api/v2/drift')]
  return { orphans: orphans.body.orphans, drift: drift.body.drift }
}

async function mend(what: 'orphans' | 'drift', body: object = {}) {
  const { commands, left } = (await admin.post(`/api/v2/${what}/mend`, body)).body
  for (const { id } of commands) await done(id)
  return left
}

test('an account without rows is found with all it had, and removed; another one and strangers stay', async () => {
  await deliver('alice')
  await adapters.jupyterhub.ensureUser('operator')
  await adapters.rabbitmq.ensureUser('theirs', 'a password of theirs')
  const before = await lookAtWorld(outside, adapters)
  expect(await compare()).toMatchObject({ orphans: [{ name: 'operator', mendable: false }], drift: [] })

  await deliver('bob', [{ plan: 'share', params: { with: 'alice' } }])
  const { id } = await parts.db.selectFrom('accounts').select('id').where('name', '=', 'bob').executeTakeFirstOrThrow()
  for (const table of ['deployments', 'api_keys'] as const)
    await parts.db.deleteFrom(table).where('account_id', '=', id).execute()
  await parts.db.deleteFrom('accounts').where('id', '=', id).execute()

  const { orphans, drift } = await compare()
  expect(drift).toEqual([])
  const found = orphans.map((one: Record<string, unknown>) => [one['system'], one['kind'], one['mendable']].join(' '))
  expect(found.toSorted()).toEqual([
    'jupyterhub user false',
    'jupyterhub user true',
    'kubernetes v1/Namespace true',
    'mongodb user true',
    'mongodb user true',
    'rabbitmq user true',
    'rabbitmq user true',
    'rabbitmq vhost true',
    'terraform root false',
    'terraform root false',
    'terraform root false',
    'terraform root true',
  ])
  const kept = { system: 'terraform', account: 'bob', holdsData: true }
  expect(await mend('orphans')).toMatchObject([{ name: 'operator' }, kept, kept, kept])
  expect((await compare()).orphans).toMatchObject([{ name: 'operator' }, kept, kept, kept])
  expect(await mend('orphans', { data: true })).toMatchObject([{ name: 'operator' }])
  expect(await lookAtWorld(outside, adapters)).toEqual(before)
  expect((await compare()).orphans).toMatchObject([{ name: 'operator' }])
})

test('what was changed behind our back is found, and is as delivered again', async () => {
  const before = await lookAtWorld(outside, adapters)
  const [user] = (await adapters.mongodb.listUsers()).filter(({ account }) => account === 'alice')
  await adapters.mongodb.dropUser(user?.user ?? '')
  await adapters.helm.uninstall('runtime-work', 'om-alice')
  for (const [kind, name] of [
    ['ResourceQuota', 'account'],
    ['Secret', 'registry-mine'],
  ] as const)
    await adapters.kubernetes.delete({ apiVersion: 'v1', kind, namespace: 'om-alice', name })
  for (const path of outside.cloud.things.keys())
    if (/alice-(gpu|storage)/.test(path)) outside.cloud.things.delete(path)

  const { orphans, drift } = await compare()
  expect(orphans).toHaveLength(1)
  const found = drift.map((one: Record<string, unknown>) => [one['plan'], one['step'], one['detail']].join(' '))
  expect(found.toSorted()).toEqual([
    expect.stringMatching(/^nodepool nodes different/),
    'omegaml database absent',
    expect.stringMatching(/^omegaml namespace different: .*ResourceQuota/),
    'registry secret absent',
    'runtime workers absent',
    expect.stringMatching(/^storage claim different: the cloud's volume .* is different/),
  ])
  expect(await mend('drift')).toEqual([])
  expect((await compare()).drift).toEqual([])
  expect(await lookAtWorld(outside, adapters)).toEqual(before)
})
