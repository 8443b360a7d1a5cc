import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { signedInAs, testSite } from '../../src/api/testing.ts'
import { AppError } from '../../src/base/errors.ts'
import { type Answer, type Service, startService } from './house.ts'

let service: Service
let admin: ReturnType<Service['as']>
let alice: Awaited<ReturnType<typeof signUp>>

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
  alice = await signUp('alice')
})
afterEach(async () => await service.close())

async function signUp(name: string) {
  const { body } = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
  await service.ended(body.command)
  return { ...service.as(name, body.apikey), apikey: body.apikey as string }
}

type Caller = Pick<ReturnType<Service['as']>, 'post' | 'get'>

async function order(caller: Caller, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  return await caller.post('/api/v2/orders', body, headers)
}

/** Ordered, and worked off. */
async function delivered(caller: Caller, body: object): Promise<number> {
  const answer = await order(caller, body)
  expect(answer).toMatchObject({ status: 201 })
  await service.ended(answer.body.id)
  const { body: command } = await caller.get(`/api/v2/commands/${answer.body.id}`)
  expect(command).toMatchObject({ state: 'done' })
  return answer.body.id
}

async function brokerOf(caller: Caller) {
  const { data } = (await caller.get('/api/v1/config/?view=1')).body.objects[0]
  const { username, pathname } = new URL(data.OMEGA_CELERY_CONFIG.BROKER_URL)
  return { user: username, vhost: pathname.slice(1), queue: data.OMEGA_CELERY_CONFIG.CELERY_DEFAULT_QUEUE, data }
}

const runtime = { plan: 'runtime', phase: 'install' }
const everything = { configure: '.*', write: '.*', read: '.*' }

test('an own runtime moves its account to a virtual host of its own, without losing the database', async () => {
  const before = await brokerOf(alice)
  const preview = await order(alice, { ...runtime, params: { label: 'gpu', size: 2 }, preview: true })
  expect(preview).toMatchObject({
    status: 200,
    body: {
      name: 'runtime gpu',
      first: [
        {
          plan: 'omegaml',
          changes: [{ parameter: 'vhost', from: false, to: true }],
          steps: expect.arrayContaining([{ step: 'broker', action: 'rabbitmq-access', does: 'remove' }]),
        },
      ],
      steps: [
        { step: 'credentials', does: 'ensure' },
        { step: 'workers', does: 'ensure' },
      ],
      undone: ['workers', 'credentials'],
    },
  })
  expect((await alice.get('/api/v2/deployments')).body.deployments).toHaveLength(1)

  await delivered(alice, { ...runtime, params: { label: 'gpu', size: 2 } })
  const after = await brokerOf(alice)
  expect(after.data.OMEGA_MONGO_URL).toBe(before.data.OMEGA_MONGO_URL)
  expect(after.vhost).not.toBe(before.vhost)
  expect(after.queue).toBe('default')
  const { rabbitmq, helm, kubernetes } = service.outside
  expect(await rabbitmq.findPermissions(after.vhost, after.user)).toEqual(everything)
  expect(await rabbitmq.hasUser(before.user)).toBe(false)
  expect(helm.valuesOf('runtime-gpu', 'om-alice')).toMatchObject({
    shared: false,
    queues: ['gpu'],
    replicas: 2,
    accountSecret: 'runtime-gpu',
    image: 'registry/omegaml-runtime@sha256:1',
    nodeSelector: { 'omegaml.io/role': 'worker' },
  })
  const secret = await kubernetes.find({ apiVersion: 'v1', kind: 'Secret', name: 'runtime-gpu', namespace: 'om-alice' })
  const key = (secret as { data?: { apikey: string } } | undefined)?.data?.apikey ?? ''
  expect(Buffer.from(key, 'base64').toString()).toBe(alice.apikey)
})

test('an account moves back to the shared host when nothing needs its own any more', async () => {
  const before = await brokerOf(alice)
  await delivered(alice, runtime)
  const own = await brokerOf(alice)
  const back = { plan: 'omegaml', phase: 'update', account: 'alice', params: { vhost: false } }
  expect(await order(admin, back)).toMatchObject({
    status: 409,
    body: { code: 'service-in-use', details: { usedBy: ['runtime worker'] } },
  })
  await delivered(alice, { plan: 'runtime', phase: 'remove' })
  await delivered(admin, back)
  expect(await brokerOf(alice)).toEqual(before)
  expect(await service.outside.rabbitmq.listVhosts()).not.toContain(own.vhost)
})

