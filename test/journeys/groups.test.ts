import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Answer, type Service, startService } from './house.ts'

type Caller = ReturnType<Service['as']>

let service: Service
let admin: Caller
let alice: Caller
let bobby: Caller

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  ;[alice, bobby] = [await make('alice'), await make('bobby')]
})
afterEach(async () => await service.close())

async function make(name: string, more: object = {}): Promise<Caller> {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org`, ...more })
  if (body.command !== undefined) await service.ended(body.command)
  return service.as(name, body.apikey)
}

async function makeTeam(): Promise<void> {
  const { status, body } = await admin.post('/api/v2/groups', { name: 'team', owner: 'alice' })
  expect(status).toBe(201)
  await service.ended(body.command)
}

const configOf = async (caller: Caller, qualifier: string): Promise<Answer> =>
  await caller.get(`/api/v1/config/?view=1&qualifier=${qualifier}`)
const dataOf = async (caller: Caller, qualifier: string) => (await configOf(caller, qualifier)).body.objects[0].data

test('members use what the group has under its name, each as themselves', async () => {
  await makeTeam()
  expect((await alice.put('/api/v2/groups/team/members/bobby')).body.members).toMatchObject([
    { account: 'alice', role: 'owner' },
    { account: 'bobby', role: 'member' },
  ])
  const [one, other] = [await dataOf(alice, 'team'), await dataOf(bobby, 'team:default')]
  expect(one).toMatchObject({ OMEGA_USERID: 'alice', OMEGA_QUALIFIER: 'team', JUPYTER_NAMESPACE: 'om-g-team' })
  expect(other).toMatchObject({ OMEGA_USERID: 'bobby', OMEGA_QUALIFIER: 'team:default' })
  expect(one.OMEGA_MONGO_URL).toBe(other.OMEGA_MONGO_URL)
  expect(one.OMEGA_MONGO_URL).not.toBe((await dataOf(alice, 'default')).OMEGA_MONGO_URL)
  expect(one.OMEGA_CELERY_CONFIG.CELERY_DEFAULT_QUEUE).toBe('q-g-team')
  expect(new URL(one.OMEGA_CELERY_CONFIG.BROKER_URL).username).toMatch(/^gteam\w{12}$/)
  expect(one.OMEGA_APIKEY).toBe((await dataOf(alice, 'default')).OMEGA_APIKEY)
})

test('members see under its name what runs for the group, others do not', async () => {
  await makeTeam()
  const carol = await make('carol')
  await alice.put('/api/v2/groups/team/members/bobby')
  const dashboard = async (caller: Caller, qualifier: string) =>
    await caller.get(`/apps/omops/dashboard/api/v1/status/pods?qualifier=${qualifier}`)
  const own = async (caller: Caller, name: string, qualifier: string) =>
    await caller.get(`/api/v2/accounts/${name}/status?qualifier=${qualifier}`)
  // This house has no cluster to ask: what counts is whose pods it would have asked for.
  const lookedAt = async (answer: Promise<Answer>) =>
    /the pods of (\S+):/.exec((await answer).body.problems[0].message)?.[1]
  expect(await lookedAt(own(bobby, 'bobby', 'team'))).toBe('om-g-team')
  expect(await lookedAt(own(bobby, 'bobby', 'team:default'))).toBe('om-g-team')
  expect(await lookedAt(own(bobby, 'bobby', 'default'))).toBe('om-bobby')
  expect(await lookedAt(own(admin, 'g-team', 'default'))).toBe('om-g-team')
  expect((await dashboard(bobby, 'team')).status).toBe(503)
  for (const [qualifier, status] of [
    ['team', 403],
    ['other', 404],
  ] as const) {
    expect((await dashboard(carol, qualifier)).status).toBe(status)
    expect((await own(carol, 'carol', qualifier)).status).toBe(status)
  }
  expect((await dashboard(bobby, 'team:special')).status).toBe(404)
})

const qualifiers: { qualifier: string; status: number; why: string }[] = [
  { qualifier: 'team', status: 200, why: 'the group by its name' },
  { qualifier: 'team:', status: 200, why: 'an empty qualifier is the default' },
  { qualifier: 'team:default:third', status: 200, why: 'a third part counts for nothing' },
  { qualifier: 'team:special', status: 404, why: 'a qualifier that the group has not' },
  { qualifier: 'team:__proto__', status: 404, why: 'nor a word that every object knows' },
  { qualifier: 'other', status: 404, why: 'a group that there is not' },
  { qualifier: ':default', status: 404, why: 'no group at all' },
  { qualifier: 'g-team', status: 404, why: 'the group’s account is not its name' },
]
test('qualifiers of groups: 404 for what there is not, 403 for who is not in it', async () => {
  await makeTeam()
  for (const { qualifier, status, why } of qualifiers) {
    expect((await configOf(alice, qualifier)).status, why).toBe(status)
  }
  expect(await configOf(bobby, 'team')).toMatchObject({ status: 403, body: { error: { code: 'not-a-member' } } })
  expect((await configOf(admin, 'team')).status).toBe(403)
})

test('a member without any service of its own uses the group’s', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/admin')
  expect((await configOf(admin, 'team')).status).toBe(200)
  expect((await configOf(admin, 'default')).status).toBe(404)
})

test('whoever leaves no longer gets in, not even with the passwords it knew', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/bobby')
  const before = new URL((await dataOf(bobby, 'team')).OMEGA_MONGO_URL)
  const { status, body } = await bobby.delete('/api/v2/groups/team/members/bobby')
  expect(status).toBe(202)
  expect((await configOf(bobby, 'team')).status).toBe(403)
  await service.ended(body.command)
  expect(await service.outside.mongodb.canLogin(before.username, before.password)).toBe(false)
  const after = new URL((await dataOf(alice, 'team')).OMEGA_MONGO_URL)
  expect([after.username, after.pathname]).toEqual([before.username, before.pathname])
  expect(await service.outside.mongodb.canLogin(after.username, after.password)).toBe(true)
  expect((await alice.delete('/api/v2/groups/team/members/bobby')).body.code).toBe('member-unknown')
})

for (const how of ['switched off', 'removed'] as const) {
  test(`a member that is ${how} costs the group its passwords, too`, async () => {
    await makeTeam()
    await alice.put('/api/v2/groups/team/members/bobby')
    const before = new URL((await dataOf(bobby, 'team')).OMEGA_MONGO_URL)
    if (how === 'removed') await admin.delete('/api/v2/accounts/bobby')
    else await admin.post('/api/v2/accounts/bobby/deactivate')
    const orders = await service.db.selectFrom('commands').select('id').where('phase', '!=', 'install').execute()
    expect(orders).toHaveLength(2)
    for (const { id } of orders) await service.ended(id)
    expect(await service.outside.mongodb.canLogin(before.username, before.password)).toBe(false)
  })
}

test('owners say who is in it, members only see it, others not even that', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/bobby')
  const carol = await make('carol')
  expect((await bobby.get('/api/v2/groups/team')).status).toBe(200)
  expect((await bobby.get('/api/v2/groups')).body.groups).toHaveLength(1)
  expect((await carol.get('/api/v2/groups')).body.groups).toEqual([])
  for (const attempt of [
    async () => await bobby.put('/api/v2/groups/team/members/carol'),
    async () => await bobby.put('/api/v2/groups/team/members/bobby', { role: 'owner' }),
    async () => await bobby.delete('/api/v2/groups/team/members/alice'),
    async () => await bobby.delete('/api/v2/groups/team'),
    async () => await bobby.post('/api/v2/groups/team/rotate'),
  ]) {
    expect(await attempt()).toMatchObject({ status: 403, body: { code: 'owners-only' } })
  }
  for (const attempt of [
    async () => await carol.get('/api/v2/groups/team'),
    async () => await carol.put('/api/v2/groups/team/members/carol'),
    async () => await carol.delete('/api/v2/groups/team/members/carol'),
  ]) {
    expect(await attempt()).toMatchObject({ status: 404, body: { code: 'group-unknown' } })
  }
  expect((await alice.post('/api/v2/groups', { name: 'mine' })).status).toBe(403)
})

test('a group keeps an owner', async () => {
  await makeTeam()
  expect((await alice.delete('/api/v2/groups/team/members/alice')).body.code).toBe('group-needs-owner')
  expect((await alice.put('/api/v2/groups/team/members/alice', { role: 'member' })).body.code).toBe('group-needs-owner')
  await alice.put('/api/v2/groups/team/members/bobby', { role: 'owner' })
  expect((await alice.put('/api/v2/groups/team/members/alice', { role: 'member' })).status).toBe(200)
})

test('the group’s account is nobody’s way in, and has no key', async () => {
  await makeTeam()
  expect((await admin.get('/api/v2/accounts/g-team')).body).toMatchObject({
    role: 'group',
    email: '',
    status: 'active',
  })
  expect((await admin.get('/api/v2/accounts/g-team/credentials')).status).toBe(403)
  expect((await admin.post('/api/v2/accounts/g-team/credentials/rotate')).body.code).toBe('group-account')
  expect((await admin.post('/api/v2/accounts/g-team/email', { email: 'x@example.org' })).body.code).toBe(
    'group-account',
  )
  const login = { login: 'g-team', password: 'a long password' }
  expect((await service.anybody.post('/api/v2/session', login)).status).toBe(401)
  expect((await admin.put('/api/v2/groups/team/members/g-team')).body.code).toBe('member-no-person')
  expect((await admin.post('/api/v2/accounts', { name: 'g-other', email: 'g@example.org' })).status).toBe(400)
})

test('names of groups are unique and those of accounts; a removed one leaves nothing', async () => {
  await makeTeam()
  expect((await admin.post('/api/v2/groups', { name: 'team' })).body.code).toBe('group-exists')
  expect((await admin.post('/api/v2/groups', { name: 'No' })).body.errors).toMatchObject([{ field: 'name' }])
  expect((await admin.post('/api/v2/groups', { name: 'other', owner: 'nobody' })).status).toBe(404)
  const database = new URL((await dataOf(alice, 'team')).OMEGA_MONGO_URL)
  const { status, body } = await alice.delete('/api/v2/groups/team')
  expect(status).toBe(202)
  await service.ended(body.command)
  expect((await admin.get('/api/v2/groups/team')).status).toBe(404)
  expect((await admin.get('/api/v2/accounts/g-team')).status).toBe(404)
  expect(service.outside.mongodb.dropped).toContain(database.pathname.slice(1))
  await makeTeam()
})

test('what was changed by whom is listed for admins, by filter and page by page', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/bobby')
  await bobby.delete('/api/v2/groups/team/members/bobby')
  const list = async (query: string) => (await admin.get(`/api/v2/audit?${query}`)).body
  const { entries } = await list('subject=team')
  expect(entries.map(({ actor, action }: { actor: string; action: string }) => [actor, action])).toEqual([
    ['bobby', 'group.remove-member'],
    ['alice', 'group.set-member'],
    ['admin', 'group.create'],
  ])
  expect(entries[1].details).toEqual({ member: 'bobby', role: 'member' })
  expect((await list('actor=alice')).entries).toHaveLength(1)
  expect((await list('action=group.')).entries).toHaveLength(3)
  expect((await list('action=group.create&actor=admin')).entries).toHaveLength(1)
  expect((await list('action=group%25')).entries).toEqual([])
  expect((await list('from=2099-01-01T00:00:00Z')).entries).toEqual([])
  expect((await list('to=2020-01-01T00:00:00Z')).entries).toEqual([])
  const page = await list('subject=team&limit=2')
  expect((await list(`subject=team&limit=2&before=${page.next}`)).entries).toEqual([entries[2]])
  expect((await alice.get('/api/v2/audit')).body.code).toBe('right-missing')
  const auditor = await make('auditor', { role: 'staff', rights: ['audit:read'] })
  expect((await auditor.get('/api/v2/audit')).status).toBe(200)
  expect((await admin.get('/api/v2/audit?from=yesterday')).body.errors).toMatchObject([{ field: 'from' }])
})

test('owners order for their group, members see it, others learn nothing', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/bobby')
  const carol = await make('carol')
  const wish = { plan: 'jupyter', phase: 'install', account: 'g-team' }
  expect((await bobby.post('/api/v2/orders', wish)).body.code).toBe('owners-only')
  expect((await carol.post('/api/v2/orders', wish)).body.code).toBe('not-your-account')
  expect((await carol.post('/api/v2/orders', { ...wish, account: 'g-nowhere' })).body.code).toBe('not-your-account')

  const { status, body } = await alice.post('/api/v2/orders', wish)
  expect([status, body.account]).toEqual([201, 'g-team'])
  await service.ended(body.id)
  const held = async (caller: Caller) => await caller.get('/api/v2/deployments?account=g-team&plan=jupyter')
  for (const caller of [alice, bobby]) expect((await held(caller)).body.deployments).toMatchObject([{ status: 5 }])
  expect((await held(carol)).status).toBe(403)
  expect((await bobby.get(`/api/v2/commands/${body.id}`)).body).toMatchObject({ state: 'done', requestedBy: 'alice' })
  expect((await carol.get(`/api/v2/commands/${body.id}`)).status).toBe(404)
  for (const what of ['cancel', 'retry', 'undo'])
    expect((await bobby.post(`/api/v2/commands/${body.id}/${what}`)).body.code, what).toBe('owners-only')
})

test('who was an owner when ordering and is none when it is worked on gets nothing', async () => {
  await makeTeam()
  await service.engine.stop()
  const { body } = await alice.post('/api/v2/orders', { plan: 'jupyter', phase: 'install', account: 'g-team' })
  await admin.delete('/api/v2/groups/team/members/alice')
  await service.restart()
  await service.ended(body.id)
  expect((await admin.get(`/api/v2/commands/${body.id}`)).body).toMatchObject({ state: 'failed' })
})

test('the workers of a group have a key that is good inside the cluster only, and another one when a member left', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/bobby')
  const { body } = await alice.post('/api/v2/orders', { plan: 'runtime', phase: 'install', account: 'g-team' })
  await service.ended(body.id)
  const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'om-g-team', name: 'runtime-worker' }
  const keyOf = async () => {
    const found = (await service.outside.kubernetes.find(secret)) as { data: { apikey: string } } | undefined
    return Buffer.from(found?.data.apikey ?? '', 'base64').toString()
  }
  const asWorker = async (key: string, url: string) => {
    const side = url.startsWith('/api/v1') ? service.inside : service.open
    return await side.inject({ url, headers: { authorization: `ApiKey g-team:${key}` } })
  }
  const before = await keyOf()
  const config = await asWorker(before, '/api/v1/config/?view=1')
  expect(config.json().objects[0].data).toMatchObject({ OMEGA_USERID: 'g-team', OMEGA_APIKEY: before })
  const outside = await service.open.inject({
    url: '/api/v1/config/',
    headers: { authorization: `ApiKey g-team:${before}` },
  })
  expect([outside.statusCode, (await asWorker(before, '/api/v2/commands')).statusCode]).toEqual([401, 401])

  await alice.delete('/api/v2/groups/team/members/bobby')
  await expect.poll(keyOf).not.toBe(before)
  expect((await asWorker(before, '/api/v1/config/')).statusCode).toBe(401)
  expect((await asWorker(await keyOf(), '/api/v1/config/')).statusCode).toBe(200)
})

test('an order of the client under a group’s qualifier is for the group', async () => {
  await makeTeam()
  await alice.put('/api/v2/groups/team/members/bobby')
  const wish = { offering: 'jupyter', user: 'alice', phase: 'install', params: 'provider=' }
  const order = async (caller: Caller, qualifier: string) =>
    await caller.post('/admin/api/v2/service/command', wish, { qualifier })
  const { body } = await order(alice, 'team:default')
  expect(body.user).toBe('g-team')
  await service.ended(body.id)
  expect((await order(alice, 'default')).body.user).toBe('alice')
  const { status } = await bobby.post(
    '/admin/api/v2/service/command',
    { ...wish, user: 'bobby' },
    { qualifier: 'team' },
  )
  expect(status).toBe(403)
})
