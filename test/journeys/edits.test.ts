import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { type Service, startService } from './house.ts'

type Caller = ReturnType<Service['as']>

let service: Service
let admin: Caller
let alice: Caller

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  const made = await admin.post('/api/v2/accounts', { name: 'alice', email: 'alice@example.org' })
  alice = service.as('alice', made.body.apikey)
  await service.ended(made.body.command)
})
afterEach(async () => await service.close())

const person = async (name: string, more: object = {}) =>
  (await admin.post('/api/v2/accounts', { name, email: `${name}@example.org`, ...more })).body

test('the same key again makes one group, and its answer comes again', async () => {
  const key = { 'idempotency-key': 'g1' }
  const first = await admin.post('/api/v2/groups', { name: 'team', owner: 'alice' }, key)
  const again = await admin.post('/api/v2/groups', { name: 'team', owner: 'alice' }, key)
  expect([first.status, again.status]).toEqual([201, 201])
  expect(again.body.command).toBe(first.body.command)
  expect(await admin.post('/api/v2/groups', { name: 'other' }, key)).toMatchObject({
    status: 409,
    body: { code: 'idempotency-key-reused' },
  })
  expect((await admin.post('/api/v2/groups', { name: 'team' })).status).toBe(409)
})

test('the same key again gives a group new passwords once', async () => {
  const made = await admin.post('/api/v2/groups', { name: 'team', owner: 'alice' })
  await service.ended(made.body.command)
  const key = { 'idempotency-key': 'r1' }
  const first = await alice.post('/api/v2/groups/team/rotate', {}, key)
  await service.ended(first.body.command)
  expect((await alice.post('/api/v2/groups/team/rotate', {}, key)).body.command).toBe(first.body.command)
  const other = await alice.post('/api/v2/groups/team/rotate', {}, { 'idempotency-key': 'r2' })
  expect(other.body.command).toBeGreaterThan(first.body.command)
})

test('the same key again makes sure of deployments once', async () => {
  const key = { 'idempotency-key': 'e1' }
  const ids = async () =>
    (await admin.post('/api/v2/deployments/ensure', {}, key)).body.commands.map(({ id }: { id: number }) => id)
  const first = await ids()
  expect(first.length).toBeGreaterThan(0)
  expect(await ids()).toEqual(first)
})

test('orders, accounts and credentials: the same key again is the same order', async () => {
  const posts: [Caller, string, object][] = [
    [admin, '/api/v2/accounts', { name: 'carol', email: 'carol@example.org' }],
    [alice, '/api/v2/orders', { plan: 'runtime', phase: 'install', params: { label: 'gold' } }],
    [alice, '/api/v2/accounts/alice/credentials/rotate', {}],
  ]
  for (const [caller, url, body] of posts) {
    const key = { 'idempotency-key': url }
    const first = await caller.post(url, body, key)
    const again = url.endsWith('rotate') ? service.as('alice', first.body.apikey) : caller
    const second = await again.post(url, body, key)
    expect([url, second.status]).toEqual([url, first.status])
    expect([second.body.id, second.body.command]).toEqual([first.body.id, first.body.command])
  }
})

test('the same key again continues or cancels an order once', async () => {
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'the chart says no'))
  const wish = { plan: 'runtime', phase: 'install', params: { label: 'gold' } }
  const { id } = (await alice.post('/api/v2/orders', wish)).body
  await service.ended(id)
  const retry = async (key: string) => await alice.post(`/api/v2/commands/${id}/retry`, {}, { 'idempotency-key': key })
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'the chart says no again'))
  expect((await retry('one')).status).toBe(202)
  await service.ended(id)
  // It has failed again, but this is the request of before.
  expect(await retry('one')).toMatchObject({ status: 202, body: { state: 'failed' } })
  expect((await admin.post(`/api/v2/commands/${id}/retry`, {}, { 'idempotency-key': 'one' })).status).toBe(202)
  await service.ended(id)
  expect(await retry('two')).toMatchObject({ status: 409, body: { code: 'command-not-failed' } })

  await service.engine.stop()
  const waiting = (await alice.post('/api/v2/orders', { ...wish, params: { label: 'silver' } })).body.id
  const cancel = async (headers: Record<string, string>) =>
    await alice.post(`/api/v2/commands/${waiting}/cancel`, {}, headers)
  for (const _ of [1, 2]) {
    expect(await cancel({ 'idempotency-key': 'one' })).toMatchObject({ status: 202, body: { state: 'failed' } })
  }
  expect((await cancel({})).status).toBe(409)
})