test('several runtimes of one account live side by side, are changed and removed one by one', async () => {
  await delivered(alice, { ...runtime, params: { label: 'gpu' } })
  await delivered(alice, { ...runtime, params: { label: 'cpu', memory: '4Gi' } })
  await delivered(alice, { plan: 'runtime', phase: 'update', params: { label: 'cpu', size: 3 } })
  const { helm } = service.outside
  expect(helm.valuesOf('runtime-cpu', 'om-alice')).toMatchObject({
    replicas: 3,
    resources: { limits: { memory: '4Gi' } },
  })
  expect(helm.valuesOf('runtime-gpu', 'om-alice')).toMatchObject({ replicas: 1 })
  await delivered(alice, { plan: 'runtime', phase: 'remove', params: { label: 'gpu' } })
  expect((await helm.list('om-alice')).map(({ name }) => name)).toEqual(['runtime-cpu'])
  const { deployments } = (await alice.get('/api/v2/deployments?plan=runtime')).body
  expect(deployments).toMatchObject([{ instance: 'cpu', state: 'active', params: { size: 3, memory: '4Gi' } }])
})

test('a suspended runtime runs nothing and is told so; resumed, it is as it was', async () => {
  await delivered(alice, { ...runtime, params: { size: 3 } })
  await delivered(alice, { plan: 'runtime', phase: 'suspend' })
  const { helm } = service.outside
  expect(helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({ replicas: 0, autoscaling: { kind: 'none' } })
  const list = async () => (await alice.get('/api/v2/deployments?plan=runtime')).body.deployments[0]
  expect(await list()).toMatchObject({ state: 'suspended', serves: false, params: { size: 3 } })
  expect((await order(alice, { plan: 'runtime', phase: 'update', params: { size: 4 } })).body.code).toBe(
    'service-suspended',
  )
  // After a lost cluster, too, nothing of it runs.
  const ensured = (await admin.post('/api/v2/deployments/ensure')).body.commands
  // The oldest first: the site's own.
  expect(ensured).toMatchObject([{ plan: 'shared-runtime' }, { plan: 'omegaml' }])
  const [last] = (await alice.get('/api/v2/commands')).body.commands
  expect(last).toMatchObject({ plan: 'runtime', phase: 'suspend' })
  await service.ended(last.id)
  expect(helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({ replicas: 0 })
  await delivered(alice, { plan: 'runtime', phase: 'resume' })
  expect(helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({ replicas: 3 })
  expect(await list()).toMatchObject({ state: 'active', serves: true })
})

test('plan worker scales a runtime off and on', async () => {
  await delivered(alice, { ...runtime, params: { label: 'cpu', size: 2 } })
  for (const scale of [0, 2]) {
    await delivered(alice, { plan: 'worker', phase: 'update', params: { 'node-name': 'cpu', scale } })
    expect(service.outside.helm.valuesOf('runtime-cpu', 'om-alice')).toMatchObject({ replicas: scale })
  }
})

test('new credentials reach the account’s own workers', async () => {
  await delivered(alice, runtime)
  const valuesOf = () => service.outside.helm.valuesOf('runtime-worker', 'om-alice')
  const before = valuesOf()
  const { body } = await alice.post('/api/v2/accounts/alice/credentials/rotate')
  const renewed = service.as('alice', body.apikey)
  const [last] = (await renewed.get('/api/v2/commands')).body.commands
  expect(last).toMatchObject({ plan: 'runtime', phase: 'update' })
  await service.ended(last.id)
  expect(valuesOf()?.['podAnnotations']).not.toEqual(before?.['podAnnotations'])
  const broker = await brokerOf(renewed)
  expect(await service.outside.rabbitmq.findPermissions(broker.vhost, broker.user)).toEqual(everything)
})

test('a removed account takes all its services along', async () => {
  await delivered(alice, { ...runtime, params: { label: 'gpu' } })
  await delivered(alice, { ...runtime, params: { label: 'cpu' } })
  const { vhost } = await brokerOf(alice)
  const { body } = await admin.delete('/api/v2/accounts/alice')
  await service.ended(body.command)
  expect(await service.outside.helm.list('om-alice')).toEqual([])
  expect(await service.outside.rabbitmq.listVhosts()).not.toContain(vhost)
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})

test('the same order twice at once is one delivery; a key makes it one for good', async () => {
  const [one, other] = await Promise.all([order(alice, runtime), order(alice, runtime)])
  expect(other.body.id).toBe(one.body.id)
  await service.ended(one.body.id)
  const grow = { plan: 'runtime', phase: 'update', params: { size: 2 } }
  const first = await order(alice, grow, { 'idempotency-key': 'k' })
  await service.ended(first.body.id)
  expect((await order(alice, grow, { 'idempotency-key': 'k' })).body.id).toBe(first.body.id)
  const used = await order(alice, { ...grow, params: { size: 3 } }, { 'idempotency-key': 'k' })
  expect(used).toMatchObject({ status: 409, body: { code: 'idempotency-key-used' } })
})

test('an update while an install runs is queued, says so, and builds on it', async () => {
  await service.engine.stop()
  const install = (await order(alice, { ...runtime, params: { size: 1, memory: '4Gi' } })).body
  const update = await order(alice, { plan: 'runtime', phase: 'update', params: { size: 2 } })
  expect(update).toMatchObject({
    status: 201,
    body: { state: 'waiting', message: expect.stringContaining('waits until command'), waitsFor: { plan: 'omegaml' } },
  })
  const { changes } = (await order(alice, { plan: 'runtime', phase: 'update', params: { size: 5 }, preview: true }))
    .body
  expect(changes).toEqual([{ parameter: 'size', from: 2, to: 5 }])
  const cancelled = await alice.post(`/api/v2/commands/${update.body.id}/cancel`)
  expect(cancelled).toMatchObject({ status: 202, body: { state: 'failed', message: 'cancelled by alice' } })
  expect((await alice.post(`/api/v2/commands/${install.id}/cancel`)).status).toBe(202)
  expect((await alice.get('/api/v2/deployments?plan=runtime')).body.deployments).toMatchObject([{ state: 'failed' }])
})

test('whose it is not may neither order, see nor change it', async () => {
  const bobby = await signUp('bobby')
  const id = await delivered(alice, runtime)
  expect((await order(bobby, { ...runtime, account: 'alice' })).status).toBe(403)
  expect((await order(bobby, { plan: 'omegaml', phase: 'update' })).status).toBe(403)
  expect((await bobby.get('/api/v2/deployments?account=alice')).status).toBe(403)
  for (const word of ['cancel', 'retry', 'undo'])
    expect((await bobby.post(`/api/v2/commands/${id}/${word}`)).status).toBe(404)
  expect((await bobby.get('/api/v2/deployments')).body.deployments).toMatchObject([
    { plan: 'omegaml', account: 'bobby' },
  ])
  const all = (await admin.get('/api/v2/deployments?limit=2')).body
  expect(all.deployments).toHaveLength(2)
  expect((await admin.get(`/api/v2/deployments?after=${all.next}`)).body.deployments.length).toBeGreaterThan(0)
})

test('a failed order says what happened, what an undo takes back, and takes it back', async () => {
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'no such chart'))
  const { id } = (await order(alice, runtime)).body
  await service.ended(id)
  expect((await alice.get(`/api/v2/commands/${id}`)).body).toMatchObject({
    state: 'failed',
    message: 'workers: no such chart',
    undoes: ['workers', 'credentials'],
    steps: [
      { step: 'credentials', state: 'done', durationMs: expect.any(Number) },
      { step: 'workers', state: 'failed', message: 'no such chart', output: [expect.stringContaining('installing')] },
    ],
  })
  const undo = await alice.post(`/api/v2/commands/${id}/undo`)
  await service.ended(undo.body.id)
  const secret = { apiVersion: 'v1', kind: 'Secret', name: 'runtime-worker', namespace: 'om-alice' }
  expect(await service.outside.kubernetes.find(secret)).toBeUndefined()
  await delivered(alice, runtime)
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'no such chart'))
  const change = (await order(alice, { ...runtime, params: { size: 2 } })).body
  await service.ended(change.id)
  // It served before: nothing of that may be taken away.
  expect((await alice.post(`/api/v2/commands/${change.id}/undo`)).body.code).toBe('command-not-undoable')
  expect((await alice.post(`/api/v2/commands/${change.id}/retry`)).status).toBe(202)
  await service.ended(change.id)
  expect(service.outside.helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({ replicas: 2 })
})

