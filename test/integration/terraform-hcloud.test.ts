import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { isEmpty } from '../../src/adapters/terraform/port.ts'
import { type ClusterKeys, makeClusterKeys } from '../../src/clusters/cluster-keys.ts'
import type { ClusterSpec } from '../../src/clusters/cluster-spec.ts'
import { type HcloudSettings, hcloudClusterRoot, hcloudEnv, hcloudVolumesRoot } from '../../src/clusters/hcloud-root.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { backupObjects, rancherCharts } from '../../src/clusters/rancher-charts.ts'
import { modulesFor, writeRoot } from '../../src/clusters/write-root.ts'
import { rancherParts } from '../../src/site/cloud-roots.ts'
import { needProgram } from '../support/programs.ts'
import { createStandin, type Standin } from '../support/standin.ts'

/**
 * The modules for Hetzner, Rancher's server and clusters that exist, with the real OpenTofu against stand-ins of the
 * providers: names, types, references and what a change does are proved, the clouds' own behaviour is not.
 */
const project = resolve(import.meta.dirname, '../..')
const modules = join(project, 'terraform')
const token = 'abcdef0123456789'.repeat(4)

let work: string
let standin: Standin
let keys: ClusterKeys
let count = 0

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tf-hcloud-'))
  standin = await createStandin(join(work, 'standin'))
  keys = await makeClusterKeys(new Date())
  // Examples are used where they lie: beside the modules, and these beside the catalogue.
  await cp(modules, join(work, 'terraform'), { recursive: true })
  await cp(join(project, 'catalog'), join(work, 'catalog'), { recursive: true })
})

afterAll(async () => {
  await rm(work, { recursive: true, force: true })
})

beforeEach(() => standin.reset())

async function tofu(folder: string, ...words: string[]) {
  const result = await execa(needProgram('tofu'), [`-chdir=${folder}`, ...words, '-no-color'], {
    env: { TF_CLI_CONFIG_FILE: standin.cliConfig, TF_IN_AUTOMATION: '1', TF_INPUT: '0', HCLOUD_TOKEN: token },
    reject: false,
    all: true,
  })
  return { exitCode: result.exitCode, output: result.all.replaceAll(/[\s│╷╵]+/g, ' '), stdout: result.stdout }
}

async function mustTofu(folder: string, ...words: string[]): Promise<string> {
  const { exitCode, output, stdout } = await tofu(folder, ...words)
  // The whole plan comes before what went wrong.
  if (exitCode !== 0) throw new Error(output.slice(output.indexOf(' Error: ')))
  return stdout
}

/** A copy of an example with its values, prepared. The modules are found where they would be: three folders up. */
async function example(path: string, values: object): Promise<string> {
  count += 1
  const folder = join(
    work,
    'terraform',
    path.replace(/[^/]+$/, (name) => `${name}-${count}`),
  )
  await cp(join(modules, path), folder, { recursive: true })
  await writeFile(join(folder, 'terraform.tfvars.json'), JSON.stringify(values))
  await mustTofu(folder, 'init')
  await mustTofu(folder, 'validate')
  return folder
}

async function hasChanges(folder: string): Promise<boolean> {
  const { exitCode, output } = await tofu(folder, 'plan', '-detailed-exitcode')
  if (exitCode !== 0 && exitCode !== 2) throw new Error(output)
  return exitCode === 2
}

async function output(folder: string, name: string): Promise<unknown> {
  return JSON.parse(await mustTofu(folder, 'output', '-json', name))
}

async function names(type: string): Promise<string[]> {
  return (await standin.things(type)).map(({ attributes }) => String(attributes['name'])).toSorted()
}

async function servers(): Promise<Record<string, string>> {
  const found = await standin.things('hcloud_server')
  return Object.fromEntries(found.map(({ id, attributes }) => [String(attributes['name']), id]))
}

