import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { AppError } from '../../src/base/errors.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { sweep } from '../../src/accounts/sweep.ts'
import { createFakeIssuer } from '../../src/adapters/openid/fake.ts'
import { createFakeMailServer } from '../../src/adapters/mail/fake.ts'
import { siteWith } from '../../src/api/testing.ts'
import { browserOf } from '../../src/api/testing-browser.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { MailSender } from '../../src/mails/sender.ts'
import { type Service, startService } from '../journeys/house.ts'
import { startMariadb, type TestMariadb } from '../support/mariadb.ts'

const values = parse(readFileSync(resolve(import.meta.dirname, '../../charts/omegaml-system/values.yaml'), 'utf8')) as {
  mysql: { apiRights: Record<string, string[]> }
}

const issuer = createFakeIssuer('http://login.test')
const keys = parseKeyRing(`k1:${Buffer.alloc(32, 1).toString('base64')}`, 'the test')
const openid = { issuer: 'http://login.test', clientId: 'site', label: 'Elsewhere', accounts: true }
const site = siteWith({ openid: { ...openid, groups: [{ value: 'lab', group: 'lab' }] } })

let mariadb: TestMariadb
let databases: { api: Db; engine: Db }
let service: Service
let admin: ReturnType<Service['as']>

beforeAll(async () => {
  mariadb = await startMariadb()
  await mariadb.sql(
    "CREATE USER cloudmgr@'%' IDENTIFIED BY 'engine-of-tests'",
    "CREATE USER omegaweb@'%' IDENTIFIED BY 'api-of-tests'",
  )
})
afterAll(async () => await mariadb?.stop())

/** Users and rights as the chart makes them. */
beforeEach(async () => {
  await mariadb.sql('DROP DATABASE IF EXISTS cloudmgr', 'CREATE DATABASE cloudmgr')
  await mariadb.sql("GRANT ALL PRIVILEGES ON cloudmgr.* TO cloudmgr@'%'", "GRANT SELECT ON cloudmgr.* TO omegaweb@'%'")
  const engine = openDatabase(mariadb.as('cloudmgr', 'engine-of-tests', 'cloudmgr'))
  await migrate(engine)
  for (const [table, rights] of Object.entries(values.mysql.apiRights)) {
    await mariadb.sql(`GRANT ${rights.join(', ')} ON cloudmgr.${table} TO omegaweb@'%'`)
  }
  databases = { engine, api: openDatabase(mariadb.as('omegaweb', 'api-of-tests', 'cloudmgr')) }
  service = await startService(databases, site, undefined, { openid: { issuer, keys } })
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
})
afterEach(async () => {
  await service.close()
  await databases.api.destroy()
  await databases.engine.destroy()
})

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}

async function signUp(name: string) {
  const { status, body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  expect(status).toBe(201)
  await service.ended(body.command)
  return service.as(name, body.apikey as string)
}

test('the API with its own rights and the engine with its own deliver, rotate and remove an account', async () => {
  const alice = await signUp('alice')
  expect((await alice.get('/api/v1/config/')).status).toBe(200)

  const rotated = (await alice.post('/api/v2/accounts/alice/credentials/rotate')).body
  await service.ended(rotated.command)
  expect((await service.as('alice', rotated.apikey).get('/api/v1/config/')).status).toBe(200)
  expect((await admin.post('/api/v2/deployments/ensure')).body.commands).toHaveLength(2)

  const { body } = await admin.delete('/api/v2/accounts/alice')
  await service.ended(body.command)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
  await signUp('alice')
})

test('a name that two ask for at once is given to one', async () => {
  const wish = { name: 'alice', email: 'alice@example.org' }
  const answers = await Promise.all(Array.from({ length: 8 }, async () => await admin.post('/api/v2/accounts', wish)))
  expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, ...Array<number>(7).fill(409)])
})