interface Event {
  readonly id?: string
  readonly event?: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into every kind of event
  readonly data: any
}

/** All events until the end, or until `enough` says so. */
async function follow(id: number, lastId?: string, enough: (event: Event) => boolean = () => false): Promise<Event[]> {
  const { port } = service.open.server.address() as AddressInfo
  const more = lastId === undefined ? {} : { 'last-event-id': lastId }
  const headers = { ...signedInAs('alice', alice.apikey), ...more }
  const request = get(`http://127.0.0.1:${port}/api/v2/commands/${id}/events`, { headers, agent: false })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  expect(answer.headers['content-type']).toContain('text/event-stream')
  const events: Event[] = []
  let text = ''
  for await (const chunk of answer) {
    text += String(chunk)
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) {
      const fields = Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
      events.push({ ...fields, data: JSON.parse(fields['data'] ?? 'null') })
      if (enough(events.at(-1) as Event)) {
        request.destroy()
        return events
      }
    }
  }
  return events
}

test('an order is followed live to its end, and a reader that comes back misses nothing and sees nothing twice', async () => {
  await service.open.listen({ host: '127.0.0.1', port: 0 })
  const { id } = (await order(alice, runtime)).body
  const events = await follow(id)
  expect(events.at(-1)?.event).toBe('end')
  expect(events.filter(({ event }) => event === 'state').at(-1)?.data).toMatchObject({ state: 'done' })
  const lines = events.filter(({ event }) => event === 'output')
  expect(lines.map(({ data }) => data.line)).toContain('installing runtime-worker in om-alice')
  // Each line names the very step that said it.
  const tasks = (await alice.get(`/api/v2/commands/${id}`)).body.steps.map(({ task }: { task: number }) => task)
  for (const { data } of lines) expect(tasks).toContain(data.task)
  expect(JSON.stringify(events)).not.toContain(alice.apikey)

  const some = await follow(id, undefined, ({ event }) => event === 'output')
  const rest = await follow(id, some.at(-1)?.id)
  const both = [...some, ...rest].filter(({ event }) => event === 'output')
  const keyOf = ({ data }: Event) => `${data.step} ${data.line}`
  expect(new Set(both.map(keyOf)).size).toBe(lines.length)
})

