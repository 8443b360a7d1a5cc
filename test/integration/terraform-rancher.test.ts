import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Manifest } from '../../src/adapters/kubernetes/port.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { isEmpty, type Preview, type Terraform } from '../../src/adapters/terraform/port.ts'
import type { ClusterSpec, PoolSpec } from '../../src/clusters/cluster-spec.ts'
import { type RancherSecrets, type RancherSettings, rancherEnv, rancherRoot } from '../../src/clusters/rancher-root.ts'
import { modulesFor, writeRoot } from '../../src/clusters/write-root.ts'
import { needProgram } from '../support/programs.ts'
import { createStandin, type Standin } from '../support/standin.ts'

/** Module `rancher-cluster` and its examples with the real OpenTofu, against stand-ins of rancher2 and hcloud. */
const project = resolve(import.meta.dirname, '../..')
const modules = join(project, 'terraform')

let work: string
let standin: Standin
let terraform: Terraform

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tf-rancher-'))
  standin = await createStandin(join(work, 'standin'))
  terraform = createTerraformCli({ program: needProgram('tofu'), folder: join(work, 'cli'), mirror: standin.mirror })
  for (const name of ['rancher-cluster', 'hcloud-cluster'])
    await cp(join(modules, name), join(work, 'terraform', name), { recursive: true })
  await cp(join(project, 'catalog/providers'), join(work, 'catalog/providers'), { recursive: true })
})

afterAll(async () => {
  await rm(work, { recursive: true, force: true })
})

beforeEach(() => standin.reset())

const access = {
  RANCHER_URL: 'https://rancher.example.com',
  RANCHER_TOKEN_KEY: 'token-abcde:secret',
  HCLOUD_TOKEN: '0123456789abcdef'.repeat(4),
}

type Env = Readonly<Record<string, string>>

async function preview(folder: string, env: Env, destroy = false): Promise<Preview> {
  return await terraform.preview(folder, { env: { ...access, ...env }, destroy })
}

/** Does what it answers with. */
async function apply(folder: string, env: Env, destroy = false): Promise<Preview> {
  const shown = await preview(folder, env, destroy)
  await terraform.apply(folder, { env: { ...access, ...env } })
  return shown
}

function asEnv(variables: Record<string, unknown>): Record<string, string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [`TF_VAR_${name}`, text(value)]))
}

const s3 = { access_key: 'AKIA', secret_key: 's' }
const examples: Record<string, Record<string, unknown>> = {
  amazonec2: { credential: s3, vpc_id: 'vpc-1', subnet_id: 'subnet-1', ami: 'ami-1' },
  azure: { credential: { client_id: 'c', client_secret: 's', subscription_id: 'u', tenant_id: 't' } },
  digitalocean: { credential: { access_token: 't' } },
  google: { credential: { auth_encoded_json: '{}' }, project: 'p' },
  linode: { credential: { token: 't' } },
  openstack: { credential: { password: 'p' }, auth_url: 'https://keystone.example.com/v3', username: 'u' },
  vsphere: { credential: { username: 'u', password: 'p', vcenter: 'vcenter.example.com' } },
}
const roles = ['control', 'dbmaster', 'ingress', 'system', 'worker']

test('the modules are formatted', async () => {
  const folder = join(modules, 'rancher-cluster')
  const { stdout } = await execa(needProgram('tofu'), [`-chdir=${folder}`, 'fmt', '-recursive', '-check', '-diff'], {
    env: { TF_CLI_CONFIG_FILE: standin.cliConfig },
    reject: false,
  })
  expect(stdout).toBe('')
})

describe.each(Object.entries(examples))('the example %s', (driver, variables) => {
  test('makes what it says, finds it unchanged, and takes all of it away', async () => {
    const folder = join(work, 'terraform/rancher-cluster/examples', driver)
    const env = asEnv(variables)
    const { creates } = await apply(folder, env)
    expect(creates.toSorted()).toEqual(
      [
        `module.cluster.rancher2_cloud_credential.${driver}[0]`,
        'module.cluster.rancher2_cluster_sync.this',
        'module.cluster.rancher2_cluster_v2.this',
        ...roles.map((role) => `module.cluster.rancher2_machine_config_v2.${driver}["${role}"]`),
        'module.cluster.module.care.rancher2_namespace.this["omegaml-runtime"]',
        'module.cluster.module.care.rancher2_namespace.this["omegaml-services"]',
        'module.cluster.module.care.rancher2_project.this',
      ].toSorted(),
    )
    expect(isEmpty(await preview(folder, env))).toBe(true)
    await apply(folder, env, true)
    expect(await standin.things()).toEqual([])
  })
})