test('the same order sent many times at once is one order', async () => {
  const wish = { name: 'alice', email: 'alice@example.org' }
  const send = async () => await admin.post('/api/v2/accounts', wish, { 'idempotency-key': 'one' })
  const answers = await Promise.all(Array.from({ length: 8 }, send))
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.command)
  expect(new Set(made).size).toBe(1)
  expect((await send()).body.command).toBe(made[0])
})

test('of edits at once with the same etag one wins, and filters find what they should', async () => {
  const made = await admin.post('/api/v2/groups', { name: 'team' })
  await service.ended(made.body.command)
  const names = ['alice', 'bobby', 'carol', 'daniel']
  for (const name of names) await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  const { etag } = (await admin.get('/api/v2/groups/team')).body
  const put = (name: string) => admin.put(`/api/v2/groups/team/members/${name}`, {}, { 'if-match': etag })
  const statuses = (await Promise.all(names.map(put))).map(({ status }) => status)
  expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 412, 412, 412])
  const group = (await admin.get('/api/v2/groups/team')).body
  expect(group.members).toHaveLength(1)

  await admin.post('/api/v2/accounts', { name: 'helper', email: 'helper@example.org', role: 'staff' })
  const helper = (await admin.get('/api/v2/accounts/helper')).body
  const patch = (right: string) =>
    admin.patch('/api/v2/accounts/helper', { role: 'staff', rights: [right] }, { 'if-match': helper.etag })
  const changed = await Promise.all([patch('audit:read'), patch('accounts:read')])
  expect(changed.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 412])

  const found = async (query: string) =>
    (await admin.get(`/api/v2/accounts?${query}`)).body.accounts.map(({ userid }: { userid: string }) => userid)
  expect(await found('search=ARO')).toEqual(['carol'])
  expect(await found('search=a_ice')).toEqual([])
  expect(await found('role=staff')).toEqual(['helper'])
  const [member] = group.members
  expect((await admin.get(`/api/v2/groups?member=${member.account}`)).body.groups).toMatchObject([{ name: 'team' }])
  expect((await admin.get('/api/v2/deployments')).body.deployments[0].command).toMatchObject({ phase: 'install' })
})

test('services are ordered, changed, cancelled, undone and removed with the API’s own rights', async () => {
  const alice = await signUp('alice')
  const order = async (phase: string, params: object = {}) => {
    const { status, body } = await alice.post('/api/v2/orders', { plan: 'runtime', phase, params })
    expect([status, body.code]).toEqual([201, undefined])
    await service.ended(body.id)
    return (await alice.get(`/api/v2/commands/${body.id}`)).body
  }
  for (const label of ['gpu', 'cpu']) expect(await order('install', { label })).toMatchObject({ state: 'done' })
  expect(await order('update', { label: 'cpu', size: 2 })).toMatchObject({ state: 'done' })
  expect(await order('suspend', { label: 'cpu' })).toMatchObject({ state: 'done' })
  expect((await alice.get('/api/v2/deployments?plan=runtime')).body.deployments).toMatchObject([
    { instance: 'gpu', state: 'active' },
    { instance: 'cpu', state: 'suspended', params: { size: 2 } },
  ])
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'no'))
  const failed = await order('install', { label: 'tpu' })
  expect(failed).toMatchObject({ state: 'failed', undoes: ['workers', 'credentials'] })
  const undo = (await alice.post(`/api/v2/commands/${failed.id}/undo`)).body
  await service.ended(undo.id)
  expect(await order('remove', { label: 'gpu' })).toMatchObject({ state: 'done' })

  await service.engine.stop()
  const waiting = (await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install' })).body
  expect((await alice.post(`/api/v2/commands/${waiting.id}/cancel`)).body).toMatchObject({ state: 'failed' })
})