test('notebooks start with what was ordered, and as the site has it once that is removed', async () => {
  const before = await brokerOf(alice)
  const params = { image: 'mine/lab:1', memory: '4G', cpu: 2, role: 'gpu', profiles: [{ display_name: 'Large' }] }
  await delivered(alice, { plan: 'jupyter', phase: 'install', params })
  expect((await brokerOf(alice)).data).toMatchObject({
    JUPYTER_IMAGE: 'mine/lab:1',
    JUPYTER_NODE_SELECTOR: 'omegaml.io/role=gpu',
    JUPYTER_NAMESPACE: 'om-alice',
    JUPYTER_CONFIG: { mem_limit: '4G', cpu_limit: 2, profile_list: [{ display_name: 'Large' }] },
  })
  await delivered(alice, { plan: 'jupyter', phase: 'update', params: { image: null, memory: '8G' } })
  expect((await brokerOf(alice)).data).toMatchObject({
    JUPYTER_IMAGE: before.data.JUPYTER_IMAGE,
    JUPYTER_CONFIG: { mem_limit: '8G' },
  })
  await delivered(alice, { plan: 'jupyter', phase: 'remove' })
  expect((await brokerOf(alice)).data).toEqual(before.data)
})

test('suspended notebooks are stopped and do not start, whatever was ordered; resumed, they may', async () => {
  const { jupyterhub } = service.outside
  const running = async () => (await jupyterhub.findUser('alice'))?.servers.length
  await delivered(alice, { plan: 'jupyter', phase: 'install', params: { memory: '4G' } })
  const before = (await brokerOf(alice)).data
  expect(before).not.toHaveProperty('JUPYTER_SUSPENDED')
  await jupyterhub.startServer('alice')
  await delivered(alice, { plan: 'jupyter', phase: 'suspend' })
  expect(await running()).toBe(0)
  expect((await brokerOf(alice)).data).toMatchObject({ JUPYTER_SUSPENDED: true, JUPYTER_CONFIG: { mem_limit: '4G' } })
  await delivered(alice, { plan: 'jupyter', phase: 'resume' })
  expect((await brokerOf(alice)).data).toEqual(before)

  await delivered(alice, { plan: 'jupyter', phase: 'suspend' })
  await delivered(alice, { plan: 'jupyter', phase: 'remove' })
  expect((await brokerOf(alice)).data).not.toHaveProperty('JUPYTER_SUSPENDED')
})

