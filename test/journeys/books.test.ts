import { afterEach, beforeEach, expect, test } from 'vitest'
import { submitCommand } from '../../src/commands/submit.ts'
import { getCommand } from '../../src/commands/store.ts'
import { randomWord } from '../../src/base/secrets.ts'
import { type Service, startService } from './house.ts'

let service: Service
let admin: ReturnType<Service['as']>

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
})
afterEach(async () => await service.close())

async function signUp(name: string): Promise<string> {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  return body.apikey as string
}

async function order(account: string, plan: string, params: object, phase = 'install'): Promise<void> {
  const { status, body } = await admin.post('/api/v2/orders', { plan, phase, account, params })
  expect([status, body.code]).toEqual([201, undefined])
  await service.ended(body.id)
  expect((await admin.get(`/api/v2/commands/${body.id}`)).body).toMatchObject({ state: 'done' })
}

async function compare() {
  const { status, body } = await admin.post('/api/v2/comparisons')
  expect(status).toBe(201)
  await service.ended(body.id)
  expect((await admin.get(`/api/v2/commands/${body.id}`)).body).toMatchObject({ state: 'done' })
  const [orphans, drift] = [await admin.get('/api/v2/orphans'), await admin.get('/api/v2/drift')]
  expect(orphans.body.comparedAt).toBeDefined()
  return { orphans: orphans.body.orphans, drift: drift.body.drift }
}

async function loseRow(plan: string, instance: string): Promise<void> {
  await service.db.deleteFrom('deployments').where('plan', '=', plan).where('instance', '=', instance).execute()
}

async function mend(what: 'orphans' | 'drift', body: object = {}) {
  const answer = await admin.post(`/api/v2/${what}/mend`, body)
  expect(answer.status).toBe(201)
  for (const { id } of answer.body.commands) await service.ended(id)
  const ended = await Promise.all(answer.body.commands.map(({ id }: { id: number }) => getCommand(service.db, id)))
  return { states: ended.map(({ state, message }) => message ?? state), left: answer.body.left }
}

/** As a backup that is older than the account: its rows are gone, what was delivered is there. */
async function forget(name: string): Promise<void> {
  const { id } = await service.db.selectFrom('accounts').select('id').where('name', '=', name).executeTakeFirstOrThrow()
  for (const table of ['deployments', 'api_keys'] as const)
    await service.db.deleteFrom(table).where('account_id', '=', id).execute()
  await service.db.deleteFrom('accounts').where('id', '=', id).execute()
}

async function everything() {
  const { mongodb, rabbitmq, jupyterhub, kubernetes, helm } = service.outside
  return {
    users: await mongodb.listUsers(),
    broker: [...(await rabbitmq.listUsers()), ...(await rabbitmq.listVhosts())],
    hub: (await jupyterhub.listUsers()).map(({ name }) => name),
    namespaces: (await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' })).map(({ metadata }) => metadata.name),
    releases: (await helm.list()).map(({ name, namespace }) => `${namespace}/${name}`),
    claims: (await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })).map(
      ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    ),
    volumes: (await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })).map(
      ({ metadata }) => metadata.name,
    ),
    roots: service.outside.terraform.filledRoots(),
  }
}

test('what was delivered is neither orphan nor drift', async () => {
  await signUp('alice')
  await order('alice', 'runtime', { label: 'work' })
  await order('alice', 'nodepool', { name: 'gpu' })
  await order('alice', 'registry', { name: 'mine', server: 'ghcr.io', username: 'a', password: 'secret of hers' })
  await order('alice', 'runtime', { label: 'work' }, 'suspend')
  await order('alice', 'storage', { name: 'data', size: 1 })
  await order('alice', 'storage', { name: 'docs', kind: 'mongodb', size: 1 })
  await order('alice', 'database', { name: 'docs' }, 'suspend')
  await order('alice', 'jupyter', { memory: '1G' })
  await order('alice', 'scheduler', {})
  await order('alice', 'credential', { name: 'cloud', secret: 'a secret of hers' })
  await signUp('bob')
  await signUp('carol')
  await order('alice', 'share', { with: 'bob' })
  await order('bob', 'share', { with: 'alice' })
  await order('bob', 'share', { with: 'carol', access: 'read' })
  await admin.post('/api/v2/groups', { name: 'team' }).then(async ({ body }) => await service.ended(body.command))
  expect(await compare()).toEqual({ orphans: [], drift: [] })
})