test('the same order sent many times at once without a key is one order', async () => {
  const alice = await signUp('alice')
  const send = async () => (await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install' })).body.id as number
  const ids = await Promise.all(Array.from({ length: 6 }, send))
  expect(new Set(ids).size).toBe(1)
})

test('sign-up, sessions, keys, tokens, groups and mails keep within the API’s rights', async () => {
  const wish = { email: 'carol@example.org', password: 'a long password' }
  const signedUp = await Promise.all(
    Array.from({ length: 6 }, async () => await service.anybody.post('/api/v2/signup', wish)),
  )
  expect(signedUp.map(({ status }) => status)).toEqual(Array<number>(6).fill(202))
  const token = async (to: string) =>
    /token=(\w+)/.exec((await admin.get(`/api/v2/mails?to=${to}`)).body.mails[0].text)?.[1] ?? ''
  const confirmation = { token: await token(wish.email) }
  const confirmed = await Promise.all(
    Array.from({ length: 4 }, async () => await service.anybody.post('/api/v2/signup/confirm', confirmation)),
  )
  expect(confirmed.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 400, 400, 400])
  await service.ended(confirmed.find(({ status }) => status === 200)?.body.command)

  const browser = browserOf(service)
  expect((await browser.post('/api/v2/session', { login: 'carol', password: wish.password })).status).toBe(200)
  const key = await browser.post('/api/v2/accounts/carol/keys', { name: 'ci' })
  expect(key.status).toBe(201)
  expect((await browser.post('/api/v2/accounts/carol/keys', { name: 'ci' })).body.code).toBe('api-key-exists')
  await service.deps.accounts.writeLastUse()
  expect((await browser.delete(`/api/v2/accounts/carol/keys/${key.body.id}`)).status).toBe(204)
  const tokens = await service.anybody.post('/token-auth/', { username: wish.email, password: wish.password })
  expect((await service.anybody.get('/api/v2/accounts/carol', bearer(tokens.body.token))).status).toBe(200)

  const group = await admin.post('/api/v2/groups', { name: 'team', owner: 'carol' })
  await service.ended(group.body.command)
  expect((await admin.post('/api/v2/groups', { name: 'team' })).body.code).toBe('group-exists')
  for (const role of ['member', 'owner', 'owner']) {
    expect((await admin.put('/api/v2/groups/team/members/admin', { role })).status).toBe(200)
  }
  expect((await browser.get('/api/v2/groups')).body.groups).toHaveLength(1)
  const carol = service.as('carol', (await browser.get('/api/v2/accounts/carol/credentials')).body.apikey)
  expect((await carol.get('/api/v1/config/?qualifier=team')).status).toBe(200)
  const left = await carol.delete('/api/v2/groups/team/members/carol')
  await service.ended(left.body.command)
  expect((await carol.get('/api/v1/config/?qualifier=team')).status).toBe(403)

  await service.anybody.post('/api/v2/password/forgot', { email: wish.email })
  const reset = { token: await token(wish.email), password: 'another long one' }
  expect((await service.anybody.post('/api/v2/password/reset', reset)).status).toBe(200)
  expect((await browser.get('/api/v2/session')).status).toBe(401)
  expect((await admin.get('/api/v2/audit?action=group.')).body.entries.length).toBeGreaterThan(3)

  const sender = new MailSender({
    db: databases.engine,
    outbox: service.deps.outbox,
    server: createFakeMailServer(),
    clock: service.deps.clock,
    log: silentLog,
    domain: 'example.org',
  })
  await databases.engine.updateTable('mails').set({ status: 'waiting' }).execute()
  await Promise.all([sender.sendDue(), sender.sendDue()])
  const sent = await databases.engine.selectFrom('mails').select('status').distinct().execute()
  expect(sent).toEqual([{ status: 'sent' }])
  await sweep(databases.engine, service.deps.clock.now() + 40 * 86_400_000)

  const removal = await admin.delete('/api/v2/groups/team')
  await service.ended(removal.body.command)
  expect((await admin.get('/api/v2/groups')).body.groups).toEqual([])
  const gone = await admin.delete('/api/v2/accounts/carol')
  await service.ended(gone.body.command)
  expect((await admin.get('/api/v2/accounts/carol')).status).toBe(404)
})