test('credentials of a registry are stored encrypted, shown to nobody, used by name, and kept while they are used', async () => {
  const password = 'geheim"},"x'
  const params = { name: 'mine', server: 'ghcr.io', username: 'alice', password }
  const id = await delivered(alice, { plan: 'registry', phase: 'install', params })
  const ref = { apiVersion: 'v1', kind: 'Secret', name: 'registry-mine', namespace: 'om-alice' }
  const find = async () => await service.outside.kubernetes.find(ref)
  const config = ((await find()) as { data?: Record<string, string> } | undefined)?.data?.['.dockerconfigjson'] ?? ''
  expect(JSON.parse(Buffer.from(config, 'base64').toString())).toMatchObject({ auths: { 'ghcr.io': { password } } })
  const shown = JSON.stringify([
    (await alice.get(`/api/v2/commands/${id}`)).body,
    (await alice.get('/api/v2/deployments')).body,
    await service.db.selectFrom('commands').selectAll().execute(),
    await service.db.selectFrom('deployments').selectAll().execute(),
    await service.db.selectFrom('task_output').selectAll().execute(),
  ])
  expect(shown).not.toContain('geheim')
  // Other parameters change without the password being said again.
  await delivered(alice, { plan: 'registry', phase: 'update', params: { username: 'bob' } })
  await delivered(alice, { ...runtime, params: { registry: 'mine' } })
  expect(service.outside.helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({
    imagePullSecrets: ['registry-mine'],
  })
  const removal = { plan: 'registry', phase: 'remove', params: { name: 'mine' } }
  expect((await order(alice, removal)).body).toMatchObject({ details: { usedBy: ['runtime worker'] } })
  await delivered(alice, { plan: 'runtime', phase: 'update', params: { registry: null } })
  await delivered(alice, removal)
  expect(await find()).toBeUndefined()
})

test('what no provider can fill is refused before anything is touched', async () => {
  await service.close()
  service = await startService(undefined, { ...testSite, provider: 'existing' })
  const { body } = await service.bootstrap()
  const answer = await order(service.as('admin', body.admin.apikey), { plan: 'cluster', phase: 'install' })
  expect(answer).toMatchObject({ status: 409, body: { code: 'plan-unavailable' } })
  expect(JSON.stringify(answer.body)).toContain('not available with provider existing')
})

for (const provider of ['existing', 'rancher'])
  test(`a second cluster on a site of ${provider} is refused with what to do instead`, async () => {
    await service.close()
    service = await startService(undefined, { ...testSite, provider })
    const { body } = await service.bootstrap()
    const admin = service.as('admin', body.admin.apikey)
    const answer = await order(admin, { plan: 'cluster', phase: 'install', params: { name: 'second' } })
    expect(answer).toMatchObject({ status: 409, body: { code: 'plan-unavailable' } })
    expect(JSON.stringify(answer.body)).toContain('a second cluster is a site of its own, with a site file of its own')
  })

test('an account’s namespace counts in the project that the site has in its Rancher', async () => {
  await service.close()
  service = await startService(undefined, { ...testSite, provider: 'rancher', rancherProject: 'c-m-abcdefgh:p-12345' })
  await service.engine.start()
  const { body } = await service.bootstrap()
  const made = await service
    .as('admin', body.admin.apikey)
    .post('/api/v2/accounts', { name: 'carol', email: 'c@x.org' })
  await service.ended(made.body.command)
  const namespace = await service.outside.kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: 'om-carol' })
  expect(namespace?.metadata.annotations).toEqual({ 'field.cattle.io/projectId': 'c-m-abcdefgh:p-12345' })
})

