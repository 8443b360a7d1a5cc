import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { nodepool } from '../../src/actions/nodepool.ts'
import { bound, createTestContext } from '../../src/actions/testing.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../../src/adapters/kubernetes/fake.ts'
import { createFakeRancher } from '../../src/adapters/rancher/fake.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import type { Terraform } from '../../src/adapters/terraform/port.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type RancherHandover, rancherHandover } from '../../src/clusters/ordered-pools.ts'
import { nothingThere } from '../../src/clusters/doors.ts'
import { type CloudRootsInput, writeStage } from '../../src/site/actions/cloud-roots.ts'
import { keptTerraform } from '../../src/site/actions/kept-terraform.ts'
import { poolSizesAction } from '../../src/site/actions/pool-sizes.ts'
import { providerRancherAction } from '../../src/site/actions/provider-rancher.ts'
import type { RancherCloud } from '../../src/site/cloud.ts'
import { cloudEnv, orderingTerraform } from '../../src/site/cloud-roots.ts'
import { needProgram } from '../support/programs.ts'
import { createStandin, type Standin } from '../support/standin.ts'
import { startStateServer, type StateServer } from '../support/state-server.ts'

/**
 * Pools that are ordered on a site whose cluster a Rancher made: the operator's steps and the service change one root in turn,
 * with the real OpenTofu, a stand-in of the provider, and a server that keeps the state for both.
 */
const project = resolve(import.meta.dirname, '../..')
const providers = join(project, 'catalog/providers')
const order = { account: 'alice', name: 'gpu', role: 'worker', type: 'g6-standard-6', size: 2 }
const secrets = { 'rancher-given-token': 'token-x:of-the-operator', 'credential-token': 'of-the-cloud' }

let folder: string
let standin: Standin
let terraform: Terraform
let server: StateServer
let kubernetes: FakeKubernetes
const rancher = createFakeRancher()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rancher-nodepool-'))
  standin = await createStandin(join(folder, 'standin'))
  terraform = createTerraformCli({ program: needProgram('tofu'), folder: join(folder, 'cli'), mirror: standin.mirror })
  server = await startStateServer('site', 'hunter22')
})
afterAll(async () => {
  server?.stop()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await standin.reset()
  server.stored.clear()
  rancher.sizes = {}
  kubernetes = createFakeKubernetes()
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'omegaml-services' } })
})

const worker = { name: 'everything', role: 'worker', machineType: 'g6-standard-6', size: 1 }
const control = { name: 'control', role: 'control', machineType: 'g6-standard-2', size: 1 }

/** The operator's side of a site with these pools. */
function operator(pools: RancherCloud['pools'], isShared = true) {
  const cloud: RancherCloud = {
    kind: 'rancher',
    url: 'https://rancher.example.com',
    driver: 'linode',
    machine: { region: 'eu-central' },
    pools,
    distribution: 'rke2',
  }
  const address = `http://127.0.0.1:${server.port}/{root}`
  const settings = { address, lock_address: address, unlock_address: address, username: 'site' }
  const wanted: CloudRootsInput = {
    site: 'acme',
    domain: 'acme.example.org',
    cloud,
    volumes: {},
    folder: join(folder, 'operator'),
    modules: join(project, 'terraform'),
    state: isShared ? { backend: 'http', settings } : { settings: {} },
  }
  const ordering = orderingTerraform(terraform, cloud, () => secrets)
  const outsideEnv = () => ({ TF_HTTP_PASSWORD: 'hunter22' })
  const kept = keptTerraform(ordering, { store: {} as never, backend: {} as never, outsideEnv })
  const outputs = async (root: string, signal: AbortSignal) =>
    await ordering.outputs(root, { env: outsideEnv(), signal })
  const sizes = poolSizesAction({ rancher, token: () => '', outputs, providers })
  const root = join(wanted.folder, 'cluster')
  const apply = async () =>
    await kept.ensure({ root, deletes: 'allow', keeps: ['ordered_pools'], env: {} }, createTestContext())
  const handing = providerRancherAction({
    kubernetes,
    env: () => ({ ...cloudEnv('cluster', cloud, secrets), ...outsideEnv() }),
    token: () => secrets['rancher-given-token'],
  })
  const hand = async () =>
    await bound(handing, { cluster: 'acme', namespace: 'omegaml-services', url: cloud.url, root }).ensure()
  return {
    write: async () => await writeStage('cluster', wanted, { providers }),
    read: async () => await sizes.ensure(wanted, createTestContext()),
    apply,
    hand,
    up: async () => {
      await writeStage('cluster', wanted, { providers })
      await sizes.ensure(wanted, createTestContext())
      const outcome = await apply()
      await hand()
      return outcome
    },
  }
}

