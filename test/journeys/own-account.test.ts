import { afterEach, beforeEach, expect, test } from 'vitest'
import { browserOf } from '../../src/api/testing-browser.ts'
import { type Service, startService } from './house.ts'

let service: Service
let admin: ReturnType<Service['as']>

const password = 'a long password'
const other = 'another long one'

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
})
afterEach(async () => await service.close())

async function make(name: string, more: object = {}) {
  const wish = { name, email: `${name}@example.org`, password, ...more }
  const { status, body } = await admin.post('/api/v2/accounts', wish)
  expect(status).toBe(201)
  if (body.command !== undefined) await service.ended(body.command)
  return { ...service.as(name, body.apikey), apikey: body.apikey as string }
}

const signIn = async (login: string, word = password) =>
  await service.anybody.post('/api/v2/session', { login, password: word })
const mailsTo = async (to: string) => (await admin.get(`/api/v2/mails?to=${to}`)).body.mails
const tokenFor = async (to: string) => /token=(\w+)/.exec((await mailsTo(to))[0].text)?.[1] ?? 'no token'
const audited = async (action: string) =>
  await service.db.selectFrom('audit_log').select(['actor', 'subject']).where('action', '=', action).execute()

test('a forgotten password is replaced by a link, which ends every session', async () => {
  await make('alice')
  const browser = browserOf(service)
  await browser.post('/api/v2/session', { login: 'alice', password })
  const forgot = async (email: string) => (await service.anybody.post('/api/v2/password/forgot', { email })).status
  expect([await forgot('Alice@example.org'), await forgot('nobody@example.org')]).toEqual([202, 202])
  expect(await mailsTo('nobody@example.org')).toEqual([])
  await forgot('alice@example.org')
  expect((await mailsTo('alice@example.org')).map((mail: { kind: string }) => mail.kind)).toEqual(['reset-password'])

  const token = await tokenFor('alice@example.org')
  const reset = async (word: string) => await service.anybody.post('/api/v2/password/reset', { token, password: word })
  expect((await reset('short')).body.code).toBe('password-invalid')
  expect(await reset(other)).toMatchObject({ status: 200, body: { userid: 'alice' } })
  expect((await reset(other)).body.code).toBe('token-invalid')
  expect([(await signIn('alice')).status, (await signIn('alice', other)).status]).toEqual([401, 200])
  expect((await browser.get('/api/v2/session')).status).toBe(401)
  expect((await mailsTo('alice@example.org'))[0].kind).toBe('password-changed')
  expect(await audited('account.reset-password')).toEqual([{ actor: 'alice', subject: 'alice' }])
})

test('a password is changed by who knows the one before, and by nobody else', async () => {
  const alice = await make('alice')
  const browser = browserOf(service)
  await browser.post('/api/v2/session', { login: 'alice', password })
  const change = async (current: string, fresh = other) =>
    await browser.post('/api/v2/accounts/alice/password', { current, new: fresh })
  expect(await change('wrong password')).toMatchObject({
    status: 403,
    body: { code: 'password-wrong', errors: [{ field: 'current' }] },
  })
  expect((await change(password, 'short')).body.errors).toMatchObject([{ field: 'new' }])
  const byAdmin = await admin.post('/api/v2/accounts/alice/password', { current: password, new: other })
  expect(byAdmin.status).toBe(403)
  expect((await change(password)).status).toBe(204)
  expect((await browser.get('/api/v2/session')).status).toBe(401)
  expect([(await signIn('alice')).status, (await signIn('alice', other)).status]).toEqual([401, 200])
  expect((await alice.get('/api/v2/accounts/alice')).status).toBe(200)
})