test('nodes are ordered, and gone when their removal is done', async () => {
  await delivered(alice, { plan: 'nodepool', phase: 'install', params: { 'node-type': 'small', role: 'gpu', size: 2 } })
  const { terraform } = service.outside
  const root = join(service.roots, 'nodepool-alice-pool')
  const made = JSON.parse(readFileSync(join(root, 'terraform.tfvars.json'), 'utf8')) as { machines: object }
  expect(Object.keys(made.machines)).toEqual(['alice-pool-1', 'alice-pool-2'])
  expect(await terraform.resources(root)).not.toEqual([])
  await delivered(alice, { plan: 'nodepool', phase: 'remove' })
  expect(await terraform.resources(root)).toEqual([])
})

test('nodes of an unknown type fail with the types that there are', async () => {
  const { id } = (await order(alice, { plan: 'nodepool', phase: 'install', params: { 'node-type': 'huge' } })).body
  await service.ended(id)
  const { body } = await alice.get(`/api/v2/commands/${id}`)
  expect(body).toMatchObject({ state: 'failed' })
  expect(JSON.stringify(body)).toContain('small, medium, large')
})

test('nodes are ordered with a credential of the account’s own, which nobody is shown and which stays while they are there', async () => {
  const seen: (string | undefined)[] = []
  const { terraform } = service.outside
  const { preview } = terraform
  Object.assign(terraform, {
    preview: async (root: string, run: { env?: Record<string, string> }) => {
      if (root.includes('nodepool-')) seen.push(run.env?.['LOCALCLOUD_TOKEN'])
      return await preview(root, run)
    },
  })
  const pool = { plan: 'nodepool', phase: 'install', params: { name: 'gpu', credential: 'mine' } }
  expect((await order(alice, pool)).body).toMatchObject({
    code: 'need-missing',
    details: { needs: ['credential mine'] },
  })
  await delivered(alice, { plan: 'credential', phase: 'install', params: { name: 'mine', secret: 'geheim-1' } })
  await delivered(alice, pool)
  await delivered(alice, { plan: 'credential', phase: 'update', params: { name: 'mine', secret: 'geheim-2' } })
  await delivered(alice, { plan: 'nodepool', phase: 'update', params: { name: 'gpu', size: 2 } })
  expect([...new Set(seen)]).toEqual(['geheim-1', 'geheim-2'])
  const shown = JSON.stringify([
    (await alice.get('/api/v2/deployments')).body,
    await service.db.selectFrom('commands').selectAll().execute(),
    await service.db.selectFrom('deployments').selectAll().execute(),
    await service.db.selectFrom('tasks').selectAll().execute(),
    await service.db.selectFrom('task_output').selectAll().execute(),
  ])
  expect(shown).not.toContain('geheim')
  const removal = { plan: 'credential', phase: 'remove', params: { name: 'mine' } }
  expect((await order(alice, removal)).body).toMatchObject({ details: { usedBy: ['nodepool gpu'] } })
  await delivered(alice, { plan: 'nodepool', phase: 'remove', params: { name: 'gpu' } })
  await delivered(alice, removal)
})