describe('the example hetzner', () => {
  const folder = () => join(work, 'terraform/rancher-cluster/examples/hetzner')
  const workers = (count: number) => asEnv({ workers: count, hcloud_token: access.HCLOUD_TOKEN })

  test('machines join by the command, more of them and fewer again, and nothing stays', async () => {
    await apply(folder(), workers(1))
    const servers = await standin.things('hcloud_server')
    expect(servers.map(({ attributes }) => attributes['name'])).toEqual(
      expect.arrayContaining(roles.map((role) => `omegaml-${role}-1`)),
    )
    const joins = (name: string) =>
      String(servers.find(({ attributes }) => attributes['name'] === name)?.attributes['user_data'])
    expect(joins('omegaml-control-1')).toMatch(
      /system-agent-install\.sh .* --etcd --controlplane .*--label 'omegaml\.io\/role=control'/,
    )
    expect(joins('omegaml-worker-1')).toMatch(/ --worker .*--label 'omegaml\.io\/role=worker'/)
    // Pods that ask for it don't get the command; what makes disks and fills in the nodes comes with the cluster.
    expect(joins('omegaml-worker-1')).toContain('169.254.169.254 drop')
    const config = await configOf()
    const [network] = await standin.things('hcloud_network')
    const brought = parseAllDocuments(config.additional_manifest).map((one) => one.toJS() as Manifest)
    expect(brought[0]).toMatchObject({ kind: 'Secret', stringData: { network: String(network?.id) } })
    expect(brought.slice(1).map(({ metadata }) => metadata.name)).toEqual([
      'hcloud-cloud-controller-manager',
      'hcloud-csi',
      'cert-manager',
    ])
    expect(config.machine_selector_config[0]?.config).toContain('external')
    const [target] = await standin.things('hcloud_load_balancer_target')
    expect(target?.attributes['label_selector']).toBe('omegaml.io/cluster=omegaml,omegaml.io/role=ingress')
    const order = (await standin.calls()).map(({ type }) => type)
    expect(order.lastIndexOf('hcloud_server')).toBeLessThan(order.indexOf('rancher2_cluster_sync'))
    expect(isEmpty(await preview(folder(), workers(1)))).toBe(true)

    const { creates, replaces } = await apply(folder(), workers(3))
    expect({ creates, replaces }).toEqual({
      creates: [
        'module.machines.hcloud_placement_group.this["worker"]',
        'module.machines.hcloud_server.this["worker-2"]',
        'module.machines.hcloud_server.this["worker-3"]',
      ],
      replaces: [],
    })
    const { deletes } = await apply(folder(), workers(2))
    expect(deletes).toEqual(['module.machines.hcloud_server.this["worker-3"]'])
    await apply(folder(), workers(2), true)
    expect(await standin.things()).toEqual([])
  })

  test('another registration token makes no machine anew', async () => {
    await apply(folder(), workers(1))
    await standin.change((thing) => {
      if (thing.type !== 'rancher2_cluster_v2') return thing
      const [token] = thing.attributes['cluster_registration_token'] as Record<string, unknown>[]
      const changed = [{ ...token, node_command: 'curl other' }]
      return { ...thing, attributes: { ...thing.attributes, cluster_registration_token: changed } }
    })
    const { creates, changes, replaces, deletes } = await preview(folder(), workers(1))
    expect([...creates, ...changes, ...replaces, ...deletes]).toEqual([])
    await apply(folder(), workers(1), true)
  })
})

const control: PoolSpec = { name: 'control', role: 'control', machineType: 't3.large', size: 1 }
const worker: PoolSpec = { name: 'worker', role: 'worker', machineType: 'm6i.large', size: 2 }

function site(pools: readonly PoolSpec[], kubernetesVersion = '1.35.8'): ClusterSpec {
  return { name: 'omega', domain: 'omega.example.com', kubernetesVersion, pools, volumes: {} }
}