test('who edits an account that another has changed since learns it, and changes nothing', async () => {
  await person('helper', { role: 'staff', rights: [] })
  const { etag } = (await admin.get('/api/v2/accounts/helper')).body
  const url = '/api/v2/accounts/helper'
  const change = (rights: string[], ifMatch: string) =>
    admin.patch(url, { role: 'staff', rights }, { 'if-match': ifMatch })
  const mine = await change(['audit:read'], etag)
  expect(mine.status).toBe(200)
  expect(await change(['accounts:read'], etag)).toMatchObject({ status: 412, body: { code: 'changed-since' } })
  expect((await admin.get(url)).body.rights).toEqual(['audit:read'])
  expect((await change(['accounts:read'], mine.body.etag)).status).toBe(200)
  expect((await change([], '*')).status).toBe(200)
})

test('of two edits of a group at once with the same etag one wins', async () => {
  await admin.post('/api/v2/groups', { name: 'team', owner: 'alice' })
  for (const name of ['bobby', 'carol']) await person(name)
  const { etag } = (await alice.get('/api/v2/groups/team')).body
  const put = (name: string) => alice.put(`/api/v2/groups/team/members/${name}`, {}, { 'if-match': etag })
  const statuses = (await Promise.all([put('bobby'), put('carol')])).map(({ status }) => status)
  expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 412])
  const group = (await alice.get('/api/v2/groups/team')).body
  expect(group.members).toHaveLength(2)
  expect((await alice.delete('/api/v2/groups/team/members/alice', { 'if-match': etag })).status).toBe(412)
  expect((await admin.delete('/api/v2/groups/team', { 'if-match': etag })).status).toBe(412)
  expect((await admin.delete('/api/v2/groups/team', { 'if-match': group.etag })).status).toBe(202)
})

test('lists come in pages and can be filtered', async () => {
  for (const name of ['bobby', 'carol', 'c100']) await person(name)
  await person('helper', { role: 'staff', rights: [] })
  await admin.post('/api/v2/groups', { name: 'blue', owner: 'alice' })
  await admin.post('/api/v2/groups', { name: 'red', owner: 'bobby' })
  const names = async (query: string, caller = admin) =>
    (await caller.get(`/api/v2/accounts?${query}`)).body.accounts?.map(({ userid }: { userid: string }) => userid)
  expect(await names('role=staff')).toEqual(['helper'])
  expect(await names('search=aro')).toEqual(['carol'])
  expect(await names('search=BOBBY%40example')).toEqual(['bobby'])
  // Marks of SQL are letters like others.
  expect(await names('search=c_00')).toEqual([])
  expect(await names('search=%25')).toEqual([])
  const first = (await admin.get('/api/v2/accounts?limit=2&role=user')).body
  expect(first).toMatchObject({ accounts: [{ userid: 'alice' }, { userid: 'bobby' }], next: 'bobby' })
  expect(await names(`limit=1&role=user&after=${first.next}`)).toEqual(['c100'])

  const groups = async (query: string, caller = admin) => await caller.get(`/api/v2/groups?${query}`)
  expect((await groups('member=bobby')).body.groups).toMatchObject([{ name: 'red' }])
  expect((await groups('limit=1')).body).toMatchObject({ groups: [{ name: 'blue' }], next: 'blue' })
  expect((await groups('limit=1&after=blue')).body.groups).toMatchObject([{ name: 'red' }])
  expect((await groups('', alice)).body.groups).toMatchObject([{ name: 'blue' }])
  expect((await groups('member=bobby', alice)).status).toBe(403)
  expect((await groups('member=nobody')).status).toBe(404)

  const commands = async (query: string) => (await alice.get(`/api/v2/commands?${query}`)).body
  await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install' })
  expect((await commands('phase=update')).commands).toMatchObject([{ plan: 'omegaml', phase: 'update' }])
  expect((await commands('plan=runtime&phase=install')).commands).toHaveLength(1)
  const page = await commands('limit=1')
  expect((await commands(`limit=1&before=${page.next}`)).commands[0].id).toBeLessThan(page.commands[0].id)
  expect((await alice.get('/api/v2/commands?phase=never')).status).toBe(400)
})
