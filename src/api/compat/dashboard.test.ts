import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FakeKubernetes } from '../../adapters/kubernetes/fake.ts'
import type { FakeMongodb } from '../../adapters/mongodb/fake.ts'
import type { FakeRabbitmq } from '../../adapters/rabbitmq/fake.ts'
import { AppError } from '../../base/errors.ts'
import { SAMPLE_MS, takeSample } from '../../status/sampler.ts'
import { AccountStatus } from '../../status/status.ts'
import { signedInAs, startHouse } from '../testing.ts'
import { startStatusHouse, type StatusHouse } from '../testing-status.ts'

const BASE = '/apps/omops/dashboard/api/v1'
const metricsApi = 'metrics.k8s.io/v1beta1'

let house: StatusHouse
let time: { now: number }
let kubernetes: FakeKubernetes
let rabbitmq: FakeRabbitmq
let mongodb: FakeMongodb
const keys = new Map<string, string>()

beforeEach(async () => {
  house = await startStatusHouse()
  ;({ time, kubernetes, rabbitmq, mongodb } = house)
  keys.set('alice', await house.settled('alice'))
  keys.set('bobby', await house.settled('bobby'))
  keys.set('admin', await house.settled('admin', 'admin'))
})
afterEach(async () => await house.close())

async function ask(path: string, as = 'alice', headers: Record<string, string> = {}) {
  const own = signedInAs(as, keys.get(as) ?? 'wrong')
  // As the client sends them: its own host name, and an empty provider.
  const sent = { host: 'hub.omegaml.io', qualifier: 'default', ...own, ...headers }
  const answer = await house.open.inject({ url: `${BASE}/${path}`, headers: sent })
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
}

const pod = (namespace: string, name: string, status: object = { phase: 'Running' }, spec: object = {}) =>
  kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      nodeName: 'n1',
      nodeSelector: { 'omegaml.io/role': 'worker' },
      containers: [{ name: 'notebook' }],
      ...spec,
    },
    status,
  })

const node = (name: string, ready: string, capacity: object, labels: Record<string, string> = {}) =>
  kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'omegaml.io/role': 'worker', ...labels } },
    status: {
      conditions: [{ type: 'Ready', status: ready }],
      capacity,
      addresses: [{ type: 'InternalIP', address: '10.9.9.9' }],
    },
  })

const size = { cpu: '4', memory: '8170000Ki', 'ephemeral-storage': '49082696Ki' }

describe('pods', () => {
  test('the account’s own are listed, with the columns that the client prints', async () => {
    await pod('om-alice', 'jupyter-alice')
    await pod('om-bobby', 'jupyter-bobby')
    const { status, body } = await ask('status/pods?provider=')
    expect(status).toBe(200)
    expect(body).toEqual({
      objects: [
        {
          name: 'jupyter-alice',
          namespace: 'om-alice',
          status: 'Running',
          nodeName: 'n1',
          nodeSelector: 'omegaml.io/role=worker',
        },
      ],
    })
  })

  const waiting = { containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }] }
  const states: { status: object; word: string; why: string }[] = [
    { status: { phase: 'Pending' }, word: 'Pending', why: 'not started' },
    { status: { phase: 'Running', ...waiting }, word: 'CrashLoopBackOff', why: 'a reason says more than the phase' },
    { status: { phase: 'Succeeded' }, word: 'Completed', why: 'ended well' },
    { status: { phase: 'Failed', reason: 'Evicted' }, word: 'Evicted', why: 'put out' },
    {
      status: { phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 1 } } }] },
      word: 'Error',
      why: 'ended badly',
    },
    { status: {}, word: 'Unknown', why: 'nothing known' },
  ]
  for (const { status, word, why } of states) {
    test(`${word}: ${why}`, async () => {
      await pod('om-alice', 'a', status)
      expect((await ask('status/pods')).body.objects[0].status).toBe(word)
    })
  }

  test('nobody’s are none', async () => expect((await ask('status/pods')).body).toEqual({ objects: [] }))

  test('an admin has no pods, and sees nobody else’s here', async () => {
    await pod('om-alice', 'jupyter-alice')
    expect((await ask('status/pods', 'admin')).body).toEqual({ objects: [] })
  })
})

