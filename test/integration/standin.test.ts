import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { isEmpty, type Terraform } from '../../src/adapters/terraform/port.ts'
import { createStandin, type Standin } from '../support/standin.ts'
import { needProgram } from '../support/programs.ts'

/** The stand-in itself, by the real OpenTofu: what tests with it may rely on. */
let work: string
let standin: Standin
let terraform: Terraform
let count = 0

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'standin-'))
  standin = await createStandin(join(work, 'standin'))
  terraform = createTerraformCli({ program: needProgram('tofu'), folder: join(work, 'cli'), mirror: standin.mirror })
})

afterAll(async () => {
  await rm(work, { recursive: true, force: true })
})

beforeEach(() => standin.reset())

const token = '0123456789abcdef'.repeat(4)

async function root(resource: object, more: object = {}): Promise<string> {
  count += 1
  const folder = join(work, `root-${count}`)
  await mkdir(folder)
  await write(folder, resource, more)
  return folder
}

async function write(folder: string, resource: object, more: object = {}): Promise<void> {
  const terraform = { required_providers: { hcloud: { source: 'hetznercloud/hcloud', version: '1.66.0' } } }
  const main = { terraform, provider: { hcloud: { token } }, resource, ...more }
  await writeFile(join(folder, 'main.tf.json'), JSON.stringify(main))
}

async function apply(folder: string): Promise<void> {
  await terraform.preview(folder)
  await terraform.apply(folder)
}

async function destroy(folder: string): Promise<void> {
  await terraform.preview(folder, { destroy: true })
  await terraform.apply(folder)
}

function server(values: object = {}): object {
  return {
    hcloud_server: { one: { name: 'one', server_type: 'cx33', image: 'debian-12', location: 'nbg1', ...values } },
  }
}

const net = {
  hcloud_network: { net: { name: 'net', ip_range: '10.0.0.0/16' } },
  ...server({ network: { network_id: '${hcloud_network.net.id}' } }),
}
const disk = { hcloud_volume: { data: { name: 'data', size: 10, server_id: '${hcloud_server.one.id}' } } }

test('what is ordered is there, is found unchanged, and goes', async () => {
  const folder = await root(
    { ...server(), ...disk },
    { output: { at: { value: '${hcloud_server.one.ipv4_address}' } } },
  )
  await apply(folder)
  const [volume] = await standin.things('hcloud_volume')
  expect(volume).toMatchObject({ id: expect.stringMatching(/^\d+$/), attributes: { size: 10, location: 'nbg1' } })
  expect((await terraform.outputs(folder))['at']).toMatch(/^198\.18\./)
  expect(isEmpty(await terraform.preview(folder))).toBe(true)
  await destroy(folder)
  expect(await standin.things()).toEqual([])
})

test('what the provider decided in a set stays as it was', async () => {
  const folder = await root(net)
  await apply(folder)
  expect(isEmpty(await terraform.preview(folder))).toBe(true)
})

test('a change that the real provider makes by a new thing is shown as one, others are not', async () => {
  const folder = await root(server())
  await apply(folder)
  await write(folder, server({ server_type: 'cx43' }))
  expect(await terraform.preview(folder)).toMatchObject({ changes: ['hcloud_server.one'], replaces: [] })
  await write(folder, server({ user_data: 'other' }))
  expect(await terraform.preview(folder)).toMatchObject({ changes: [], replaces: ['hcloud_server.one'] })
})

test.each([
  ['an unknown machine type', { server_type: 'cx999' }, /server_type "cx999"/],
  ['a key that is not there', { ssh_keys: ['nobody'] }, /ssh_keys "nobody"/],
])('%s is refused', async (_, values, said) => {
  const folder = await root(server(values))
  await terraform.preview(folder)
  await expect(terraform.apply(folder)).rejects.toMatchObject({ cause: { message: expect.stringMatching(said) } })
  expect(await standin.things()).toEqual([])
})

test('a fault fails as often as it was asked for', async () => {
  const folder = await root(server())
  await standin.fault({ type: 'hcloud_server', kind: 'quota' })
  await expect(apply(folder)).rejects.toMatchObject({
    cause: { message: expect.stringContaining('resource_limit_exceeded') },
  })
  expect(await standin.things()).toEqual([])
  await apply(folder)
  expect(await standin.calls()).toMatchObject([{ do: 'create', error: expect.any(String) }, { do: 'create' }])
})