/** What a server was told for its first start. */
async function initOf(name: string): Promise<CloudInit> {
  const server = (await standin.things('hcloud_server')).find(({ attributes }) => attributes['name'] === name)
  const text = String(server?.attributes['user_data'])
  expect(text.startsWith('#cloud-config\n')).toBe(true)
  // Hetzner takes no more.
  expect(text.length).toBeLessThan(32 * 1024)
  const init = parse(text) as {
    write_files: { path: string; content: string; permissions: string }[]
    runcmd: string[][]
  }
  return { files: Object.fromEntries(init.write_files.map((file) => [file.path, file.content])), run: init.runcmd }
}

interface CloudInit {
  readonly files: Readonly<Record<string, string>>
  readonly run: readonly (readonly string[])[]
}

function configOf({ files }: CloudInit): Record<string, unknown> {
  return parse(files['/etc/rancher/k3s/config.yaml'] ?? '') as Record<string, unknown>
}

const here = { my_ranges: ['203.0.113.7/32'] }
const clusterValues = () => ({ ...here, hcloud_token: token, keys })

interface Pool {
  readonly role: string
  readonly server_type: string
  readonly size: number
  readonly labels?: Readonly<Record<string, string>>
}

/** A root of our own that calls module hcloud-cluster. */
async function cluster(values: object): Promise<string> {
  count += 1
  const folder = join(work, 'terraform', 'hcloud-cluster', 'examples', `own-${count}`)
  await cp(join(modules, 'hcloud-cluster/examples/minimal/versions.tf'), join(folder, 'versions.tf'))
  await write(folder, values)
  await mustTofu(folder, 'init')
  return folder
}

async function write(folder: string, values: object): Promise<void> {
  const base = { name: 'omega', location: 'fsn1', api_ranges: here.my_ranges, hcloud_token: token, keys }
  const root = {
    module: { cluster: { source: '../..', ...base, ...values } },
    output: {
      kubeconfig: { value: '${module.cluster.kubeconfig}', sensitive: true },
      machines: { value: '${module.cluster.machines}' },
    },
  }
  await writeFile(join(folder, 'main.tf.json'), JSON.stringify(root))
}

const worker = (size: number, more: Partial<Pool> = {}): Pool => ({
  role: 'worker',
  server_type: 'cx33',
  size,
  ...more,
})
const db: Pool = { role: 'dbmaster', server_type: 'ccx13', size: 1 }

test('the modules are formatted', async () => {
  expect(await mustTofu(modules, 'fmt', '-recursive', '-check', '-diff')).toBe('')
})