describe('nodes', () => {
  const capacities: { given: object; told: object; why: string }[] = [
    { given: size, told: size, why: 'a machine as kubelets tell it' },
    {
      given: { cpu: '3920m', memory: '8Gi', 'ephemeral-storage': '50260680704' },
      told: { cpu: '4', memory: '8388608Ki', 'ephemeral-storage': '49082696Ki' },
      why: 'the client’s int() and its Ki take nothing else',
    },
    {
      given: { cpu: 4, memory: '1G', pods: '110', 'nvidia.com/gpu': '1' },
      told: { cpu: '4', memory: '976562Ki', 'ephemeral-storage': '0Ki' },
      why: 'it converts every value that it gets, so it gets three',
    },
  ]
  for (const { given, told, why } of capacities) {
    test(`capacity in strings of digits: ${why}`, async () => {
      await node('n1', 'True', given)
      expect((await ask('status/nodes')).body).toEqual({
        objects: [{ name: 'n1', role: 'worker', status: { Ready: 'True' }, capacity: told }],
      })
    })
  }

  test('a node that is away is not ready, one without a role has a dash', async () => {
    await kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status: { capacity: size } })
    expect((await ask('status/nodes')).body.objects[0]).toMatchObject({ role: '-', status: { Ready: 'Unknown' } })
  })

  test('addresses and labels are for admins', async () => {
    await node('n1', 'True', size, { rack: 'r7' })
    const text = JSON.stringify((await ask('status/nodes')).body)
    expect(text).not.toMatch(/10\.9\.9\.9|r7/)
    const [seen] = (await ask('status/nodes', 'admin')).body.objects
    expect(seen).toMatchObject({ addresses: ['10.9.9.9'], labels: { rack: 'r7' } })
  })
})

describe('runtime', () => {
  test('workers are listed by active, their labels by queues', async () => {
    rabbitmq.setConsumers('omegaml', [{ queue: 'default', connection: 'a' }])
    expect((await ask('status/runtime')).body).toEqual({
      objects: [{ active: { 'celery@shared-1': [] }, queues: { 'celery@shared-1': [{ name: 'default' }] } }],
    })
  })

  test('without workers both keys are there', async () => {
    expect((await ask('status/runtime')).body).toEqual({ objects: [{ active: {}, queues: {} }] })
  })
})

describe('database', () => {
  test('its size in megabytes, in an object', async () => {
    mongodb.setBytes((await house.qualifierOf('alice')).mongodbname, 2_441_330)
    expect((await ask('status/dbsize')).body).toEqual({ objects: { kind: 'mongodb', size: 2.44133, status: 'OK' } })
  })

  test('asked with the account’s own credentials, so that nothing is told when they do not work', async () => {
    await mongodb.dropUser((await house.qualifierOf('alice')).mongouser)
    const { status, body } = await ask('status/dbsize')
    expect(status).toBe(503)
    expect(body.objects).toMatchObject({ kind: 'mongodb', size: null, status: expect.stringMatching(/^error: /) })
  })

  test('an admin has none', async () => expect((await ask('status/dbsize', 'admin')).status).toBe(404))
})

