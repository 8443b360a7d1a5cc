import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { nodepool } from '../../src/actions/nodepool.ts'
import { bound, createTestContext, type TestContext } from '../../src/actions/testing.ts'
import type { Kubernetes, Manifest } from '../../src/adapters/kubernetes/port.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { createDoors, nothingThere } from '../../src/clusters/doors.ts'
import type { HcloudJoin } from '../../src/clusters/hcloud-nodepool-root.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { createStateStore, rootLock } from '../../src/clusters/terraform-states.ts'
import { testJoining } from '../../src/clusters/testing.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { needProgram } from '../support/programs.ts'
import { createStandin, type Standin } from '../support/standin.ts'

/**
 * Pools that are ordered on a site at Hetzner: the real OpenTofu, a stand-in of the provider, and a real API server on which
 * the test plays the nodes.
 */
const project = resolve(import.meta.dirname, '../..')
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const order = { account: 'alice', name: 'gpu', role: 'worker', type: 'small', size: 2 }
const [first, second] = ['omega-alice-gpu-1', 'omega-alice-gpu-2']
const token = 'abcdef0123456789'.repeat(4)

let folder: string
let standin: Standin
let cluster: TestCluster
let db: Db
let states: StateBackend
let joining: HcloudJoin['joining']

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hcloud-nodepool-'))
  standin = await createStandin(join(folder, 'standin'))
  cluster = await startCluster()
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  await db
    .insertInto('locks')
    .values({ name: rootLock('nodepool-alice-gpu'), task_id: 1, fencing: 1, taken_at: 1 })
    .execute()
  states = new StateBackend({ states: createStateStore(db, keys, Date.now), log: silentLog })
  await states.start()
})
afterAll(async () => {
  await states?.stop()
  await db?.destroy()
  await cluster?.stop()
  await rm(folder, { recursive: true, force: true })
})
/** What the operator's root made. */
beforeEach(async () => {
  await standin.reset()
  await standin.seed({
    type: 'hcloud_network',
    id: '11',
    attributes: { id: '11', name: 'omega', ip_range: '10.0.0.0/16' },
  })
  await standin.seed({ type: 'hcloud_ssh_key', id: '13', attributes: { id: '13', name: 'me' } })
  await standin.seed({ type: 'hcloud_firewall', id: '12', attributes: { id: '12', name: 'omega' } })
  joining = { ...testJoining, ssh_keys: ['me'] }
})

/** An engine with an empty folder. */
async function engine() {
  const own = await mkdtemp(join(folder, 'engine-'))
  const parts = {
    terraform: createTerraformCli({ program: needProgram('tofu'), folder: join(own, 'cli'), mirror: standin.mirror }),
    states,
    provider: {
      provider: loadProvider(join(project, 'catalog/providers'), 'hcloud'),
      site: { cluster: 'omega', endpoint: '', ca: '' },
      env: { HCLOUD_TOKEN: token },
      hcloud: async () => ({ joining, agentToken: 'token-of-workers' }),
    },
    folder: join(own, 'roots'),
    modules: join(project, 'terraform'),
    kubernetes: cluster.kubernetes,
    clock: systemClock,
  }
  return nodepool(parts, () => createDoors({ db, keys, enter: () => nothingThere }))
}

/** A context that tells what is waited for as soon as it is. */
function waitingFor(pattern: RegExp, then: () => Promise<unknown>): TestContext {
  const context = createTestContext()
  let done: Promise<unknown> | undefined
  return {
    ...context,
    waiting: (reason) => {
      context.waiting(reason)
      if (reason !== undefined && pattern.test(reason)) done ??= then()
    },
  }
}

function node(name: string, pool: string): Manifest {
  const status = { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }] }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'omegaml.io/pool': pool } }, status }
}

async function nodesJoin(kubernetes: Kubernetes): Promise<void> {
  for (const name of [first, second]) await kubernetes.apply(node(name, 'alice-gpu'))
}

const servers = async () => (await standin.things('hcloud_server')).map(({ attributes }) => attributes)
const names = async () => (await servers()).map(({ name }) => String(name)).toSorted()
const nodes = async () =>
  (await cluster.kubernetes.list({ apiVersion: 'v1', kind: 'Node' })).map(({ metadata }) => metadata.name).toSorted()