test('what was made before a timeout is made anew, not twice', async () => {
  const folder = await root(server())
  await standin.fault({ type: 'hcloud_server', kind: 'timeout' })
  await expect(apply(folder)).rejects.toMatchObject({ code: 'cloud-timeout' })
  expect(await standin.things()).toHaveLength(1)
  expect(await terraform.preview(folder)).toMatchObject({
    replaces: ['hcloud_server.one'],
    unfinished: ['hcloud_server.one'],
  })
  await terraform.apply(folder)
  expect(await standin.things()).toHaveLength(1)
})

test('what the state never heard of keeps its name, and can be imported', async () => {
  const folder = await root(server())
  await standin.fault({ type: 'hcloud_server', kind: 'lost' })
  await expect(apply(folder)).rejects.toMatchObject({ code: 'cloud-timeout' })
  const [lost] = await standin.things()
  await expect(apply(folder)).rejects.toMatchObject({
    cause: { message: expect.stringContaining('uniqueness_error') },
  })
  await write(folder, server(), { import: [{ to: 'hcloud_server.one', id: lost?.id }] })
  await apply(folder)
  expect(await standin.things()).toHaveLength(1)
  expect(isEmpty(await terraform.preview(folder))).toBe(true)
})

describe('what a schema of rancher2 can not show', () => {
  const cluster = { name: 'omega', kubernetes_version: 'v1.35.8+rke2r1' }
  const config = { generate_name: 'omega', linode_config: { instance_type: 'g6-standard-2' } }
  const pool = {
    name: 'all',
    control_plane_role: true,
    etcd_role: true,
    quantity: 1,
    machine_config: {
      kind: '${rancher2_machine_config_v2.all.kind}',
      name: '${rancher2_machine_config_v2.all.name}',
    },
  }
  const sync = { all: { cluster_id: '${rancher2_cluster_v2.all.cluster_v1_id}' } }
  const secret = (clusterId: string) => ({ all: { cluster_id: clusterId, name: 's', data: { a: 'b' } } })
  const withPool = (values: object) => ({
    rancher2_machine_config_v2: { all: config },
    rancher2_cluster_v2: { all: { ...cluster, rke_config: { machine_pools: { ...pool, ...values } } } },
  })

  async function rancher(resource: object): Promise<string> {
    const folder = await root({})
    const terraform = { required_providers: { rancher2: { source: 'rancher/rancher2', version: '15.0.0' } } }
    const provider = { rancher2: { api_url: 'https://rancher.example.com', token_key: 'a:b' } }
    await writeFile(join(folder, 'main.tf.json'), JSON.stringify({ terraform, provider, resource }))
    return folder
  }

  test.each<[string, object, RegExp]>([
    [
      'the id where cluster_v1_id is meant',
      {
        rancher2_cluster_v2: { all: cluster },
        rancher2_cluster_sync: { all: { cluster_id: '${rancher2_cluster_v2.all.id}' } },
      },
      /"fleet-default\/omega" not found.*cluster_v1_id/,
    ],
    [
      'a use of the cluster before anybody waited for it',
      { rancher2_cluster_v2: { all: cluster }, rancher2_secret_v2: secret('${rancher2_cluster_v2.all.cluster_v1_id}') },
      /rancher2_cluster_sync/,
    ],
    [
      'labels of the MachineDeployment where those of the nodes are meant',
      withPool({ labels: { 'omegaml.io/role': 'worker' } }),
      /machine_labels the nodes/,
    ],
    ['pools without etcd', withPool({ etcd_role: false }), /no machine pool has control plane and etcd/],
    [
      'a version that is not one of Rancher’s',
      { rancher2_cluster_v2: { all: { ...cluster, kubernetes_version: '1.35.8' } } },
      /is not one of Rancher's/,
    ],
  ])('%s is refused', async (_what, resource, said) => {
    const folder = await rancher(resource)
    await expect(apply(folder)).rejects.toMatchObject({ cause: { message: expect.stringMatching(said) } })
  })

  test('the right ones are taken', async () => {
    const used = secret('${rancher2_cluster_sync.all.cluster_id}')
    await apply(await rancher({ ...withPool({}), rancher2_cluster_sync: sync, rancher2_secret_v2: used }))
    const [made] = await standin.things('rancher2_cluster_v2')
    expect(made).toMatchObject({
      id: 'fleet-default/omega',
      attributes: { cluster_v1_id: expect.stringMatching(/^c-m-\w{8}$/) },
    })
  })
})

test('what is taken away outside is ordered again', async () => {
  const folder = await root(server())
  await apply(folder)
  await standin.change(() => undefined)
  expect(await terraform.preview(folder)).toMatchObject({ creates: ['hcloud_server.one'] })
})