describe('logs', () => {
  test('what the pod said, as one text', async () => {
    await pod('om-alice', 'jupyter-alice')
    kubernetes.setLogs({ namespace: 'om-alice', name: 'jupyter-alice' }, 'one\ntwo\n')
    expect(await ask('logs/jupyter-alice?since=5m&provider=')).toMatchObject({
      status: 200,
      body: { entries: 'one\ntwo\n' },
    })
    expect((await ask('logs/jupyter-alice?since=None')).status).toBe(200)
  })

  test('of another’s pod nothing, not even that it is there', async () => {
    await pod('om-bobby', 'jupyter-bobby')
    kubernetes.setLogs({ namespace: 'om-bobby', name: 'jupyter-bobby' }, 'secret\n')
    const [other, missing] = [await ask('logs/jupyter-bobby'), await ask('logs/jupyter-nobody')]
    expect([other.status, missing.status]).toEqual([404, 404])
    expect(other.body.entries).toBe('error: there is no pod "jupyter-bobby"')
    for (const way of ['..%2Fom-bobby%2Fjupyter-bobby', '..%2F..%2Fom-bobby%2Fpods%2Fjupyter-bobby'])
      expect((await ask(`logs/${way}`)).status, way).toBe(404)
  })

  test('a pod without a log yet has an empty one', async () => {
    await pod('om-alice', 'a', { phase: 'Pending' })
    expect((await ask('logs/a')).body).toEqual({ entries: '' })
  })

  test('a wrong time says what is right, where the client prints it', async () => {
    await pod('om-alice', 'a')
    const { status, body } = await ask('logs/a?since=yesterday')
    expect(status).toBe(400)
    expect(body.entries).toMatch(/^error: since "yesterday" can't be used: right is seconds, /)
  })
})

describe('metrics', () => {
  async function sampled(cores: string, memory: string, full?: ReadonlyMap<string, number>): Promise<void> {
    const usage = { cpu: cores, memory }
    await kubernetes.apply({ apiVersion: metricsApi, kind: 'NodeMetrics', metadata: { name: 'n1' }, usage })
    for (const namespace of ['om-alice', 'om-bobby']) {
      const metadata = { name: `nb-${namespace}`, namespace }
      await kubernetes.apply({ apiVersion: metricsApi, kind: 'PodMetrics', metadata, containers: [{ usage }] })
    }
    await takeSample({ ...house, ...(full === undefined ? {} : { disks: async () => full }) })
  }

  beforeEach(async () => await node('n1', 'True', { cpu: '4', memory: '4Gi', 'ephemeral-storage': '1Gi' }))

  const instant: { name: string; metric: object; value: string; why: string }[] = [
    { name: 'node_cpu_usage', metric: { node: 'n1' }, value: '25', why: 'percent of the machine' },
    { name: 'node_memory_usage', metric: { node: 'n1' }, value: '12.5', why: 'percent of the machine' },
    {
      name: 'pod_cpu_usage',
      metric: { pod_name: 'nb-om-alice', namespace: 'om-alice' },
      value: '100',
      why: 'percent of one core',
    },
    {
      name: 'pod_memory_usage',
      metric: { pod_name: 'nb-om-alice', namespace: 'om-alice' },
      value: '536870912',
      why: 'bytes',
    },
  ]
  for (const { name, metric, value, why } of instant) {
    test(`${name} in ${why}, as Prometheus answers`, async () => {
      await sampled('1', '512Mi')
      const { body } = await ask(`metrics/${name}?provider=`)
      const at = time.now / 1000
      expect(body).toEqual({
        objects: { status: 'success', data: { resultType: 'vector', result: [{ metric, value: [at, value] }] } },
      })
    })
  }

  test('a range holds a point per step, from when there are some', async () => {
    const start = time.now
    for (let n = 0; n < 20; n += 1) {
      await sampled(`${n * 100}m`, '1Gi')
      time.now += SAMPLE_MS
    }
    const query = new URLSearchParams({
      // Half an hour before now, of which ten minutes are known.
      start: new Date(time.now - 1_800_000).toISOString().replace('T', ' ').replace('Z', '000+00:00'),
      end: new Date(time.now).toISOString().replace('T', ' ').replace('Z', ''),
      step: '5m',
    })
    const { body } = await ask(`metrics/pod_cpu_usage?provider=&${query.toString()}`)
    expect(body.objects.data.resultType).toBe('matrix')
    const [{ metric, values }] = body.objects.data.result
    expect(metric).toEqual({ pod_name: 'nb-om-alice', namespace: 'om-alice' })
    expect(values).toEqual([
      [start / 1000, '0'],
      [start / 1000 + 300, '100'],
      [start / 1000 + 600, '190'],
    ])
  })

  test('what stopped is not there any more', async () => {
    await sampled('1', '1Gi')
    time.now += 10 * SAMPLE_MS
    expect((await ask('metrics/node_cpu_usage')).body.objects.data.result).toEqual([])
  })

  test('how full a disk is, in percent of it, as its kubelet said', async () => {
    await node('n2', 'True', { cpu: '4', memory: '4Gi', 'ephemeral-storage': '1Gi' })
    const usage = { cpu: '1', memory: '1Gi' }
    await kubernetes.apply({ apiVersion: metricsApi, kind: 'NodeMetrics', metadata: { name: 'n2' }, usage })
    await sampled('1', '1Gi', new Map([['n1', 0.4321]]))
    const { result } = (await ask('metrics/node_disk_usage')).body.objects.data
    expect(result).toEqual([{ metric: { node: 'n1' }, value: [time.now / 1000, '43.21'] }])
  })

  test('disks that nobody tells are an empty result, at which the client says that there is none', async () => {
    await sampled('1', '1Gi')
    expect((await ask('metrics/node_disk_usage')).body.objects.data.result).toEqual([])
  })

  const refused: { query: string; code: number; message: RegExp }[] = [
    { query: 'node_heat', code: 404, message: /no metric "node_heat"; there are node_cpu_usage, / },
    { query: 'node_cpu_usage?start=yesterday', code: 400, message: /start "yesterday" can't be used/ },
    { query: 'node_cpu_usage?start=2026-11-24&step=-1', code: 400, message: /step "-1" can't be used/ },
    { query: 'node_cpu_usage?start=2026-11-24&end=2026-11-23', code: 400, message: /a time before end/ },
    { query: 'node_cpu_usage?start=2026-11-23T08:00:00Z&step=1', code: 400, message: /11000 points at most/ },
  ]
  for (const { query, code, message } of refused) {
    test(`${code}: ${query}`, async () => {
      const { status, body } = await ask(`metrics/${query}`)
      expect(status).toBe(code)
      expect(body.objects).toMatchObject({ status: 'error', error: expect.stringMatching(message) })
    })
  }

  test('a range that began years ago is that of what is kept', async () => {
    await sampled('1', '1Gi')
    const { status, body } = await ask('metrics/node_cpu_usage?start=2020-01-01&step=30s')
    expect([status, body.objects.data.result.length]).toEqual([200, 1])
  })
})

const calls = ['status/runtime', 'status/pods', 'status/nodes', 'status/dbsize', 'metrics/node_cpu_usage', 'logs/a']

/** What the client reads of each answer, whatever the status: it must not break, and must show something to its user. */
function asTheClientReads(call: string, body: { objects?: unknown; entries?: unknown }): string {
  // oxlint-disable-next-line typescript/no-explicit-any -- as loose as Python reads it
  const objects = body.objects as any
  switch (call) {
    case 'status/runtime':
      return Object.keys(objects[0].active)
        .map((name) => `${name} ${(objects[0].queues[name] ?? []).length}`)
        .join()
    case 'status/pods':
      return objects.map((row: object) => Object.values(row).join(' ')).join()
    case 'status/nodes':
      for (const value of Object.values(objects[0].capacity)) expect(value).toMatch(/^\d+(Ki|Mi)?$/)
      return `${objects[0].name} ${objects[0].status['Ready']} ${objects[0].role}`
    case 'status/dbsize':
      return [objects['kind'], objects['size'], objects['status']].join(' ')
    case 'logs/a':
      return String(body.entries)
    default:
      return String(objects['error'])
  }
}

const failures: { why: string; code: number; says: RegExp; break: () => Promise<Record<string, string>> }[] = [
  {
    why: 'a wrong key',
    code: 401,
    says: /wrong/,
    break: async () => signedInAs('alice', 'wrong'),
  },
  {
    why: 'an unknown qualifier',
    code: 404,
    says: /no service available for user alice and qualifier team/,
    break: async () => ({ qualifier: 'team' }),
  },
]
for (const { why, code, says, break: breaks } of failures) {
  for (const call of calls) {
    test(`${code} of ${call} at ${why} is JSON that the client can read and show`, async () => {
      const { status, headers, body } = await ask(call, 'alice', await breaks())
      expect(status).toBe(code)
      expect(headers['content-type']).toMatch(/json/)
      expect(asTheClientReads(call, body)).toMatch(says)
    })
  }
}

test('what the site lacks, or what refuses us, is unavailable and says what was asked', async () => {
  const bare = await startHouse({ ...house.deps, status: new AccountStatus({ ...house.deps }) })
  await pod('om-alice', 'a')
  kubernetes.failWith(new AppError('forbidden', 'kubernetes-forbidden', 'listing Pod at https://10.9.9.9'))
  await rabbitmq.deleteVhost('omegaml')
  await mongodb.dropUser((await house.qualifierOf('alice')).mongouser)
  for (const app of [house.open, bare.open]) {
    for (const call of calls) {
      const answer = await app.inject({ url: `${BASE}/${call}`, headers: signedInAs('alice', keys.get('alice') ?? '') })
      expect([call, answer.statusCode]).toEqual([call, 503])
      expect(asTheClientReads(call, answer.json())).toMatch(/asking for|reading the log/)
      expect(answer.body).not.toContain('10.9.9.9')
    }
  }
  await bare.close()
})

test('the internal port has none of it', async () => {
  for (const call of calls)
    expect(
      (await house.inside.inject({ url: `${BASE}/${call}`, headers: signedInAs('alice', keys.get('alice') ?? '') }))
        .statusCode,
    ).toBe(404)
})

test('an account without a service has no status', async () => {
  const { accounts, db } = house.deps
  const { apikey } = await db
    .transaction()
    .execute((tx) =>
      accounts.create(tx, { name: 'carol', email: 'c@example.org', role: 'user', rights: [], passwordHash: null }),
    )
  keys.set('carol', apikey)
  expect((await ask('status/pods', 'carol')).status).toBe(404)
})
