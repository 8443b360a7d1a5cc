import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { type Service, startService } from './house.ts'

/** What failed stays to be seen, and can always be removed. */
let service: Service
let admin: ReturnType<Service['as']>
let alice: ReturnType<Service['as']>

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  alice = service.as('alice', await signUp('alice'))
})
afterEach(async () => await service.close())

async function signUp(name: string): Promise<string> {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  return body.apikey as string
}

async function order(phase: string, plan: string, params: object = {}, by = alice, account = 'alice') {
  const { status, body } = await by.post('/api/v2/orders', { plan, phase, params, account })
  expect([status, body.code]).toEqual([201, undefined])
  await service.ended(body.id)
  return (await admin.get(`/api/v2/commands/${body.id}`)).body
}

const listed = async (plan: string) =>
  (await admin.get(`/api/v2/deployments?plan=${plan}&account=alice`)).body.deployments
const secrets = async () =>
  (await service.outside.kubernetes.list({ apiVersion: 'v1', kind: 'Secret' })).map(({ metadata }) => metadata.name)

test('an install that failed half way stays listed, is removed, and can be had again', async () => {
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'the chart says no'))
  expect(await order('install', 'runtime', { label: 'work' })).toMatchObject({ state: 'failed' })
  expect(await listed('runtime')).toMatchObject([{ state: 'failed', message: expect.stringContaining('says no') }])
  expect(await secrets()).toEqual(['runtime-work'])

  expect(await order('remove', 'runtime')).toMatchObject({ state: 'done' })
  expect(await listed('runtime')).toEqual([])
  expect([await secrets(), await service.outside.helm.list()]).toEqual([[], []])
  expect(await order('install', 'runtime', { label: 'work' })).toMatchObject({ state: 'done' })
})

test('an install that was cancelled before it began is removed like any other', async () => {
  await service.engine.stop()
  const { body } = await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install', params: { label: 'work' } })
  await alice.post(`/api/v2/commands/${body.id}/cancel`)
  expect(await listed('runtime')).toMatchObject([{ state: 'failed' }])
  await service.restart()
  expect(await order('remove', 'runtime')).toMatchObject({ state: 'done' })
  expect(await listed('runtime')).toEqual([])
})

test('a removal that failed stays listed, and works when it is ordered again', async () => {
  await order('install', 'runtime', { label: 'work' })
  service.outside.kubernetes.failWith(new AppError('forbidden', 'kubernetes-forbidden', 'the cluster says no'))
  expect(await order('remove', 'runtime')).toMatchObject({ state: 'failed' })
  expect(await listed('runtime')).toMatchObject([
    { state: 'failed', serves: false, message: expect.stringContaining('says no') },
  ])
  service.outside.kubernetes.failWith(undefined)
  expect(await order('remove', 'runtime')).toMatchObject({ state: 'done' })
  expect([await listed('runtime'), await secrets(), await service.outside.helm.list()]).toEqual([[], [], []])
})

test('nodes of a type that does not exist are removed although their type means nothing', async () => {
  expect(await order('install', 'nodepool', { name: 'big', 'node-type': 'huge' })).toMatchObject({ state: 'failed' })
  expect(await order('remove', 'nodepool')).toMatchObject({ state: 'done' })
  expect(await listed('nodepool')).toEqual([])
})

test('a copy goes although the account that it came from is gone', async () => {
  await signUp('bob')
  expect(await order('install', 'migrateuserdb', { from: 'bob' }, admin)).toMatchObject({ state: 'done' })
  await service.ended((await admin.delete('/api/v2/accounts/bob')).body.command)
  expect(await order('remove', 'migrateuserdb', {}, admin)).toMatchObject({ state: 'done' })
})

test('an account goes with everything that failed for it, also when its first removal failed', async () => {
  await signUp('bob')
  await order('install', 'migrateuserdb', { from: 'bob' }, admin)
  await service.ended((await admin.delete('/api/v2/accounts/bob')).body.command)
  await order('install', 'nodepool', { name: 'big', 'node-type': 'huge' })
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'the chart says no'))
  await order('install', 'runtime', { label: 'work' })

  service.outside.kubernetes.failWith(new AppError('forbidden', 'kubernetes-forbidden', 'the cluster says no'))
  await service.ended((await admin.delete('/api/v2/accounts/alice')).body.command)
  expect((await admin.get('/api/v2/accounts/alice')).body.status).toBe('failed')
  service.outside.kubernetes.failWith(undefined)
  await service.ended((await admin.delete('/api/v2/accounts/alice')).body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
  expect((await service.outside.mongodb.listUsers()).filter(({ account }) => account === 'alice')).toEqual([])
})

test('an account takes along what was ordered and had not begun', async () => {
  await service.engine.stop()
  await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install', params: { label: 'work' } })
  const { body } = await admin.delete('/api/v2/accounts/alice')
  await service.restart()
  await service.ended(body.command)
  expect([await secrets(), await service.outside.helm.list()]).toEqual([[], []])
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})

test('an account stays while the removal of a service is cancelled before it, and goes when it is removed again', async () => {
  await order('install', 'runtime', { label: 'work' })
  await service.engine.stop()
  const first = (await admin.delete('/api/v2/accounts/alice')).body.command
  const [removal] = (await admin.get('/api/v2/commands?plan=runtime&phase=remove')).body.commands
  await admin.post(`/api/v2/commands/${removal.id}/cancel`)
  await service.restart()
  await service.ended(first)
  expect((await admin.get(`/api/v2/commands/${first}`)).body).toMatchObject({
    state: 'failed',
    message: expect.stringMatching(/runtime work of account alice is still there.*remove the account again/),
  })
  expect(await service.outside.helm.list()).toHaveLength(1)

  await service.ended((await admin.delete('/api/v2/accounts/alice')).body.command)
  expect([await secrets(), await service.outside.helm.list()]).toEqual([[], []])
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})