test('what was lost outside is listed, and delivered again', async () => {
  await signUp('alice')
  await order('alice', 'runtime', { label: 'work' })
  const before = await everything()
  const [user] = (await service.outside.mongodb.listUsers()).filter(({ account }) => account === 'alice')
  await service.outside.mongodb.dropUser(user?.user ?? '')
  await service.outside.helm.uninstall('runtime-work', 'om-alice')
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'om-alice', name: 'allow-out' }
  await service.outside.kubernetes.delete(policy)

  const { drift, orphans } = await compare()
  expect(orphans).toEqual([])
  expect(drift).toMatchObject([
    { account: 'alice', plan: 'omegaml', step: 'database', detail: 'absent', mendable: true },
    { step: 'namespace', detail: expect.stringContaining('allow-out is absent') },
    { plan: 'runtime', instance: 'work', step: 'workers', detail: 'absent' },
  ])
  expect(await mend('drift')).toEqual({ states: ['done', 'done'], left: [] })
  expect((await compare()).drift).toEqual([])
  expect(await everything()).toEqual(before)
})

test('what no row has any more is listed once each, and removed', async () => {
  await signUp('alice')
  const before = await everything()
  await signUp('bob')
  await order('bob', 'runtime', { label: 'work' })
  await order('bob', 'nodepool', { name: 'gpu', size: 2 })
  await forget('bob')

  const { orphans, drift } = await compare()
  expect(drift).toEqual([])
  const kinds = orphans.map((one: { system: string; kind: string; mendable: boolean }) => [
    one.system,
    one.kind,
    one.mendable,
  ])
  expect(kinds).toEqual([
    ['mongodb', 'user', true],
    ['rabbitmq', 'user', true],
    ['rabbitmq', 'vhost', true],
    ['jupyterhub', 'user', true],
    // Its release and Secrets go with it.
    ['kubernetes', 'v1/Namespace', true],
    // The volume of its home: kept for people.
    ['terraform', 'root', false],
    ['terraform', 'root', true],
  ])
  const { states, left } = await mend('orphans')
  expect([new Set(states), left]).toEqual([new Set(['done']), [expect.objectContaining({ holdsData: true })]])
  // Helm's record lies in the namespace; that of the fake does not.
  await service.outside.helm.uninstall('runtime-work', 'om-bob')
  expect((await compare()).orphans).toMatchObject([{ system: 'terraform', account: 'bob', holdsData: true }])
  expect((await mend('orphans', { data: true })).states).toEqual(['done'])
  expect(await compare()).toEqual({ orphans: [], drift: [] })
  expect(await everything()).toEqual(before)
})

test('a volume that lost its row is kept until its data is asked for, and goes as a whole', async () => {
  await signUp('alice')
  await order('alice', 'storage', { name: 'keep', size: 1 })
  const before = await everything()
  await order('alice', 'storage', { name: 'lost', size: 1 })
  const full = await everything()
  await loseRow('storage', 'lost')

  const { orphans } = await compare()
  // Claim and PersistentVolume go with the root.
  expect(orphans).toMatchObject([{ system: 'terraform', account: 'alice', mendable: false, holdsData: true }])
  expect(await mend('orphans')).toMatchObject({ states: [], left: [{ id: orphans[0].id }] })
  const params = { system: 'terraform', kind: 'root', name: orphans[0].name }
  const { id } = await submitCommand(service.db, { plan: 'orphan', phase: 'remove', params, requestedBy: 'admin' })
  await service.ended(id)
  expect((await getCommand(service.db, id)).message).toMatch(/may hold data/)
  expect(await everything()).toEqual(full)

  expect(await mend('orphans', { ids: [orphans[0].id], data: true })).toEqual({ states: ['done'], left: [] })
  expect(await everything()).toEqual(before)
  expect(await compare()).toEqual({ orphans: [], drift: [] })
})

test('of a share that lost its row the users go, and the store that was shared stays', async () => {
  const { mongodb, rabbitmq } = service.outside
  await signUp('alice')
  await signUp('bob')
  const before = await everything()
  await order('alice', 'share', { with: 'bob' })
  const [store = ''] = (await mongodb.listUsers()).find(({ owned }) => owned?.length === 0)?.databases ?? []
  mongodb.collection(store, 'models').set('1', { hers: true })
  const [vhost = ''] = (await rabbitmq.listVhosts()).filter((one) => one !== '/')
  await rabbitmq.ensureQueue(vhost, 'q-bob.alice')
  await rabbitmq.ensureQueue(vhost, 'q-bob')
  await loseRow('share', 'bob')

  const { orphans } = await compare()
  expect(orphans).toMatchObject([
    { system: 'mongodb', kind: 'user', account: 'alice', mendable: true },
    { system: 'rabbitmq', kind: 'user', mendable: true },
    { system: 'rabbitmq', kind: 'queue', name: `${vhost}/q-bob.alice`, account: 'alice', mendable: true },
  ])
  expect((await mend('orphans')).states).toEqual(['done', 'done', 'done'])
  expect(await everything()).toEqual(before)
  expect(mongodb.collection(store, 'models').size).toBe(1)
  expect(await rabbitmq.listQueues(vhost)).toContain('q-bob')
  expect(await compare()).toEqual({ orphans: [], drift: [] })
})