test('an order that waits says for what and since when, and ends when it is cancelled', async () => {
  service.outside.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'no API server'))
  const { id } = (await order(alice, runtime)).body
  const look = async () => (await alice.get(`/api/v2/commands/${id}`)).body
  await expect.poll(async () => (await look()).message).toContain('waits until command')
  const first = (await look()).waitsFor.command
  const waiting = async () =>
    (await alice.get(`/api/v2/commands/${first}`)).body.steps.find(({ step }: { step: string }) => step === 'namespace')
  await expect.poll(waiting).toMatchObject({
    state: 'running',
    waiting: expect.stringContaining('no API server'),
    waitingSince: expect.stringMatching(/^20/),
  })
  // Changing the account's own plan is for admins; this order is one's own.
  expect((await alice.post(`/api/v2/commands/${first}/cancel`)).status).toBe(403)
  expect((await admin.post(`/api/v2/commands/${first}/cancel`)).status).toBe(202)
  await service.ended(first)
  await service.ended(id)
  expect(await look()).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('needs omegaml with vhost true'),
  })
  expect((await admin.post(`/api/v2/commands/${first}/cancel`)).body.code).toBe('command-ended')
})

test('an account is told of its new way to the broker also when only taking away the old one failed', async () => {
  const before = await brokerOf(alice)
  service.outside.rabbitmq.deleteUser = async () => {
    throw new AppError('forbidden', 'rabbitmq-forbidden', 'no rights')
  }
  const { id } = (await order(alice, runtime)).body
  await service.ended(id)
  const { vhost, user } = await brokerOf(alice)
  expect(vhost).not.toBe(before.vhost)
  expect(await service.outside.rabbitmq.findPermissions(vhost, user)).toEqual(everything)
})

test('a change of what turned out never to be delivered does not deliver half of it', async () => {
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'no such chart'))
  await service.engine.stop()
  const params = { label: 'gpu', image: 'mine/runtime:1' }
  const install = (await order(alice, { ...runtime, params })).body
  const update = (await order(alice, { plan: 'runtime', phase: 'update', params: { label: 'gpu', size: 2 } })).body
  await service.restart()
  await service.ended(install.id)
  await service.ended(update.id)
  expect((await alice.get(`/api/v2/commands/${update.id}`)).body).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('never delivered'),
    steps: [],
  })
  // What failed stays visible, and can always be removed.
  expect((await alice.get('/api/v2/deployments?plan=runtime')).body.deployments).toMatchObject([{ state: 'failed' }])
  await delivered(alice, { plan: 'runtime', phase: 'remove', params: { label: 'gpu' } })
  expect((await alice.get('/api/v2/deployments?plan=runtime')).body.deployments).toEqual([])
  expect(await service.outside.helm.list('om-alice')).toEqual([])
})

test('the store of one account is copied into another’s by admins, completed when repeated, and never overwritten unasked', async () => {
  const bobby = await signUp('bobby')
  const databaseOf = async (caller: Caller) => new URL((await brokerOf(caller)).data.OMEGA_MONGO_URL).pathname.slice(1)
  const [from, to] = [await databaseOf(alice), await databaseOf(bobby)]
  const { mongodb } = service.outside
  mongodb.collection(from, 'omegaml.data').set('1', { a: 1 }).set('2', { a: 2 })
  const wish = { plan: 'migrateuserdb', phase: 'install', account: 'bobby', params: { from: 'alice' } }
  expect((await order(bobby, { ...wish, account: undefined })).body.code).toBe('plan-not-orderable')
  const id = await delivered(admin, wish)
  expect(mongodb.collection(to, 'omegaml.data').get('2')).toEqual({ a: 2 })
  expect((await admin.get(`/api/v2/commands/${id}`)).body.steps[0].message).toContain('2 documents in 1 collections')

  mongodb.collection(to, 'omegaml.data').set('2', { a: 'mine' })
  const again = (await order(admin, { ...wish, params: { from: 'alice', replace: false } })).body
  await service.ended(again.id)
  expect((await admin.get(`/api/v2/commands/${again.id}`)).body).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('omegaml.data: 1'),
  })
  expect(mongodb.collection(to, 'omegaml.data').get('2')).toEqual({ a: 'mine' })
  await delivered(admin, { ...wish, params: { from: 'alice', replace: true } })
  expect(mongodb.collection(to, 'omegaml.data').get('2')).toEqual({ a: 2 })

  const unknown = (await order(admin, { ...wish, params: { from: 'nobody' } })).body
  await service.ended(unknown.id)
  expect((await admin.get(`/api/v2/commands/${unknown.id}`)).body.message).toContain('no account "nobody"')
})
