import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { signedInAs } from '../../src/api/testing.ts'
import { type Service, startService } from './house.ts'

/** Whoever comes in gets a command of plan `signup`, which orders the account's own plan. */
let service: Service
let admin: ReturnType<Service['as']>

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  await service.engine.stop()
})
afterEach(async () => await service.close())

async function create(name = 'alice') {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  return { ...service.as(name, body.apikey), apikey: body.apikey as string, command: body.command as number }
}

const plansOf = async (name: string): Promise<string[]> =>
  (await admin.get(`/api/v2/commands?account=${name}`)).body.commands.map(({ plan }: { plan: string }) => plan)

test('the sign-up orders the service, lasts as long as its delivery, and is followed to the end', async () => {
  const alice = await create()
  expect(await plansOf('alice')).toEqual(['signup'])
  await service.restart()
  const events = await service.open.inject({
    url: `/api/v2/commands/${alice.command}/events`,
    headers: signedInAs('alice', alice.apikey),
  })
  const told = events.body.split('\n\n').filter((event) => event.includes('event: state'))
  const states = told.map((event) => JSON.parse(/data: (.*)/.exec(event)?.[1] ?? ''))
  expect(events.body).toContain('event: end')
  expect(states.at(-1)).toMatchObject({ id: alice.command, plan: 'signup', state: 'done', status: 5 })
  expect(states.at(-1).steps.map(({ step, state }: Record<string, string>) => `${step} ${state}`)).toEqual(
    ['service', 'database', 'broker', 'namespace', 'home', 'notebook'].map((step) => `${step} done`),
  )
  expect((await alice.get('/api/v2/accounts/alice')).body.status).toBe('active')
  // It is no deployment: nothing of it is listed, and nothing keeps the account.
  expect((await alice.get('/api/v2/deployments')).body.deployments).toMatchObject([{ plan: 'omegaml' }])
  const removal = await admin.delete('/api/v2/accounts/alice')
  await service.ended(removal.body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})

test('what is ordered before the sign-up has begun comes after the service', async () => {
  const alice = await create()
  const { status, body } = await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install' })
  expect([status, body.waitsFor]).toMatchObject([201, { command: alice.command, plan: 'signup' }])
  await service.restart()
  await service.ended(body.id)
  expect((await alice.get(`/api/v2/commands/${body.id}`)).body.state).toBe('done')
  const { deployments } = (await alice.get('/api/v2/deployments')).body
  expect(deployments.toReversed()).toMatchObject([
    { plan: 'omegaml', state: 'active', params: { vhost: true } },
    { plan: 'runtime', state: 'active' },
  ])
})

test('who is removed before the sign-up has begun is delivered nothing', async () => {
  await create()
  const removal = await admin.delete('/api/v2/accounts/alice')
  await service.restart()
  await service.ended(removal.body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
  const plans = await service.db.selectFrom('commands').select(['plan', 'phase', 'status']).orderBy('id').execute()
  expect(plans.slice(1)).toEqual([
    { plan: 'signup', phase: 'install', status: 5 },
    { plan: 'omegaml', phase: 'remove', status: 5 },
  ])
  expect((await service.outside.mongodb.listUsers()).some(({ account }) => account === 'alice')).toBe(false)
})

test('a delivery that failed is told by the sign-up, and continued by it', async () => {
  const alice = await create()
  service.outside.kubernetes.failWith(new AppError('forbidden', 'kubernetes-forbidden', 'no rights'))
  await service.restart()
  await service.ended(alice.command)
  const path = `/api/v2/commands/${alice.command}`
  const seen = (await admin.get(path)).body
  expect(seen).toMatchObject({ plan: 'signup', state: 'failed', status: 9, may: ['retry', 'undo'] })
  expect(seen.message).toContain('no rights')
  expect((await admin.get('/api/v2/commands?account=alice')).body.commands[1]).toMatchObject({ state: 'failed' })
  service.outside.kubernetes.failWith(undefined)
  expect((await admin.post(`${path}/retry`)).body).toMatchObject({ plan: 'omegaml', issuedBy: alice.command })
  await service.ended(alice.command)
  expect((await alice.get(path)).body).toMatchObject({ state: 'done', may: [] })
})

test('a sign-up that can’t order anything says so, and the account with it', async () => {
  await create('bobby')
  const alice = await create()
  // As a row that our API did not write.
  await service.db.updateTable('commands').set({ requested_by: 'bobby' }).where('id', '=', alice.command).execute()
  await service.restart()
  await service.ended(alice.command)
  expect((await alice.get('/api/v2/accounts/alice')).body).toMatchObject({
    status: 'failed',
    statusDetail: expect.stringContaining('bobby may not order for alice'),
  })
  const again = await admin.post('/api/v2/orders', { plan: 'signup', phase: 'install', account: 'alice' })
  await service.ended(again.body.id)
  expect((await alice.get('/api/v2/accounts/alice')).body.status).toBe('active')
})

test('admins order it again, as the client too; users neither see nor order it', async () => {
  const alice = await create()
  await service.restart()
  await service.ended(alice.command)
  const listed = async (caller: typeof admin) =>
    (await caller.get('/api/v2/plans')).body.plans.map(({ plan }: { plan: string }) => plan)
  expect([(await listed(admin)).includes('signup'), (await listed(alice)).includes('signup')]).toEqual([true, false])
  const wish = { plan: 'signup', phase: 'install' }
  expect((await alice.post('/api/v2/orders', wish)).body).toMatchObject({ status: 403, code: 'plan-not-orderable' })

  const own = await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install' })
  await service.ended(own.body.id)
  const body = { offering: 'signup', user: 'alice', phase: 'install', params: 'username=alice' }
  const again = await admin.post('/admin/api/v2/service/command/', body)
  await service.ended(again.body.id)
  expect((await admin.get(`/admin/api/v2/service/command/${again.body.id}/`)).body.status).toBe('5')
  // The virtual host that the runtime needs stays.
  expect((await alice.get('/api/v2/deployments?plan=omegaml')).body.deployments[0]).toMatchObject({
    params: { vhost: true },
  })
})