test('a new address counts once it is confirmed, and the old one is told', async () => {
  const alice = await make('alice')
  await make('bobby')
  const change = async (email: string) => (await alice.post('/api/v2/accounts/alice/email', { email })).status
  await service.anybody.post('/api/v2/password/forgot', { email: 'alice@example.org' })
  const oldReset = await tokenFor('alice@example.org')
  expect(await change('bobby@example.org')).toBe(202)
  expect((await mailsTo('bobby@example.org'))[0].kind).toBe('account-known')
  expect(await change('new@example.org')).toBe(202)
  expect((await alice.get('/api/v2/accounts/alice')).body.email).toBe('alice@example.org')

  const token = await tokenFor('new@example.org')
  const confirmed = await service.anybody.post('/api/v2/signup/confirm', { token })
  expect(confirmed).toMatchObject({ status: 200, body: { userid: 'alice', email: 'new@example.org' } })
  expect((await mailsTo('alice@example.org'))[0].kind).toBe('mail-changed')
  expect([(await signIn('alice@example.org')).status, (await signIn('new@example.org')).status]).toEqual([401, 200])
  const late = await service.anybody.post('/api/v2/password/reset', { token: oldReset, password: other })
  expect(late.body.code).toBe('token-invalid')
})

test('an address that somebody else took meanwhile is not taken twice', async () => {
  const alice = await make('alice')
  await alice.post('/api/v2/accounts/alice/email', { email: 'carol@example.org' })
  await make('carol')
  const confirmed = await service.anybody.post('/api/v2/signup/confirm', { token: await tokenFor('carol@example.org') })
  expect(confirmed).toMatchObject({ status: 409, body: { code: 'email-taken' } })
})

test('keys are made, listed, and revoked by their owner; made by nobody else', async () => {
  const alice = await make('alice')
  const bobby = await make('bobby')
  const expiresAt = new Date(service.deps.clock.now() + 3_600_000).toISOString()
  const made = await alice.post('/api/v2/accounts/alice/keys', { name: 'ci', expiresAt })
  expect(made).toMatchObject({ status: 201, body: { name: 'ci', main: false, expiresAt } })
  const ci = service.as('alice', made.body.apikey)
  expect((await ci.get('/api/v1/config/')).body.objects[0].data.OMEGA_APIKEY).toBe(alice.apikey)

  await service.deps.accounts.writeLastUse()
  const { keys } = (await alice.get('/api/v2/accounts/alice/keys')).body
  expect(keys).toMatchObject([
    { name: 'default', main: true, lastUsedAt: expect.any(String) },
    { name: 'ci', main: false },
  ])
  expect(JSON.stringify(keys)).not.toContain(made.body.apikey)

  for (const caller of [bobby, admin]) {
    expect((await caller.post('/api/v2/accounts/alice/keys', { name: 'x' })).status).toBe(403)
  }
  expect((await bobby.get('/api/v2/accounts/alice/keys')).status).toBe(403)
  expect((await bobby.delete(`/api/v2/accounts/alice/keys/${made.body.id}`)).status).toBe(403)
  expect((await bobby.delete(`/api/v2/accounts/bobby/keys/${made.body.id}`)).body.code).toBe('api-key-unknown')
  expect((await alice.delete(`/api/v2/accounts/alice/keys/${keys[0].id}`)).body.code).toBe('api-key-main')
  const again = await alice.post('/api/v2/accounts/alice/keys', { name: 'ci' })
  expect(again).toMatchObject({ status: 409, body: { code: 'api-key-exists' } })
  const bad = await alice.post('/api/v2/accounts/alice/keys', { name: '', expiresAt: '2020-01-01T00:00:00Z' })
  expect(bad.body.errors.map((error: { field: string }) => error.field)).toEqual(['name', 'expiresAt'])

  const sent = { 'idempotency-key': 'once' }
  const once = await alice.post('/api/v2/accounts/alice/keys', { name: 'once' }, sent)
  expect(once.status).toBe(201)
  for (const name of ['once', 'another']) {
    const { status, body } = await alice.post('/api/v2/accounts/alice/keys', { name }, sent)
    expect([status, body]).toMatchObject([409, { code: 'api-key-made', details: { id: once.body.id, name: 'once' } }])
    expect(JSON.stringify(body)).not.toContain(once.body.apikey)
  }
  expect((await alice.get('/api/v2/accounts/alice/keys')).body.keys).toHaveLength(3)
  // Of another account it is another request.
  expect((await bobby.post('/api/v2/accounts/bobby/keys', { name: 'once' }, sent)).status).toBe(201)

  expect((await alice.delete(`/api/v2/accounts/alice/keys/${made.body.id}`)).status).toBe(204)
  expect((await ci.get('/api/v2/accounts/alice')).status).toBe(401)
  expect(await audited('key.revoke')).toEqual([{ actor: 'alice', subject: 'alice' }])
})