describe('a cluster at Hetzner', () => {
  test('has a machine for each role and a control plane, and a second plan finds nothing to do', async () => {
    const folder = await example('hcloud-cluster/examples/minimal', clusterValues())
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await names('hcloud_server')).toEqual([
      'omega-control-1',
      'omega-dbmaster-1',
      'omega-ingress-1',
      'omega-system-1',
      'omega-worker-1',
    ])
    const ports = (await standin.things('hcloud_load_balancer_service')).map(({ attributes }) => [
      attributes['listen_port'],
      attributes['destination_port'],
    ])
    expect(Object.fromEntries(ports)).toEqual({ 80: 30080, 443: 30443, 5671: 30671, 27017: 30017 })
    const [target] = await standin.things('hcloud_load_balancer_target')
    expect(target?.attributes).toMatchObject({ label_selector: 'cluster=omega,role=ingress', use_private_ip: true })
    expect(await hasChanges(folder)).toBe(false)
    await mustTofu(folder, 'destroy', '-auto-approve')
    expect(await standin.things()).toEqual([])
  })

  test('lets in ssh and the API from the named ranges only, and nothing else', async () => {
    const folder = await example('hcloud-cluster/examples/single-node', clusterValues())
    await mustTofu(folder, 'apply', '-auto-approve')
    const [firewall] = await standin.things('hcloud_firewall')
    const rules = firewall?.attributes['rule'] as { port: string | null; protocol: string; source_ips: string[] }[]
    expect(
      rules.filter(({ protocol }) => protocol !== 'icmp').map(({ port, source_ips }) => [port, source_ips]),
    ).toEqual(
      expect.arrayContaining([
        ['22', here.my_ranges],
        ['6443', here.my_ranges],
      ]),
    )
    expect(rules).toHaveLength(3)
    const [server] = await standin.things('hcloud_server')
    expect(server?.attributes['firewall_ids']).toEqual([Number(firewall?.id)])
    // One machine does everything: no taint, and the load balancer leads to it.
    expect(configOf(await initOf('omega-control-1'))).not.toHaveProperty('etcd-s3')
    expect(configOf(await initOf('omega-control-1'))).toMatchObject({
      'node-label': ['omegaml.io/role=worker', 'omegaml.io/pool=control'],
      'node-taint': [],
    })
    const [target] = await standin.things('hcloud_load_balancer_target')
    expect(target?.attributes['label_selector']).toBe('cluster=omega,role=worker')
  })

  test('begins with keys of ours, so that the kubeconfig is known without signing in', async () => {
    const bucket = { bucket: 'b', endpoint: 's3.example.com', access_key: 'A', secret_key: 'S' }
    const folder = await cluster({ control: { count: 3 }, pools: { worker: worker(1) }, etcd_backup: bucket })
    await mustTofu(folder, 'apply', '-auto-approve')
    const first = await initOf('omega-control-1')
    expect(first.run).toEqual([['/usr/local/sbin/k3s-begin', 'server', 'v1.35.8+k3s1', '10.0.0.0/16']])
    expect(configOf(first)).toMatchObject({
      'cluster-init': true,
      'etcd-s3': true,
      'etcd-s3-bucket': 'b',
      'etcd-snapshot-retention': 28,
      'agent-token': keys.agent_token,
      disable: ['traefik', 'servicelb', 'local-storage'],
      'disable-cloud-controller': true,
      'kubelet-arg': ['cloud-provider=external'],
      'node-taint': ['node-role.kubernetes.io/control-plane=:NoSchedule'],
    })
    for (const [name, content] of Object.entries(keys.files))
      expect(first.files[`/var/lib/rancher/k3s/server/tls/${name}`]).toBe(content)
    const kubeconfig = parse(String(await output(folder, 'kubeconfig')))
    const [address] = await standin.things('hcloud_primary_ip')
    const addresses = (await standin.things('hcloud_primary_ip')).map(({ attributes }) => attributes['ip_address'])
    expect(addresses).toHaveLength(3)
    expect(address?.attributes['auto_delete']).toBe(false)
    expect((configOf(first)['tls-san'] as string[]).toSorted()).toEqual(expect.arrayContaining(addresses))
    expect(addresses).toContain(new URL(kubeconfig.clusters[0].cluster.server).hostname)
    expect(Buffer.from(kubeconfig.users[0].user['client-key-data'], 'base64').toString()).toBe(keys.admin_key)

    const second = await initOf('omega-control-2')
    expect(configOf(second)).toMatchObject({ server: 'https://10.0.1.11:6443', token: keys.token })
    expect(Object.keys(second.files).filter((name) => name.includes('/tls/'))).toEqual([])
    const agent = await initOf('omega-worker-1')
    expect(configOf(agent)).toMatchObject({ server: 'https://10.0.1.11:6443', token: keys.agent_token })
    expect(JSON.stringify(agent)).not.toContain(keys.token)
    expect(JSON.stringify(agent)).not.toContain('PRIVATE KEY')
  })

  test('installs what Hetzner’s plain machines lack, by the catalogue’s versions', async () => {
    const folder = await cluster({})
    await mustTofu(folder, 'apply', '-auto-approve')
    const { files } = await initOf('omega-control-1')
    const manifests = parseAllDocuments(files['/etc/cloudmgr/manifests.yaml'] ?? '').map((one) => one.toJS())
    const network = (await standin.things('hcloud_network'))[0]?.id
    expect(manifests[0]).toMatchObject({ kind: 'Secret', stringData: { token, network } })
    const wanted = parse(await readText(join(project, 'catalog/providers/hcloud.yml'))) as {
      charts: { version: string }[]
    }
    expect(manifests.slice(1).map(({ spec }) => spec.version)).toEqual(wanted.charts.map(({ version }) => version))
    expect(manifests[1].spec).toMatchObject({ chart: 'hcloud-cloud-controller-manager', bootstrap: true })
  })

  test('a second one is in the network of the first, known by private addresses, and leaves the network when it goes', async () => {
    const first = await cluster({})
    await mustTofu(first, 'apply', '-auto-approve')
    const before = await standin.things()
    const [network] = await standin.things('hcloud_network')
    const values = { network_id: Number(network?.id), hcloud_token: token, keys }
    const folder = await example('hcloud-cluster/examples/second', values)
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await names('hcloud_network')).toEqual(['omega'])
    expect((await standin.things('hcloud_load_balancer')).map(({ attributes }) => attributes['name'])).toEqual([
      'omega-ingress',
    ])
    const kubeconfig = parse(String(await output(folder, 'kubeconfig')))
    expect(kubeconfig.clusters[0].cluster.server).toBe('https://10.0.128.11:6443')
    const control = await initOf('omega-second-control-1')
    expect(configOf(control)['tls-san']).toContain('10.0.128.11')
    expect(configOf(control)).toMatchObject({ 'cluster-init': true, 'node-taint': [] })
    expect(configOf(await initOf('omega-second-machine-1'))['server']).toBe('https://10.0.128.11:6443')
    const subnet = `${network?.id}-10.0.128.0/24`
    const [machine] = (await standin.things('hcloud_server')).filter(
      ({ attributes }) => attributes['name'] === 'omega-second-machine-1',
    )
    expect(machine?.attributes['network']).toMatchObject([{ subnet_id: subnet }])
    // From outside nobody comes in, but for a ping.
    const firewalls = await standin.things('hcloud_firewall')
    const own = firewalls.find(({ attributes }) => attributes['name'] === 'omega-second')
    expect(own?.attributes['rule']).toMatchObject([{ protocol: 'icmp' }])
    expect(machine?.attributes['firewall_ids']).toEqual([Number(own?.id)])
    expect(await hasChanges(folder)).toBe(false)
    expect(await hasChanges(first)).toBe(false)
    await mustTofu(folder, 'destroy', '-auto-approve')
    expect(await standin.things()).toEqual(before)
  })

  test('grows and shrinks without touching other machines', async () => {
    const folder = await cluster({ pools: { db, worker: worker(2) } })
    await mustTofu(folder, 'apply', '-auto-approve')
    const before = await servers()
    await write(folder, { pools: { another: worker(1), db, worker: worker(3) } })
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await servers()).toMatchObject(before)
    expect(Object.keys(await servers())).toHaveLength(6)
    await write(folder, { pools: { db, worker: worker(1) } })
    await mustTofu(folder, 'apply', '-auto-approve')
    const { 'omega-worker-2': _gone, ...rest } = before
    expect(await servers()).toEqual(rest)
    const touched = (await standin.calls()).filter((call) => call.type === 'hcloud_server' && call.do === 'update')
    expect(touched).toEqual([])
  })

  test('no label, taint, token or version makes a running machine anew', async () => {
    const folder = await cluster({ pools: { worker: worker(1) } })
    await mustTofu(folder, 'apply', '-auto-approve')
    const before = await servers()
    const changed = worker(1, { labels: { 'example.com/gpu': 'no' } })
    await write(folder, {
      pools: { worker: changed },
      k3s_version: 'v1.35.9+k3s1',
      hcloud_token: 'f'.repeat(64),
      keys: await makeClusterKeys(new Date()),
      image: 'debian-14',
    })
    const { output: plan } = await tofu(folder, 'plan')
    expect(plan).not.toMatch(/must be replaced|will be destroyed|will be updated/)
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await servers()).toEqual(before)
  })

  test('another type of machine changes it in place', async () => {
    const folder = await cluster({ pools: { worker: worker(1) } })
    await mustTofu(folder, 'apply', '-auto-approve')
    const before = await servers()
    await write(folder, { pools: { worker: worker(1, { server_type: 'cx43' }) } })
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await servers()).toEqual(before)
  })

  test('says that a quota is used up, keeps what it has, and goes on later', async () => {
    const folder = await cluster({ pools: { worker: worker(2) } })
    await standin.fault({ type: 'hcloud_server', kind: 'quota', name: 'worker-2' })
    const failed = await tofu(folder, 'apply', '-auto-approve')
    expect(failed.exitCode).toBe(1)
    expect(failed.output).toMatch(/limit/i)
    const before = await servers()
    expect(Object.keys(before)).toEqual(expect.arrayContaining(['omega-control-1', 'omega-worker-1']))
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await servers()).toMatchObject(before)
    expect(Object.keys(await servers())).toHaveLength(3)
    expect(await hasChanges(folder)).toBe(false)
  })

  test('makes a machine anew that was made while its order timed out, and leaves none behind', async () => {
    const folder = await cluster({ pools: { worker: worker(2) } })
    await standin.fault({ type: 'hcloud_server', kind: 'timeout', name: 'worker-2' })
    expect((await tofu(folder, 'apply', '-auto-approve')).exitCode).toBe(1)
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await names('hcloud_server')).toEqual(['omega-control-1', 'omega-worker-1', 'omega-worker-2'])
    expect(await hasChanges(folder)).toBe(false)
  })

  const refused: { values: object; says: RegExp; why: string }[] = [
    {
      values: { control: { count: 2 } },
      says: /control\.count must be 1 or 3/,
      why: 'two machines of the control plane',
    },
    {
      values: { api_ranges: ['0.0.0.0/0'] },
      says: /api_ranges must not be the whole world/,
      why: 'an API for everybody',
    },
    { values: { k3s_version: 'latest' }, says: /k3s_version must be a release/, why: 'a version that is none' },
    { values: { pools: { control: worker(1) } }, says: /control is taken/, why: 'a pool named as the control plane' },
  ]
  for (const { values, says, why } of refused) {
    test(`refuses ${why}`, async () => {
      const { exitCode, output: said } = await tofu(await cluster(values), 'plan')
      expect(exitCode).toBe(1)
      expect(said).toMatch(says)
    })
  }
})