const secrets: RancherSecrets = { token: 'token-abcde:secret', credential: s3 }
const machine = {
  region: 'eu-central-1',
  zone: 'a',
  vpc_id: 'vpc-1',
  subnet_id: 'subnet-1',
  security_group: ['nodes'],
  ami: 'ami-1',
}

let count = 0
/** A root as the site's plan writes it. */
async function written(
  pools: readonly PoolSpec[] = [control, worker],
  more: Partial<RancherSettings> = {},
  folder = join(work, `root-${(count += 1)}`),
): Promise<string> {
  const settings: RancherSettings = {
    url: access.RANCHER_URL,
    driver: 'amazonec2',
    machine,
    distribution: 'rke2',
    modules: await modulesFor(folder, modules),
    backend: { local: { path: 'terraform.tfstate' } },
    ...more,
  }
  await writeRoot(folder, rancherRoot(site(pools), settings))
  return folder
}

const env = rancherEnv(secrets)
interface RkeConfig {
  machine_global_config: string
  machine_selector_config: { config: string }[]
  additional_manifest: string
  machine_pools: { quantity: number }[]
  etcd: unknown
}
async function configOf(): Promise<RkeConfig> {
  const [cluster] = await standin.things('rancher2_cluster_v2')
  const [config] = (cluster?.attributes['rke_config'] ?? []) as RkeConfig[]
  if (config === undefined) throw new Error('there is no cluster')
  return config
}

test('a cluster with everything that can be asked for', async () => {
  const full = rancherEnv({
    ...secrets,
    s3: { accessKey: 'AKIA', secretKey: 'for ${snapshots}' },
    alerts: {
      mail: { to: ['ops@example.com'], from: 'omega@example.com', smarthost: 'mail.example.com:587' },
      webhooks: ['https://hook.example.com/1'],
      slack: [{ url: 'https://hooks.slack.com/services/T/B/X', channel: '#ops' }],
      pagerduty: ['key'],
    },
    servicePassword: 'a password of length',
  })
  const gpu: PoolSpec = {
    ...worker,
    name: 'gpu',
    min: 0,
    max: 4,
    size: 0,
    cores: 2,
    memoryGb: 8,
    diskGb: 100,
    labels: { team: 'a' },
    taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
  }
  const settings: Partial<RancherSettings> = {
    cni: 'cilium',
    snapshots: { schedule: '0 * * * *', retention: 24, s3: { bucket: 'b', endpoint: 's3.example.com', region: 'eu' } },
    quota: { project: { limits_cpu: '64000m', pods: '400' }, namespace: { limits_cpu: '4000m', pods: '20' } },
    container: { limits_cpu: '500m', requests_cpu: '50m' },
    monitoring: { storageClass: 'ebs', storageGb: 30, nodeRole: 'system' },
  }
  const folder = await written([control, worker, gpu], settings)
  await apply(folder, full)

  const config = await configOf()
  expect(config.machine_global_config).toMatch(/"cni": "cilium"/)
  expect(config.machine_global_config).toMatch(/- "rke2-ingress-nginx"\n\s*- "rke2-traefik"/)
  expect(config.machine_pools).toMatchObject([
    { name: 'control', control_plane_role: true, etcd_role: true, worker_role: false, quantity: 1 },
    {
      name: 'gpu',
      worker_role: true,
      quantity: 0,
      labels: null,
      machine_labels: { 'omegaml.io/role': 'worker', team: 'a' },
      annotations: {
        'cluster.provisioning.cattle.io/autoscaler-min-size': '0',
        'cluster.provisioning.cattle.io/autoscaler-max-size': '4',
        'cluster.provisioning.cattle.io/autoscaler-resource-memory': '8Gi',
      },
      taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
    },
    { name: 'worker', control_plane_role: false, etcd_role: false, worker_role: true, quantity: 2, annotations: null },
  ])
  const snapshots = (await standin.things('rancher2_cloud_credential')).find(
    ({ attributes }) => attributes['name'] === 'omega-snapshots',
  )
  expect(snapshots?.attributes['s3_credential_config']).toMatchObject([{ secret_key: 'for ${snapshots}' }])
  expect(config.etcd).toMatchObject([
    { snapshot_retention: 24, s3_config: [{ bucket: 'b', cloud_credential_name: snapshots?.id }] },
  ])

  const [project] = await standin.things('rancher2_project')
  expect(project?.attributes).toMatchObject({
    resource_quota: [
      { project_limit: [{ limits_cpu: '64000m', pods: '400' }], namespace_default_limit: [{ pods: '20' }] },
    ],
    container_resource_limit: [{ limits_cpu: '500m', requests_cpu: '50m' }],
  })
  const [app] = await standin.things('rancher2_app_v2')
  expect(app?.attributes).toMatchObject({ chart_name: 'rancher-monitoring', namespace: 'cattle-monitoring-system' })
  expect(app?.attributes['values']).toMatch(
    /OmegamlDataServiceDown[\s\S]*"useExistingSecret": true|"useExistingSecret": true[\s\S]*OmegamlDataServiceDown/,
  )
  const [receivers] = await standin.things('rancher2_secret_v2')
  const alerting = JSON.stringify(receivers?.attributes['data'])
  for (const part of ['ops@example.com', 'hook.example.com', '#ops', 'routing_key']) expect(alerting).toContain(part)

  const outputs = await terraform.outputs(folder, { env: { ...access, ...full } })
  expect(outputs).toMatchObject({
    cluster_id: expect.stringMatching(/^c-m-/),
    kubeconfig: expect.stringContaining('kind: Config'),
    service_token: expect.stringMatching(/:/),
  })
  expect(await readFile(join(folder, 'terraform.tfvars.json'), 'utf8')).not.toContain('AKIA')
  expect(isEmpty(await preview(folder, full))).toBe(true)

  await written([control, { ...worker, size: 3 }, gpu], settings, folder)
  const grown = await apply(folder, full)
  expect({ changes: grown.changes, replaces: grown.replaces, creates: grown.creates, deletes: grown.deletes }).toEqual({
    changes: ['module.cluster.rancher2_cluster_v2.this'],
    replaces: [],
    creates: [],
    deletes: [],
  })
  expect((await configOf()).machine_pools[2]).toMatchObject({ name: 'worker', quantity: 3 })

  await written([control, { ...worker, size: 1 }], settings, folder)
  const fewer = await apply(folder, full)
  expect(fewer.deletes).toEqual(['module.cluster.rancher2_machine_config_v2.amazonec2["gpu"]'])
  expect((await configOf()).machine_pools).toMatchObject([{ name: 'control' }, { name: 'worker', quantity: 1 }])

  await apply(folder, full, true)
  expect(await standin.things()).toEqual([])
})

