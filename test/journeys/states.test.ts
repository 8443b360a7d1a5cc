import { afterEach, beforeEach, expect, test } from 'vitest'
import { rootLock } from '../../src/clusters/terraform-states.ts'
import { submitCommand } from '../../src/commands/submit.ts'
import { type Service, startService } from './house.ts'

const root = 'nodepool-alice-gpu'
const machine = (name: string) => ({
  mode: 'managed',
  module: 'module.nodepool',
  type: 'localcloud_machine',
  name,
  instances: [{ attributes: { token: 'geheim' } }],
})
const state = (serial: number, names: readonly string[]) =>
  JSON.stringify({ version: 4, serial, lineage: 'l1', resources: names.map(machine) })

let service: Service
let admin: ReturnType<Service['as']>

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  await service.states.write(root, state(1, ['a']), undefined)
  await service.states.write(root, state(2, ['a', 'b']), undefined)
  await service.states.write(root, state(3, []), undefined)
})
afterEach(async () => await service.close())

const url = (word = '') => `/api/v2/states/${root}${word}`
const ended = async (id: number) => {
  await service.ended(id)
  return (await admin.get(`/api/v2/commands/${id}`)).body
}

/** A task that works on the root, as far as its rows tell. */
async function working(): Promise<void> {
  const order = { plan: 'comparison', phase: 'install', requestedBy: 'admin', lane: 'other' } as const
  const command = await submitCommand(service.db, order)
  await service.ended(command.id)
  const task = await service.db
    .selectFrom('tasks')
    .select(['id'])
    .where('command_id', '=', command.id)
    .executeTakeFirstOrThrow()
  const running = { state: 'running', fencing: 9, lease_until: Date.now() + 600_000 } as const
  await service.db.updateTable('tasks').set(running).where('id', '=', task.id).execute()
  const lock = { name: rootLock(root), task_id: task.id, fencing: 9, taken_at: Date.now() }
  await service.db.insertInto('locks').values(lock).execute()
}

test('states are told with what they manage, and without a value', async () => {
  const { body } = await admin.get('/api/v2/states')
  expect(body.states).toEqual([
    expect.objectContaining({ root, version: 3, serial: 3, resources: 0, changedAt: expect.any(String) }),
  ])
  const shown = (await admin.get(url())).body
  expect(shown.addresses).toEqual([])
  expect(shown.versions).toMatchObject([
    { version: 3, resources: 0 },
    { version: 2, serial: 2, resources: 2 },
    { version: 1, resources: 1 },
  ])
  const second = (await admin.get(url('/versions/2'))).body
  expect(second.addresses).toEqual(['module.nodepool.localcloud_machine.a', 'module.nodepool.localcloud_machine.b'])
  expect(JSON.stringify([body, shown, second])).not.toContain('geheim')
})

test('a version is restored by the engine: serial raised, told, in the audit', async () => {
  const { status, body } = await admin.post(url('/restore'), { version: 2 })
  expect(status).toBe(201)
  expect(await ended(body.id)).toMatchObject({ plan: 'terraform-state', state: 'done' })
  expect(JSON.parse((await service.states.read(root)) ?? '')).toEqual(JSON.parse(state(4, ['a', 'b'])))
  expect((await admin.get(url())).body).toMatchObject({ version: 4, serial: 4, resources: 2 })
  const { entries } = (await admin.get('/api/v2/audit?action=state.restore')).body
  expect(entries).toMatchObject([{ actor: 'admin', subject: root, details: { version: 2, command: body.id } }])
})

test('what was written between order and restore is not put aside', async () => {
  await service.engine.stop()
  const { body } = await admin.post(url('/restore'), { version: 2 })
  await service.states.write(root, state(4, ['c']), undefined)
  await service.restart()
  const command = await ended(body.id)
  expect([command.state, command.message]).toEqual(['failed', expect.stringContaining('moved on')])
  expect(await service.states.read(root)).toBe(state(4, ['c']))
})

test('a lock is told with its holder; while they live nothing is restored and nobody unlocks', async () => {
  await working()
  const info = '{"ID":"one","Who":"root@engine"}'
  await service.db.updateTable('terraform_states').set({ lock_id: 'one', lock_info: info, locked_at: 1 }).execute()
  const lock = { holder: expect.stringMatching(/^step \w+ of command \d+ \(root@engine\)$/), alive: true }
  expect((await admin.get(url())).body).toMatchObject({ lock: { ...lock, since: '1970-01-01T00:00:00.001Z' } })
  for (const [word, body] of [
    ['/restore', { version: 1 }],
    ['/unlock', {}],
  ] as const)
    expect((await admin.post(url(word), body)).body).toMatchObject({ status: 409, code: 'state-locked' })

  await service.db.deleteFrom('locks').where('name', '=', rootLock(root)).execute()
  expect((await admin.get(url())).body.lock).toMatchObject({ alive: false })
  const refused = (await admin.post(url('/restore'), { version: 1 })).body
  expect([refused.code, refused.detail]).toEqual(['state-locked', expect.stringContaining(`state unlock ${root}`)])
  const { body } = await admin.post(url('/unlock'))
  expect(await ended(body.id)).toMatchObject({ state: 'done' })
  expect((await admin.get(url())).body.lock).toBeUndefined()
  expect((await admin.get('/api/v2/audit?action=state.unlock')).body.entries).toMatchObject([{ subject: root }])
})

test('what is not there is named', async () => {
  expect((await admin.get('/api/v2/states/nodepool-x')).body).toMatchObject({ status: 404, code: 'state-unknown' })
  expect((await admin.post('/api/v2/states/nodepool-x/unlock')).status).toBe(404)
  const missing = (await admin.post(url('/restore'), { version: 99 })).body
  expect(missing).toMatchObject({ status: 404, code: 'state-version-unknown' })
  expect((await admin.post(url('/restore'), { version: 'newest' })).status).toBe(400)
})

test('states are for admins', async () => {
  const { body } = await admin.post('/api/v2/accounts', { name: 'bob', email: 'bob@example.org' })
  await service.ended(body.command)
  const bob = service.as('bob', body.apikey)
  const asked = [bob.get('/api/v2/states'), bob.get(url()), bob.get(url('/versions/1'))]
  const ordered = [bob.post(url('/restore'), { version: 1 }), bob.post(url('/unlock'))]
  for (const { status } of await Promise.all([...asked, ...ordered])) expect(status).toBe(403)
  expect((await service.anybody.get('/api/v2/states')).status).toBe(401)
  expect(await service.states.read(root)).toBe(state(3, []))
})