describe('the roots that are written', () => {
  const spec: ClusterSpec = {
    name: 'omega',
    domain: 'omega.example.com',
    kubernetesVersion: '1.35.8',
    pools: [
      { name: 'control', role: 'control', machineType: 'cx33', size: 1 },
      { name: 'worker', role: 'worker', machineType: 'ccx13', size: 2, labels: { 'example.com/a': `\${b}` } },
    ],
    volumes: { mongodb: 20, mysql: 10 },
  }

  test('order what the site says, keep secrets out of files, and remove it but for the volumes', async () => {
    const provider = loadProvider(join(project, 'catalog/providers'), 'hcloud')
    const [volumes, machines] = [join(work, 'site/volumes'), join(work, 'site/cluster')]
    const settings = async (folder: string): Promise<HcloudSettings> => ({
      location: 'nbg1',
      apiRanges: here.my_ranges,
      modules: await modulesFor(folder, modules),
    })
    await writeRoot(volumes, hcloudVolumesRoot(spec, await settings(volumes)))
    await writeRoot(machines, hcloudClusterRoot(spec, await settings(machines), provider))
    const env = hcloudEnv({ token, clusterToken: 'f'.repeat(64), keys })
    const terraform = createTerraformCli({
      program: needProgram('tofu'),
      folder: join(work, 'cli'),
      mirror: standin.mirror,
    })
    for (const folder of [volumes, machines]) {
      await terraform.preview(folder, { env })
      await terraform.apply(folder, { env })
      expect(isEmpty(await terraform.preview(folder, { env }))).toBe(true)
      const written = await readText(join(folder, 'terraform.tfvars.json'))
      for (const secret of [token, keys.token, 'PRIVATE KEY']) expect(written).not.toContain(secret)
    }
    expect(await names('hcloud_server')).toEqual(['omega-control-1', 'omega-worker-1', 'omega-worker-2'])
    expect(configOf(await initOf('omega-worker-1'))['node-label']).toContain(`example.com/a=\${b}`)
    expect(String((await terraform.outputs(machines, { env }))['kubeconfig'])).toContain('198.18.')
    await terraform.preview(machines, { env, destroy: true })
    await terraform.apply(machines, { env })
    expect(new Set((await standin.things()).map(({ type }) => type))).toEqual(new Set(['hcloud_volume']))
  })
})