test('a pool that was scaled by itself keeps its size when it was looked up, and is pulled back within its bounds', async () => {
  const elastic: PoolSpec = { ...worker, min: 1, max: 5 }
  const folder = await written([control, elastic])
  await apply(folder, env)
  await standin.change((thing) => {
    if (thing.type !== 'rancher2_cluster_v2') return thing
    const [config] = thing.attributes['rke_config'] as RkeConfig[]
    const pools = config?.machine_pools.map((pool, index) => (index === 1 ? { ...pool, quantity: 4 } : pool))
    return { ...thing, attributes: { ...thing.attributes, rke_config: [{ ...config, machine_pools: pools }] } }
  })
  expect((await preview(folder, env)).changes).toEqual(['module.cluster.rancher2_cluster_v2.this'])
  await written([control, elastic], { observed: { worker: 4 } }, folder)
  expect((await preview(folder, env)).changes).toEqual([])
  await written([control, { ...elastic, max: 3 }], { observed: { worker: 4 } }, folder)
  await apply(folder, env)
  expect((await configOf()).machine_pools[1]).toMatchObject({ quantity: 3 })
})

test('another version of Kubernetes changes the cluster in place, and nothing else', async () => {
  const folder = await written()
  await apply(folder, env)
  const settings = { url: access.RANCHER_URL, driver: 'amazonec2', machine, distribution: 'rke2' } as const
  const newer = rancherRoot(site([control, worker], '1.36.3'), {
    ...settings,
    modules: await modulesFor(folder, modules),
    backend: { local: { path: 'terraform.tfstate' } },
  })
  await writeRoot(folder, newer)
  const { creates, changes, replaces, deletes } = await apply(folder, env)
  expect({ creates, changes, replaces, deletes }).toEqual({
    creates: [],
    changes: ['module.cluster.rancher2_cluster_v2.this'],
    replaces: [],
    deletes: [],
  })
  const [cluster] = await standin.things('rancher2_cluster_v2')
  expect(cluster?.attributes['kubernetes_version']).toBe('v1.36.3+rke2r1')
  await apply(folder, env, true)
})