test('people from elsewhere, shared stores and new signing keys keep within the API’s rights', async () => {
  await service.ended((await admin.post('/api/v2/groups', { name: 'lab' })).body.command)
  const browser = browserOf(service)
  const claims = { sub: '7', email: 'erna@example.org', email_verified: true, groups: ['lab'] }
  for (const [groups, members] of [
    [['lab'], ['erna']],
    [[], []],
  ] as const) {
    const there = String((await browser.get('/accounts/openid')).headers.location)
    const back = new URL(issuer.visit(there, { ...claims, groups }))
    expect((await browser.get(`${back.pathname}${back.search}`)).headers.location).toBe('/')
    const { body } = await admin.get('/api/v2/groups/lab')
    expect(body.members.map(({ account }: { account: string }) => account)).toEqual(members)
  }
  const commands = async () => await databases.engine.selectFrom('commands').select('id').execute()
  for (const { id } of await commands()) await service.ended(Number(id))
  await signUp('frida')

  const share = { plan: 'share', phase: 'install', account: 'erna', params: { with: 'frida' } }
  const { status, body } = await admin.post('/api/v2/orders', share)
  expect(status).toBe(201)
  await service.ended(body.id)
  expect((await admin.get(`/api/v2/commands/${body.id}`)).body.state).toBe('done')
  expect((await admin.delete('/api/v2/accounts/frida')).status).toBe(202)
  for (const { id } of await commands()) await service.ended(Number(id))
  const left = await databases.engine.selectFrom('deployments').select('status').where('plan', '=', 'share').execute()
  expect(left).toEqual([{ status: 8 }])

  const rotated = await admin.post('/api/v2/signing-keys/rotate', {})
  expect([rotated.status, rotated.body.keys.length]).toEqual([200, 2])
})

test('a migration that was killed half way is done to its end', async () => {
  await mariadb.sql(
    "DELETE FROM cloudmgr.kysely_migration WHERE name = '003-identity'",
    'ALTER TABLE cloudmgr.accounts DROP COLUMN password_changed_at',
    'DROP TABLE cloudmgr.identities',
  )
  expect(await migrate(databases.engine)).toEqual(['003-identity'])
  await databases.engine.selectFrom('identities').select('id').execute()
})

test('states are told and restored with the rights of API and engine', async () => {
  const state = (serial: number) =>
    JSON.stringify({ version: 4, serial, lineage: 'l1', resources: [], serials: serial })
  for (const serial of [1, 2]) await service.states.write('nodepool-erna-gpu', state(serial), undefined)
  const { status, body } = await admin.post('/api/v2/states/nodepool-erna-gpu/restore', { version: 1 })
  expect(status).toBe(201)
  await service.ended(body.id)
  const shown = (await admin.get('/api/v2/states/nodepool-erna-gpu')).body
  expect(shown).toMatchObject({ version: 3, serial: 3, versions: [{ version: 3 }, { version: 2 }, { version: 1 }] })
})

test('the API can’t write tasks, outputs or the schema', async () => {
  const { api } = databases
  const forbidden = [
    async () => await api.updateTable('tasks').set({ state: 'ready' }).execute(),
    async () => await api.deleteFrom('task_output').execute(),
    async () => await api.deleteFrom('audit_log').execute(),
    async () => await api.updateTable('terraform_states').set({ lock_id: null }).execute(),
    async () => await api.updateTable('mails').set({ status: 'sent' }).execute(),
    async () => await api.schema.createTable('mine').addColumn('id', 'integer').execute(),
  ]
  for (const attempt of forbidden) await expect(attempt()).rejects.toMatchObject({ errno: 1142 })
})