describe('what is called otherwise in a module that was changed', () => {
  const spec = (pool: string): ClusterSpec => ({
    name: 'acme',
    domain: 'acme.example.org',
    kubernetesVersion: '1.35.8',
    pools: [
      { name: 'control', role: 'control', size: 1, machineType: 'cx33' },
      { name: pool, role: 'worker', size: 2, machineType: 'cx43' },
    ],
    volumes: {},
  })

  test('stays by its moved block, and the preview tells; without the block its machines would go', async () => {
    const changed = join(work, 'changed', 'terraform')
    await cp(modules, changed, { recursive: true })
    await cp(join(project, 'catalog'), join(work, 'changed', 'catalog'), { recursive: true })
    const terraform = createTerraformCli({
      program: needProgram('tofu'),
      folder: join(work, 'moved-cli'),
      mirror: standin.mirror,
    })
    const folder = join(work, 'moved', 'cluster')
    const env = hcloudEnv({ token, clusterToken: token, keys })
    const settings: HcloudSettings = { location: 'fsn1', apiRanges: here.my_ranges, modules: '' }
    const root = async (pool: string) =>
      await writeRoot(
        folder,
        hcloudClusterRoot(
          spec(pool),
          { ...settings, modules: await modulesFor(folder, changed) },
          loadProvider(join(project, 'catalog/providers'), 'hcloud'),
        ),
      )
    await root('work')
    await terraform.preview(folder, { env })
    await terraform.apply(folder, { env })
    const before = await servers()
    expect(Object.keys(before).toSorted()).toEqual(['acme-control-1', 'acme-work-1', 'acme-work-2'])

    // The resource is renamed in the module, the pool in the site file.
    const [main, others] = ['main.tf', 'outputs.tf'].map((name) => join(changed, 'hcloud-cluster', name))
    for (const file of [main, others])
      await writeFile(
        file ?? '',
        (await readText(file ?? ''))
          .replaceAll('hcloud_server.machine', 'hcloud_server.node')
          .replace('"hcloud_server" "machine"', '"hcloud_server" "node"'),
      )
    await root('labour')
    const machine = (name: string, key: string) => `module.cluster.hcloud_server.${name}["${key}"]`
    const lost = await terraform.preview(folder, { env })
    expect(lost.deletes).toEqual(expect.arrayContaining([machine('machine', 'work-1'), machine('machine', 'work-2')]))

    const moves = [1, 2]
      .map(
        (n) => `moved {\n  from = hcloud_server.machine["work-${n}"]\n  to   = hcloud_server.node["labour-${n}"]\n}\n`,
      )
      .join('')
    await writeFile(join(changed, 'hcloud-cluster', 'moved.tf'), moves)
    const kept = await terraform.preview(folder, { env })
    const ofServers = (addresses: readonly string[]) => addresses.filter((one) => one.includes('hcloud_server.'))
    expect([kept.deletes, kept.replaces, kept.creates].flatMap(ofServers)).toEqual([])
    expect(kept.moved).toEqual(
      expect.arrayContaining(
        [1, 2].map((n) => ({ from: machine('machine', `work-${n}`), to: machine('node', `labour-${n}`) })),
      ),
    )
    await terraform.apply(folder, { env })
    expect(Object.values(await servers()).toSorted()).toEqual(Object.values(before).toSorted())
    expect(isEmpty(await terraform.preview(folder, { env }))).toBe(true)
  })
})