async function handed(): Promise<RancherHandover> {
  const ref = { apiVersion: 'v1', kind: 'Secret', name: 'cloudmgr-provider', namespace: 'omegaml-services' }
  const data = (await kubernetes.find(ref))?.['data'] as Record<string, string>
  return rancherHandover.parse(JSON.parse(Buffer.from(data['settings'] ?? '', 'base64').toString()))
}

/** The service's, with an empty folder. */
async function engine(handover = handed) {
  const own = await mkdtemp(join(folder, 'engine-'))
  const parts = {
    terraform,
    states: { credentialFor: () => expect.unreachable('the state lies with both') },
    provider: {
      provider: { provider: 'rancher', title: 'A Rancher', nodeTypes: {} },
      site: { cluster: 'acme', endpoint: '', ca: '' },
      env: {},
      rancher: {
        site: 'acme',
        handover,
        sizes: async () => rancher.sizes,
        takeServiceTokens: () => expect.unreachable('no cluster is ordered'),
      },
    },
    folder: join(own, 'roots'),
    modules: join(project, 'terraform'),
    kubernetes,
    clock: systemClock,
  }
  return nodepool(parts, () => ({ open: async () => nothingThere }))
}

async function nodesReady(...names: string[]): Promise<void> {
  for (const name of names) {
    const metadata = { name, labels: { 'omegaml.io/pool': 'alice-gpu' } }
    const status = { conditions: [{ type: 'Ready', status: 'True' }] }
    await kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata, status })
  }
}

interface MachinePool {
  readonly name: string
  readonly quantity: number
}

/** Machine pools of the cluster, by name. */
async function pools(): Promise<Record<string, MachinePool>> {
  const [cluster] = await standin.things('rancher2_cluster_v2')
  const [config] = (cluster?.attributes['rke_config'] ?? []) as { machine_pools: MachinePool[] }[]
  return Object.fromEntries((config?.machine_pools ?? []).map((pool) => [pool.name, pool]))
}

test('an ordered pool becomes part of the cluster, outlives the operator’s up, and goes when it is removed', async () => {
  const first = operator([control, worker])
  await first.up()
  const pool = bound(await engine(), order)
  expect(await pool.observe()).toMatchObject({ state: 'absent' })
  await nodesReady('n-1', 'n-2')
  expect(await pool.ensure()).toMatchObject({ changed: true })
  expect((await pools())['alice-gpu']).toMatchObject({
    quantity: 2,
    drain_before_delete: true,
    worker_role: true,
    control_plane_role: false,
    machine_labels: { 'omegaml.io/role': 'worker', 'omegaml.io/pool': 'alice-gpu' },
    taints: [{ key: 'omegaml.io/account', value: 'alice', effect: 'NoSchedule' }],
  })
  const again = bound(await engine(), order)
  const calls = await standin.calls()
  expect(await again.observe()).toMatchObject({ state: 'present' })
  expect(await again.ensure()).toMatchObject({ changed: false })
  expect(await first.up()).toMatchObject({ changed: false })
  expect(await standin.calls()).toEqual(calls)

  // The operator wants another machine: what was ordered stays.
  const stale = await handed()
  await operator([control, { ...worker, size: 2 }]).up()
  expect(Object.entries(await pools()).map(([name, { quantity }]) => [name, quantity])).toEqual(
    expect.arrayContaining([
      ['control', 1],
      ['everything', 2],
      ['alice-gpu', 2],
    ]),
  )
  // A service that has not heard of it yet undoes nothing.
  const late = bound(await engine(async () => stale), { ...order, size: 1 })
  await expect(late.ensure()).rejects.toMatchObject({ kind: 'unavailable', code: 'terraform-changed-meanwhile' })
  expect((await pools())['everything']).toMatchObject({ quantity: 2 })

  expect(await bound(await engine(), { ...order, size: 1 }).ensure()).toMatchObject({ changed: true })
  expect((await pools())['alice-gpu']).toMatchObject({ quantity: 1 })
  await pool.remove()
  expect(Object.keys(await pools()).toSorted()).toEqual(['control', 'everything'])
  expect(await pool.observe()).toMatchObject({ state: 'absent' })
})

