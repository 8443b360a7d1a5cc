import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Manifest } from '../../adapters/kubernetes/port.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../../adapters/kubernetes/fake.ts'
import { createFakeMongodb, type FakeMongodb } from '../../adapters/mongodb/fake.ts'
import { createFakeRabbitmq, type FakeRabbitmq } from '../../adapters/rabbitmq/fake.ts'
import { openDatabase } from '../../db/database.ts'
import { migrate } from '../../db/migrate.ts'
import { AccountStatus } from '../../status/status.ts'
import { signedInAs, startHouse, testSite, type TestHouse } from '../testing.ts'

let house: TestHouse
let kubernetes: FakeKubernetes
let rabbitmq: FakeRabbitmq
let mongodb: FakeMongodb
const keys = new Map<string, string>()
const time = { now: 0 }

beforeEach(async () => {
  time.now = Date.parse('2026-11-24T08:00:00Z')
  const clock = { now: () => time.now, sleep: async () => {} }
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  kubernetes = createFakeKubernetes()
  rabbitmq = createFakeRabbitmq()
  mongodb = createFakeMongodb()
  const status = new AccountStatus({ db, clock, site: testSite, kubernetes, broker: rabbitmq, databases: mongodb })
  house = await startHouse({ db, clock, status })
  const { accounts, deployments } = house.deps
  for (const [name, role] of [
    ['alice', 'user'],
    ['bobby', 'user'],
    ['admin', 'admin'],
  ] as const) {
    const wanted = { name, email: `${name}@example.org`, role, rights: [], passwordHash: null }
    const { account, apikey } = await db.transaction().execute((tx) => accounts.create(tx, wanted))
    keys.set(name, apikey)
    if (role !== 'user') continue
    await deployments.ensurePending(db, account, 'omegaml')
    await deployments.settle(db, account.id, 'omegaml', 'completed')
  }
  await rabbitmq.ensureVhost('omegaml')
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'om-alice' } })
  const settings = await deployments.servedSettings((await accounts.get(db, 'alice')).id, 'omegaml')
  const own = settings?.qualifiers['default']
  if (own === undefined) throw new Error('alice has no settings')
  await mongodb.ensureUser({ user: own.mongouser, password: own.mongopassword, databases: [own.mongodbname] })
  mongodb.setBytes(own.mongodbname, 8192)
})
afterEach(async () => {
  await house.close()
  await house.db.destroy()
})

async function ask(account: string, as: string) {
  const headers = signedInAs(as, keys.get(as) ?? '')
  const answer = await house.open.inject({ url: `/api/v2/accounts/${account}/status`, headers })
  return { status: answer.statusCode, body: answer.json() }
}

function server(ready: string, metadata: Partial<Manifest['metadata']> = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'jupyter', namespace: 'om-alice', labels: { component: 'singleuser-server' }, ...metadata },
    spec: { nodeName: 'n1' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
  }
}

test('pods, workers, bytes of the database and the notebook, for the account and for admins', async () => {
  await kubernetes.apply(server('True'))
  rabbitmq.setConsumers('omegaml', [{ queue: 'default', connection: 'a' }])
  const wanted = {
    userid: 'alice',
    pods: [{ name: 'jupyter', status: 'Running', ready: true, node: 'n1' }],
    workers: [{ name: 'celery@shared-1', queues: ['default'] }],
    database: { bytes: 8192 },
    notebook: 'running',
    problems: [],
  }
  expect(await ask('alice', 'alice')).toEqual({ status: 200, body: wanted })
  expect(await ask('alice', 'admin')).toEqual({ status: 200, body: wanted })
  expect((await ask('alice', 'bobby')).status).toBe(403)
})

const notebooks: { pod: Manifest | undefined; notebook: string; why: string }[] = [
  { pod: undefined, notebook: 'stopped', why: 'there is no server' },
  { pod: server('False'), notebook: 'starting', why: 'its server is not ready' },
  { pod: server('True'), notebook: 'running', why: 'its server is ready' },
  { pod: server('True', { deletionTimestamp: '2026-11-24' }), notebook: 'stopped', why: 'its server is ending' },
  { pod: server('True', { labels: { app: 'worker' } }), notebook: 'stopped', why: 'another pod is no server' },
]
for (const { pod, notebook, why } of notebooks) {
  test(`the notebook is ${notebook} when ${why}`, async () => {
    if (pod !== undefined) await kubernetes.apply(pod)
    expect((await ask('alice', 'alice')).body.notebook).toBe(notebook)
  })
}

test('what can not be asked is null and named, the rest is answered', async () => {
  await rabbitmq.deleteVhost('omegaml')
  const { status, body } = await ask('alice', 'alice')
  expect(status).toBe(200)
  expect(body).toMatchObject({ pods: [], workers: null, notebook: 'stopped', database: { bytes: 8192 } })
  expect(body.problems).toEqual([{ part: 'workers', message: 'asking for the runtime workers' }])
})

test('asked again within seconds, the outside is left alone', async () => {
  await ask('alice', 'alice')
  await kubernetes.apply(server('True'))
  expect((await ask('alice', 'alice')).body.pods).toEqual([])
  time.now += 5_001
  expect((await ask('alice', 'alice')).body.pods).toHaveLength(1)
})