test('of a database server that lost its row release and Secret go, and its volume is kept', async () => {
  await signUp('alice')
  await order('alice', 'database', { name: 'docs', size: 1 })
  const full = await everything()
  await loseRow('database', 'docs')

  expect((await compare()).orphans).toMatchObject([
    { kind: 'v1/Secret', name: 'om-alice/database-docs', mendable: true },
    { system: 'helm', name: 'om-alice/database-docs', mendable: true },
    { system: 'terraform', kind: 'root', holdsData: true, mendable: false },
  ])
  expect((await mend('orphans')).states).toEqual(['done', 'done'])
  const left = await everything()
  expect(left).toEqual({ ...full, releases: left.releases })
  expect(left.releases).toEqual([])
})

test('of an account that stays, only what lost its row goes', async () => {
  await signUp('alice')
  await order('alice', 'runtime', { label: 'keep' })
  const before = await everything()
  await order('alice', 'runtime', { label: 'lost' })
  await service.db.deleteFrom('deployments').where('instance', '=', 'lost').execute()

  const { orphans } = await compare()
  expect(orphans.map(({ name }: { name: string }) => name)).toEqual(['om-alice/runtime-lost', 'om-alice/runtime-lost'])
  expect((await mend('orphans')).states).toEqual(['done', 'done'])
  expect(await everything()).toEqual(before)
  expect(await compare()).toEqual({ orphans: [], drift: [] })
})

test('what may be somebody else’s is listed, and never taken away', async () => {
  const { mongodb, jupyterhub, rabbitmq } = service.outside
  const stranger = { user: randomWord(32), password: 'their own one', databases: ['theirs'] }
  await mongodb.ensureUser(stranger)
  await mongodb.ensureUser({ ...stranger, user: 'backup' })
  await jupyterhub.ensureUser('operator')
  await rabbitmq.ensureUser('monitoring', 'their own one')

  const { orphans } = await compare()
  expect(orphans).toMatchObject([
    { system: 'mongodb', name: stranger.user, mendable: false },
    { system: 'jupyterhub', name: 'operator', mendable: false },
  ])
  expect(await mend('orphans')).toMatchObject({ states: [], left: [{}, {}] })

  const params = { system: 'jupyterhub', kind: 'user', name: 'operator' }
  const { id } = await submitCommand(service.db, { plan: 'orphan', phase: 'remove', params, requestedBy: 'admin' })
  await service.ended(id)
  expect((await getCommand(service.db, id)).message).toMatch(/may be somebody else/)
  expect(await jupyterhub.findUser('operator')).toBeDefined()
})

test('what got a row since the comparison stays', async () => {
  await signUp('bob')
  await forget('bob')
  const { orphans } = await compare()
  await service.outside.kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'om-bob' })
  await signUp('bob')
  const { states } = await mend('orphans', { ids: orphans.map(({ id }: { id: number }) => id) })
  // The old passwords' users go; what has the name is the new account's.
  expect(states.filter((state) => state === 'done')).toHaveLength(2)
  expect(states.filter((state) => /belongs to a deployment/.test(state))).toHaveLength(2)
  expect(await compare()).toEqual({ orphans: [], drift: [] })
})

test('books are compared and mended by admins alone; what is not in the comparison is told', async () => {
  const alice = service.as('alice', await signUp('alice'))
  for (const url of ['/api/v2/orphans', '/api/v2/drift']) expect((await alice.get(url)).status).toBe(403)
  for (const url of ['/api/v2/comparisons', '/api/v2/orphans/mend', '/api/v2/drift/mend'])
    expect((await alice.post(url)).status).toBe(403)
  expect((await admin.get('/api/v2/orphans')).body).toEqual({ orphans: [] })
  expect((await admin.post('/api/v2/orphans/mend', { ids: [7] })).body).toMatchObject({
    code: 'finding-unknown',
    errors: [{ field: 'ids', value: 7 }],
  })
})

test('of an account whose plan is not there any more nothing is judged', async () => {
  await signUp('alice')
  await order('alice', 'runtime', { label: 'work' })
  await service.db.updateTable('deployments').set({ plan: 'gone' }).where('plan', '=', 'omegaml').execute()
  await service.outside.jupyterhub.ensureUser('operator')
  const before = await everything()
  const { orphans, drift } = await compare()
  // What tells no account may be hers.
  expect(orphans).toMatchObject([
    { system: 'rabbitmq', kind: 'user', mendable: false, detail: expect.stringContaining('alice') },
    { system: 'rabbitmq', kind: 'vhost', mendable: false },
    { name: 'operator', mendable: false },
  ])
  expect(drift).toMatchObject([{ plan: 'gone', mendable: false, detail: expect.stringContaining("can't be compared") }])
  expect(await mend('orphans')).toMatchObject({ states: [] })
  const params = { system: 'rabbitmq', kind: 'vhost', name: orphans[1].name }
  const { id } = await submitCommand(service.db, { plan: 'orphan', phase: 'remove', params, requestedBy: 'admin' })
  await service.ended(id)
  expect((await getCommand(service.db, id)).state).toBe('failed')
  expect(await everything()).toEqual(before)
})