test('an operator who did not hear of an order in time is stopped before it goes', async () => {
  const site = operator([control, worker])
  await site.up()
  await site.read()
  await nodesReady('n-1', 'n-2')
  await bound(await engine(), order).ensure()
  await expect(site.apply()).rejects.toMatchObject({ kind: 'unavailable', code: 'terraform-changed-meanwhile' })
  expect(Object.keys(await pools())).toContain('alice-gpu')

  server.away = true
  await expect(site.read()).rejects.toMatchObject({ kind: 'unavailable' })
  server.away = false
  expect(await site.up()).toMatchObject({ changed: false })
})

test('an autoscaled pool keeps the size that it has', async () => {
  await operator([control, worker]).up()
  await nodesReady('n-1', 'n-2')
  const scaled = { ...order, min: 1, max: 5 }
  await bound(await engine(), scaled).ensure()
  const annotations = {
    'cluster.provisioning.cattle.io/autoscaler-min-size': '1',
    'cluster.provisioning.cattle.io/autoscaler-max-size': '5',
  }
  expect((await pools())['alice-gpu']).toMatchObject({ quantity: 2, annotations })
  rancher.sizes = { 'alice-gpu': 4 }
  expect(await operator([control, worker]).up()).toMatchObject({ changed: true })
  expect((await pools())['alice-gpu']).toMatchObject({ quantity: 4, annotations })
  await bound(await engine(), { ...scaled, max: 8 }).ensure()
  expect((await pools())['alice-gpu']).toMatchObject({ quantity: 4 })
})

test('what this cluster can’t have is refused before anything is touched', async () => {
  await operator([control, worker]).up()
  const action = await engine()
  const calls = await standin.calls()
  const wrong: { given: object; error: object }[] = [
    {
      given: { type: 'huge' },
      error: { code: 'node-type-unknown', details: { right: 'small, g6-standard-6' } },
    },
    { given: { min: 3, max: 4 }, error: { code: 'pool-invalid', details: { field: 'min' } } },
    { given: { cluster: 'second' }, error: { code: 'pool-of-cluster' } },
    { given: { credential: { name: 'mine', secret: 'x' } }, error: { code: 'credential-invalid' } },
  ]
  for (const { given, error } of wrong) {
    const pool = bound(action, { ...order, ...given })
    await expect(pool.ensure()).rejects.toMatchObject(error)
    // So that it can be taken back.
    expect(await pool.observe()).toMatchObject({ state: 'absent' })
  }
  expect(await standin.calls()).toEqual(calls)
})

test('where the state lies with the operator alone, the order says whom to ask, and no secret is handed over', async () => {
  const alone = operator([control, worker], false)
  await alone.write()
  await alone.hand()
  expect(JSON.stringify(await handed())).not.toMatch(/of-the-operator|of-the-cloud|hunter22/)
  const pool = bound(await engine(), order)
  await expect(pool.ensure()).rejects.toMatchObject({
    kind: 'conflict',
    code: 'pools-by-operator',
    message: expect.stringContaining("change its machines with the operator's CLI"),
  })
  // So that it can be taken back.
  expect([await pool.remove(), await pool.observe()]).toMatchObject([{ changed: false }, { state: 'absent' }])
  expect(await standin.calls()).toEqual([])
})