test('k3s leaves its own ingress, load balancer and storage class out', async () => {
  const folder = await written([control, worker], { distribution: 'k3s' })
  await apply(folder, env)
  const { machine_global_config: config } = await configOf()
  for (const part of ['traefik', 'servicelb', 'local-storage']) expect(config).toContain(part)
  expect(config).not.toContain('cni')
})

test('a credential that Rancher has is found by its name', async () => {
  const id = 'cattle-global-data:cc-abcde'
  await standin.seed({ type: 'rancher2_cloud_credential', id, attributes: { id, name: 'mine' } })
  const folder = await written([control, worker], { credentialName: 'mine' })
  const { creates } = await apply(folder, rancherEnv({ token: secrets.token }))
  expect(creates).not.toContainEqual(expect.stringContaining('cloud_credential'))
  expect((await configOf()).machine_pools[0]).toMatchObject({ cloud_credential_secret_name: id })
})

describe('before anything is made it is refused', () => {
  const { ami: _, ...withoutAmi } = machine
  test.each<[string, readonly PoolSpec[], Partial<RancherSettings>, RegExp]>([
    [
      'a misspelt setting of the driver',
      [control, worker],
      { machine: { ...machine, zonne: 'a' } },
      /does not know zonne; it knows/,
    ],
    ['a setting that the driver needs', [control, worker], { machine: withoutAmi }, /also needs ami/],
    ['a cluster without control plane', [worker], {}, /One pool has role control/],
    ['an even number of etcd members', [{ ...control, size: 2 }, worker], {}, /1, 3 or 5 machines/],
    ['an autoscaled control plane', [{ ...control, min: 1, max: 3 }, worker], {}, /no min or max/],
    ['a size beyond its bounds', [control, { ...worker, min: 3, max: 5 }], {}, /size is from min to max/],
    [
      'a pool from nothing whose machines nobody knows',
      [control, { ...worker, size: 0, min: 0, max: 2 }],
      {},
      /needs cores and memory_gb/,
    ],
    [
      'a pool without machine type',
      [control, { name: 'worker', role: 'worker', size: 1 }],
      {},
      /worker needs a machine_type/,
    ],
    [
      'a cloud provider that never comes',
      [control, worker],
      { cloudProvider: 'aws' },
      /needs its controller in additional_manifest/,
    ],
    [
      'a quota of unknown things',
      [control, worker],
      { quota: { project: { cpu: '1' }, namespace: {} } },
      /does not know cpu/,
    ],
  ])('%s', async (_what, pools, settings, said) => {
    const folder = await written(pools, settings)
    await expect(preview(folder, env)).rejects.toMatchObject({ cause: { message: expect.stringMatching(said) } })
    expect(await standin.things()).toEqual([])
  })

  test('a credential without what the cloud needs', async () => {
    const folder = await written()
    const half = rancherEnv({ token: secrets.token, credential: { access_key: 'AKIA' } })
    await expect(preview(folder, half)).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/credential needs secret_key/) },
    })
  })

  test('a driver that Rancher has switched off', async () => {
    const id = 'cattle-global-data:cc-abcde'
    await standin.seed({ type: 'rancher2_cloud_credential', id, attributes: { id, name: 'mine' } })
    const openstack = { auth_url: 'https://keystone.example.com/v3', region: 'r', availability_zone: 'nova' }
    const folder = await written([control, worker], { driver: 'openstack', machine: openstack, credentialName: 'mine' })
    await expect(preview(folder, env)).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/machine driver openstack is not active/) },
    })
  })

  test('a misspelt argument of the module', async () => {
    const folder = await written()
    const file = join(folder, 'main.tf.json')
    const main = JSON.parse(await readFile(file, 'utf8'))
    main.module.cluster.poools = {}
    await writeFile(file, JSON.stringify(main))
    await expect(preview(folder, env)).rejects.toMatchObject({ kind: 'invalid', code: 'terraform-invalid' })
  })

  test('a Rancher that the provider does not belong to', async () => {
    const folder = await written()
    const file = join(folder, 'main.tf.json')
    const main = JSON.parse(await readFile(file, 'utf8'))
    main.module.cluster.rancher_minor = '2.14'
    await writeFile(file, JSON.stringify(main))
    await expect(preview(folder, env)).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/belongs to Rancher 2\.14, yours is v2\.15/) },
    })
  })
})