describe('volumes at Hetzner', () => {
  test('are kept by Hetzner itself until that is lifted, and chart omegaml-storage finds them by id', async () => {
    const folder = await example('hcloud-cluster/examples/volumes', {})
    await mustTofu(folder, 'apply', '-auto-approve')
    const volumes = await standin.things('hcloud_volume')
    expect(await names('hcloud_volume')).toEqual(['omega-mongodb', 'omega-mysql'])
    const values = (await output(folder, 'storage_values')) as { volumes: Record<string, unknown> }
    const mongodb = volumes.find(({ attributes }) => attributes['name'] === 'omega-mongodb')
    expect(values.volumes['mongodb']).toEqual({
      mode: 'csi',
      size: '20Gi',
      csi: {
        driver: 'csi.hetzner.cloud',
        volumeHandle: mongodb?.id,
        topology: { 'csi.hetzner.cloud/location': 'fsn1' },
      },
    })
    const chart = join(project, 'charts/omegaml-storage')
    const file = join(folder, 'values.json')
    await writeFile(file, JSON.stringify(values))
    const { stdout } = await execa(needProgram('helm'), ['template', 'storage', chart, '--values', file])
    expect(stdout).toContain(`volumeHandle: "${mongodb?.id}"`)
    expect(await hasChanges(folder)).toBe(false)

    const kept = await tofu(folder, 'destroy', '-auto-approve')
    expect(kept.exitCode).toBe(1)
    expect(kept.output).toContain('protected')
    expect(await standin.things('hcloud_volume')).toHaveLength(2)
    const main = join(folder, 'main.tf')
    await writeFile(main, (await readText(main)).replace('location =', 'protected = false\n  location ='))
    await mustTofu(folder, 'apply', '-auto-approve')
    await mustTofu(folder, 'destroy', '-auto-approve')
    expect(await standin.things()).toEqual([])
  })
})