test('machines join the site’s network and cluster, are drained before they go, and leave nothing', async () => {
  const { kubernetes } = cluster
  const action = await engine()
  const pool = bound(action, order)
  const joins = waitingFor(/alice-gpu: 0 of 2 nodes ready/, async () => await nodesJoin(kubernetes))
  expect(await pool.ensure(joins)).toMatchObject({ changed: true })

  expect(await names()).toEqual([first, second])
  const [machine] = await servers()
  expect(machine).toMatchObject({
    server_type: 'cx23',
    location: 'fsn1',
    image: 'debian-13',
    ssh_keys: ['me'],
    firewall_ids: [12],
    labels: { cluster: 'omega', ordered: 'omega-alice-gpu' },
    network: [expect.objectContaining({ network_id: 11 })],
  })
  const [group] = await standin.things('hcloud_placement_group')
  expect(String(machine?.['placement_group_id'])).toBe(group?.id)
  const init = parse(String(machine?.['user_data'])) as {
    write_files: { path: string; content: string }[]
    runcmd: string[][]
  }
  const config = init.write_files.find(({ path }) => path.endsWith('/config.yaml'))?.content ?? ''
  expect(parse(config)).toEqual({
    server: 'https://10.0.1.11:6443',
    token: 'token-of-workers',
    'node-name': machine?.['name'],
    'kubelet-arg': ['cloud-provider=external'],
    'node-label': ['omegaml.io/role=worker', 'omegaml.io/pool=alice-gpu'],
    'node-taint': ['omegaml.io/account=alice:NoSchedule'],
  })
  expect(init.runcmd).toEqual([['/usr/local/sbin/k3s-begin', 'agent', 'v1.35.8+k3s1', '10.0.0.0/16']])

  // Another engine, another version of k3s: running machines stay.
  joining = { ...joining, k3s_version: 'v1.36.2+k3s1' }
  const next = bound(await engine(), order)
  const calls = await standin.calls()
  expect(await next.observe()).toMatchObject({ state: 'present' })
  expect(await next.ensure()).toMatchObject({ changed: false })
  expect(await standin.calls()).toEqual(calls)

  // One machine fewer: its pod is asked to go first, while the machine is there.
  const metadata = { name: 'work', namespace: 'default' }
  const spec = { nodeName: second, containers: [{ name: 'a', image: 'a' }], terminationGracePeriodSeconds: 0 }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec })
  const seen: string[] = []
  const drains = waitingFor(/1 pods to leave omega-alice-gpu-2/, async () => {
    seen.push(...(await names()))
    expect(await kubernetes.find({ apiVersion: 'v1', kind: 'Node', name: second })).toMatchObject({
      spec: { unschedulable: true },
    })
  })
  await bound(action, { ...order, size: 1 }).ensure(drains)
  expect(seen).toEqual([first, second])
  expect(await kubernetes.find({ apiVersion: 'v1', kind: 'Pod', ...metadata })).toBeUndefined()
  expect([await names(), await nodes()]).toEqual([[first], [first]])

  await pool.remove()
  expect([await names(), await nodes()]).toEqual([[], []])
  expect(await standin.things('hcloud_placement_group')).toEqual([])
  expect(await pool.observe()).toMatchObject({ state: 'absent' })
  // What is the operator's is still there.
  expect((await standin.things()).map(({ type }) => type).toSorted()).toEqual([
    'hcloud_firewall',
    'hcloud_network',
    'hcloud_ssh_key',
  ])
})

test('a quota that is used up is told, and what a killed run made is taken on', async () => {
  const pool = bound(await engine(), order)
  await standin.fault({ type: 'hcloud_server', kind: 'quota', name: second })
  await expect(pool.ensure()).rejects.toMatchObject({ code: 'cloud-quota' })
  await standin.fault({ type: 'hcloud_server', kind: 'timeout', name: second })
  await expect(pool.ensure()).rejects.toMatchObject({ kind: 'unavailable' })
  await nodesJoin(cluster.kubernetes)
  await bound(await engine(), order).ensure()
  expect(await names()).toEqual([first, second])
  await pool.remove()
  expect(await names()).toEqual([])
})

test('what can’t be had there is refused before anything is touched', async () => {
  const action = await engine()
  const right = expect.stringMatching(/^small, medium, large, cx23, /)
  await expect(bound(action, { ...order, type: 'huge' }).ensure()).rejects.toMatchObject({
    code: 'node-type-unknown',
    details: { field: 'node-type', right },
  })
  const wrong = [
    { given: { cluster: 'second' }, code: 'cluster-unknown' },
    { given: { min: 1, max: 3 }, code: 'pool-invalid' },
  ]
  for (const { given, code } of wrong) {
    const pool = bound(action, { ...order, ...given })
    await expect(pool.ensure()).rejects.toMatchObject({ code })
    expect(await pool.observe()).toMatchObject({ state: 'absent' })
  }
  expect(await standin.calls()).toEqual([])
})