describe('what fails on the way is continued', () => {
  test.each([
    ['quota', 'forbidden', 'cloud-quota'],
    ['timeout', 'unavailable', 'cloud-timeout'],
  ] as const)('%s while the machines come', async (kind, errorKind, code) => {
    const folder = await written()
    await standin.fault({ type: 'rancher2_cluster_v2', kind })
    await expect(apply(folder, env)).rejects.toMatchObject({ kind: errorKind, code })
    expect(await standin.things('rancher2_cluster_v2')).toHaveLength(1)
    const [begun] = await standin.things('rancher2_cluster_v2')
    const { replaces, deletes } = await apply(folder, env)
    expect([...replaces, ...deletes]).toEqual([])
    const clusters = await standin.things('rancher2_cluster_v2')
    expect(clusters.map(({ attributes }) => attributes['cluster_v1_id'])).toEqual([begun?.attributes['cluster_v1_id']])
    expect(await standin.things('rancher2_machine_config_v2')).toHaveLength(2)
    expect(await standin.things('rancher2_cloud_credential')).toHaveLength(1)
    expect(isEmpty(await preview(folder, env))).toBe(true)
  })

  test('a token that is revoked in the middle: told, and gone on with another one', async () => {
    const folder = await written()
    await standin.fault({ type: 'rancher2_cluster_v2', kind: 'credentials' })
    const revoked = {
      kind: 'unauthenticated',
      code: 'cloud-credentials',
      message: /expired or revoked: give a valid one/,
    }
    const told = { ...revoked, message: expect.stringMatching(revoked.message) }
    await expect(apply(folder, env)).rejects.toMatchObject(told)
    const begun = await standin.things('rancher2_machine_config_v2')
    // Also where the next one only looks.
    await standin.fault({ type: 'rancher2_machine_config_v2', kind: 'credentials', on: 'read' })
    await expect(preview(folder, env)).rejects.toMatchObject(told)
    await apply(folder, env)
    expect(await standin.things('rancher2_cluster_v2')).toHaveLength(1)
    expect(await standin.things('rancher2_machine_config_v2')).toEqual(begun)
    expect(isEmpty(await preview(folder, env))).toBe(true)
  })

  test('with fewer machines, where there were too many for the limit', async () => {
    const folder = await written([control, { ...worker, size: 40 }])
    await standin.fault({ type: 'rancher2_cluster_v2', kind: 'quota' })
    await expect(apply(folder, env)).rejects.toMatchObject({ code: 'cloud-quota' })
    await written([control, worker], {}, folder)
    const { changes, replaces } = await apply(folder, env)
    expect({ changes, replaces }).toEqual({ changes: ['module.cluster.rancher2_cluster_v2.this'], replaces: [] })
    expect((await configOf()).machine_pools[1]).toMatchObject({ quantity: 2 })
  })

  test('a cluster that no state heard of is taken over, not made twice', async () => {
    const folder = await written()
    await standin.fault({ type: 'rancher2_cluster_v2', kind: 'lost' })
    await expect(apply(folder, env)).rejects.toMatchObject({ code: 'cloud-timeout' })
    await expect(apply(folder, env)).rejects.toMatchObject({ kind: 'conflict', code: 'cloud-name-taken' })
    await written([control, worker], { adopt: { 'rancher2_cluster_v2.this': 'fleet-default/omega' } }, folder)
    await apply(folder, env)
    expect(await standin.things('rancher2_cluster_v2')).toHaveLength(1)
    expect(isEmpty(await preview(folder, env))).toBe(true)
  })

  test.each([
    ['rate-limit', 'unavailable', 'cloud-rate-limit'],
    ['credentials', 'unauthenticated', 'cloud-credentials'],
  ] as const)('%s leaves nothing of what was refused', async (kind, errorKind, code) => {
    const folder = await written()
    await standin.fault({ type: 'rancher2_cloud_credential', kind })
    await expect(apply(folder, env)).rejects.toMatchObject({ kind: errorKind, code })
    expect(await standin.things('rancher2_cloud_credential')).toEqual([])
  })
})