describe('a Rancher server', () => {
  const passwords = { bootstrap_password: 'bootstrap-1234567', admin_password: 'admin-password-1234' }
  const values = () => ({ ...here, ...passwords, hostname: 'rancher.example.com', acme_email: 'a@example.com', keys })

  test('is a machine with k3s, cert-manager and Rancher, and the admin is signed in', async () => {
    const folder = await example('rancher-server/examples/hcloud', values())
    await mustTofu(folder, 'apply', '-auto-approve')
    const init = await initOf('rancher')
    expect(configOf(init)).not.toHaveProperty('disable')
    const charts = parseAllDocuments(init.files['/etc/cloudmgr/manifests.yaml'] ?? '').map((one) => one.toJS().spec)
    expect(charts.map(({ chart, version }) => [chart, version])).toEqual([
      ['cert-manager', 'v1.21.2'],
      ['rancher', '2.15.1'],
    ])
    expect(parse(charts[1].valuesContent)).toMatchObject({
      hostname: 'rancher.example.com',
      bootstrapPassword: passwords.bootstrap_password,
      letsEncrypt: { email: 'a@example.com' },
    })
    const [firewall] = await standin.things('hcloud_firewall')
    const rules = firewall?.attributes['rule'] as { port: string; source_ips: string[] }[]
    const open = rules.filter(({ source_ips }) => source_ips.includes('0.0.0.0/0')).map(({ port }) => port)
    expect(open.toSorted()).toEqual(['443', '80'])
    expect(await standin.things('rancher2_bootstrap')).toHaveLength(1)
    expect(String(await output(folder, 'token'))).not.toBe('')
    expect(await hasChanges(folder)).toBe(false)
    const shown = await mustTofu(folder, 'show')
    for (const secret of [...Object.values(passwords), keys.token]) expect(shown).not.toContain(secret)
  })

  test('is upgraded by its manifests: another version leaves the machine alone', async () => {
    const folder = await example('rancher-server/examples/hcloud', values())
    await mustTofu(folder, 'apply', '-auto-approve')
    const before = await servers()
    const main = join(folder, 'main.tf')
    const upgraded = (await readText(main))
      .replace('  location           = "fsn1"', '  location = "fsn1"\n  rancher_version = "2.14.3"')
      .concat('output "manifests" {\n  value = module.server.manifests\n  sensitive = true\n}\n')
    await writeFile(main, upgraded)
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(await servers()).toEqual(before)
    expect(String(await output(folder, 'manifests'))).toContain('"2.14.3"')
  })

  test('refuses a Kubernetes or Rancher that the catalogue does not know to go together', async () => {
    const wrong = {
      'k3s_version = "v1.37.2+k3s1"': /Kubernetes 1\.33 to 1\.35/,
      'rancher_version = "2.9.1"': /2\.13\.x/,
    }
    for (const [line, says] of Object.entries(wrong)) {
      const folder = await example('rancher-server/examples/hcloud', values())
      const main = join(folder, 'main.tf')
      await writeFile(main, (await readText(main)).replace('  location           =', `  ${line}\n  location =`))
      const { exitCode, output: said } = await tofu(folder, 'plan')
      expect(exitCode).toBe(1)
      expect(said).toMatch(says)
    }
  })

  test('goes into a cluster that is there by Helm’s values, its backups encrypted into a bucket', async () => {
    const folder = await example('rancher-server/examples/existing-cluster', {
      ...passwords,
      hostname: 'r.example.com',
    })
    const main = join(folder, 'main.tf')
    const backup = { bucket: 'b', endpoint: 's3.example.com', access_key: 'A', secret_key: 'S', encryption_key: 'E' }
    await writeFile(
      main,
      (await readText(main)).replace(
        '  replicas           =',
        `  acme_email = "a@example.com"\n  backup = jsondecode(${JSON.stringify(JSON.stringify(backup))})\n  replicas =`,
      ),
    )
    await mustTofu(folder, 'apply', '-auto-approve')
    const charts = (await output(folder, 'charts')) as { name: string; version: string; values: string }[]
    expect(charts.map(({ name, version }) => [name, version])).toEqual([
      ['cert-manager', 'v1.21.2'],
      ['rancher', '2.15.1'],
      ['rancher-backup-crd', '110.0.0+up11.0.0'],
      ['rancher-backup', '110.0.0+up11.0.0'],
    ])
    const objects = parseAllDocuments(String(await output(folder, 'objects'))).map((one) => one.toJS())
    // `up` says the same without the module.
    const place = {
      bucket: 'b',
      endpoint: 's3.example.com',
      region: '',
      folder: 'rancher',
      schedule: '0 3 * * *',
      keep: 14,
    }
    const server = {
      hostname: 'r.example.com',
      acmeEmail: 'a@example.com',
      ingressClass: 'nginx',
      replicas: 3,
      backup: place,
    }
    const { line, certManager } = rancherParts(join(project, 'catalog/providers'), undefined)
    const wanted = rancherCharts(server, line, { certManager, bootstrapPassword: passwords.bootstrap_password })
    expect(charts.map(({ values, ...rest }) => ({ ...rest, values: parse(values) }))).toEqual(
      wanted.map(({ release: name, repository: repo, chart, version, namespace, values }) => ({
        ...{ name, repo, chart, version, namespace, values },
      })),
    )
    const secrets = { accessKey: 'A', secretKey: 'S', encryptionKey: 'E' }
    const [bucket, encryption, last] = backupObjects(place, secrets)
    expect(objects.at(-1)).toEqual(last)
    for (const [index, secret] of [bucket, encryption].entries()) {
      const { metadata, stringData } = objects[index + 1] as { metadata: object; stringData: Record<string, string> }
      expect(metadata).toEqual(secret?.metadata)
      const data = Object.entries(secret?.['data'] as Record<string, string>).map(([key, value]) => [
        key,
        parse(Buffer.from(value, 'base64').toString()),
      ])
      expect(Object.entries(stringData).map(([key, value]) => [key, parse(value)])).toEqual(data)
    }
    expect(await hasChanges(folder)).toBe(false)
  })
})

describe('a cluster that exists', () => {
  test('is registered with Rancher, and waited for once its agent runs', async () => {
    const access = { rancher_url: 'https://rancher.example.com', rancher_token: 'token-x:secret' }
    const folder = await example('existing/examples/rancher', access)
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(String(await output(folder, 'manifest_url'))).toMatch(
      /^https:\/\/rancher\.example\.com\/v3\/import\/.*\.yaml$/,
    )
    expect(await standin.things('rancher2_cluster_sync')).toEqual([])
    await mustTofu(folder, 'apply', '-auto-approve', '-var', 'registered=true')
    expect(await standin.things('rancher2_cluster_sync')).toHaveLength(1)
    await mustTofu(folder, 'destroy', '-auto-approve')
    expect(await standin.things()).toEqual([])
  })
})

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8')
}