test('an expired key ends by itself', async () => {
  const alice = await make('alice')
  const expiresAt = new Date(service.deps.clock.now() + 3_600_000).toISOString()
  const { apikey } = (await alice.post('/api/v2/accounts/alice/keys', { name: 'ci', expiresAt })).body
  service.pass(3_600_000)
  expect((await service.as('alice', apikey).get('/api/v1/config/')).status).toBe(401)
})

test('a deactivated account has no way in, not even to its database, and comes back with its data', async () => {
  const alice = await make('alice')
  const browser = browserOf(service)
  await browser.post('/api/v2/session', { login: 'alice', password })
  const url = (await alice.get('/api/v1/config/')).body.objects[0].data.OMEGA_MONGO_URL
  const before = new URL(url)
  const { status, body } = await admin.post('/api/v2/accounts/alice/deactivate')
  expect([status, body]).toMatchObject([200, { status: 'disabled' }])
  await service.ended(body.command)
  expect((await alice.get('/api/v1/config/')).status).toBe(401)
  expect((await browser.get('/api/v2/session')).status).toBe(401)
  expect((await signIn('alice')).body.code).toBe('account-disabled')
  expect(await service.outside.mongodb.canLogin(before.username, before.password)).toBe(false)
  expect((await admin.get('/api/v2/accounts/alice')).body.status).toBe('disabled')

  expect((await admin.post('/api/v2/accounts/alice/activate')).body.status).toBe('active')
  const after = new URL((await alice.get('/api/v1/config/')).body.objects[0].data.OMEGA_MONGO_URL)
  expect([after.username, after.pathname]).toEqual([before.username, before.pathname])
  expect((await admin.post('/api/v2/accounts/alice/activate')).body.code).toBe('account-state-wrong')
  for (const name of ['admin', 'omworker']) {
    expect((await admin.post(`/api/v2/accounts/${name}/deactivate`)).body.code).toBe('account-needed')
  }
})

test('a removal that was under way does not erase an account that was only switched off', async () => {
  await make('alice')
  const { body } = await admin.post('/api/v2/accounts/alice/deactivate')
  await service.ended(body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(200)
  const removal = await admin.delete('/api/v2/accounts/alice')
  await service.ended(removal.body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})

test('staff does what it was granted, to users, and sees nobody’s credentials', async () => {
  const alice = await make('alice')
  const staff = await make('helper', { role: 'staff', rights: ['accounts:read', 'accounts:update'] })
  expect((await staff.get('/api/v2/accounts')).status).toBe(200)
  expect((await staff.get('/api/v2/accounts/alice')).status).toBe(200)
  expect((await staff.post('/api/v2/accounts/alice/deactivate')).status).toBe(200)
  expect((await staff.post('/api/v2/accounts/alice/activate')).status).toBe(200)
  const wish = { name: 'dave', email: 'dave@example.org' }
  expect((await staff.post('/api/v2/accounts', wish)).body.code).toBe('right-missing')
  for (const url of ['/api/v2/accounts/alice/credentials', '/api/v2/accounts/admin', '/api/v2/mails']) {
    expect((await staff.get(url)).status).toBe(403)
  }
  expect((await staff.delete('/api/v2/accounts/alice')).status).toBe(403)
  expect((await staff.post('/api/v2/accounts/admin/email', { email: 'x@example.org' })).status).toBe(403)

  const granted = { role: 'staff', rights: ['accounts:create'] }
  expect((await staff.patch('/api/v2/accounts/helper', granted)).body.code).toBe('admins-only')
  expect((await admin.patch('/api/v2/accounts/helper', granted)).body).toMatchObject(granted)
  expect((await staff.get('/api/v2/accounts')).status).toBe(403)
  expect((await staff.post('/api/v2/accounts', wish)).status).toBe(201)
  expect((await staff.post('/api/v2/accounts', { ...wish, role: 'admin' })).body.code).toBe('role-for-admins')
  expect((await admin.patch('/api/v2/accounts/alice', granted)).body.code).toBe('account-delivered')
  expect((await admin.patch('/api/v2/accounts/admin', granted)).body.code).toBe('account-needed')
  expect((await alice.get('/api/v2/accounts/helper')).status).toBe(403)
})
