import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { AppError } from '../../base/errors.ts'
import { type CheckedFile, checkParsed, checkSiteFile, ruleFacts } from './check.ts'
import { type RancherProvider, rancherMachine } from './rancher-machine.ts'
import { readSiteFile } from './read.ts'
import type { RuleFacts } from './rules.ts'
import { readGivenSecrets, type SecretSources } from './secret-values.ts'
import { wishesOf } from './to-site.ts'
import { wantedValues, wantedVolumes } from './wanted-values.ts'

const project = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-site-file-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const facts: Record<string, RuleFacts> = {}

function check(text: string): CheckedFile {
  const path = join(folder, 'site.yml')
  writeFileSync(path, text)
  const parsed = readSiteFile(path)
  const { provider } = parsed.site
  const whose = provider.kind === 'rancher' ? `rancher ${provider.cloud}` : provider.kind
  return checkParsed(parsed, (facts[whose] ??= ruleFacts(parsed.site, project)))
}

interface Told {
  readonly line?: number
  readonly field?: string
  readonly value?: unknown
  readonly problem: string
}

function told(text: string): { code: string; message: string; errors: readonly Told[] } {
  try {
    check(text)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { code: error.code, message: error.message, errors: error.details?.['errors'] as Told[] }
  }
  throw new Error('it was accepted')
}

const head = 'name: omega\nprovider: {kind: local}\n'
const pools = 'pools:\n  - {name: node, role: worker, cores: 4, memoryGb: 8}\n'
const four = (dbmaster: string) =>
  `pools:\n  - {name: db, role: dbmaster, ${dbmaster}}\n  - {name: in, role: ingress, cores: 2, memoryGb: 4}\n  - {name: sys, role: system, cores: 2, memoryGb: 4}\n  - {name: work, role: worker, cores: 4, memoryGb: 8}\n`

test('the smallest file is enough, and says nothing to the charts', () => {
  const { site, warnings } = check(head + pools)
  expect(site).toMatchObject({ storage: { mongodbGb: 20 }, tls: { kind: 'none' }, rancher: { kind: 'none' } })
  expect(warnings).toEqual([])
  expect(Object.values(wantedValues(site))).toEqual([{}, {}, {}, {}])
  expect(wantedVolumes(site)).toEqual({ mongodb: 20, mysql: 5, rabbitmq: 2 })
})

test('machines with GPUs are kept for what asks for them', () => {
  const labels = { 'nvidia.com/gpu.present': 'true' }
  const taints = [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }]
  const simulated = check(
    `${head}${pools}  - {name: gpu, role: worker, cores: 4, memoryGb: 8, simulated: true, gpu: 2}\n`,
  )
  expect(wishesOf(simulated).layout?.machines).toMatchObject({ 'gpu-1': { labels, taints, gpu: 2, simulated: true } })
  const ordered = check(`${rancher('amazonec2', ec2)}  - {name: gpu, role: gpu, type: g6.xlarge, gpu: 1}\n`)
  expect(wishesOf(ordered).layout?.cloud).toMatchObject({ pools: [{}, {}, { name: 'gpu', gpu: 1, labels, taints }] })
  const there = check(
    'name: omega\nprovider: {kind: existing, kubeconfig: {env: K}, roles: {gpu: {nodes: [a], gpu: true}}}\n',
  )
  expect(wishesOf(there).layout?.cloud).toMatchObject({ roles: { gpu: { nodes: ['a'], taints, gpu: true } } })
})

test('an address for others is the site’s, and without one it is for its own machine', () => {
  const file = (listen: string) => `name: omega\ndomain: omega.internal\nprovider: {kind: local${listen}}\n${pools}`
  expect(wishesOf(check(file(', listen: 192.0.2.7')))).toMatchObject({ listen: '192.0.2.7', domain: 'omega.internal' })
  expect(wishesOf(check(file('')))).toMatchObject({ listen: false })
})

const ec2 = 'ami: a, region: r, security_group: [g], subnet_id: s, vpc_id: v, zone: a'
const rancher = (cloud: string, machine: string, size = 'size: 2') =>
  `name: omega
provider: {kind: rancher, cloud: ${cloud}, credential: {name: c}, machine: {${machine}}}
rancher: {kind: existing, url: "https://rancher.example.org", token: {env: T}}
pools:
  - {name: control, role: control, type: m}
  - {name: node, role: worker, type: m, ${size}}
`

test('machines of Hetzner by a Rancher have Hetzner’s types, disks and load balancer', () => {
  const file = check(
    rancher('hetzner', 'ssh_keys: [me]', 'size: 2')
      .replace('{name: c}, machine', '{values: {token: {env: T}}}, region: fsn1, machine')
      .replace('role: control, type: m', 'role: control, type: cx23')
      .replace('role: worker, type: m', 'role: worker, type: cx53'),
  )
  expect(file.warnings).toMatchObject([{ path: ['pools', 0], problem: expect.stringContaining('take 8 GB at least') }])
  const { layout } = wishesOf(file)
  expect(layout?.cloud).toMatchObject({ kind: 'rancher', driver: 'hetzner', machine: { location: 'fsn1' } })
  expect(layout?.volumes).toMatchObject({ mongodb: 20, mysql: 10, rabbitmq: 10 })
  expect(layout?.values['omegaml-ingress']).not.toHaveProperty('service.type')
})

test('machines of Rancher take their driver’s settings, and the file’s words stand for some of them', () => {
  const said = 'network: v, region: r, zone: a, distribution: k3s, machine: {'
  const text = rancher('amazonec2', 'ami: a, security_group: [g], subnet_id: s').replace('machine: {', said)
  const { provider } = check(text).site
  expect(provider).toMatchObject({ distribution: 'k3s' })
  expect(rancherMachine(provider as RancherProvider)).toEqual({
    region: 'r',
    zone: 'a',
    vpc_id: 'v',
    ami: 'a',
    security_group: ['g'],
    subnet_id: 's',
  })
  expect(check(rancher('amazonec2', ec2, 'size: 2, min: 1, max: 4')).warnings).toEqual([])
})

const newRancher =
  'kind: create, hostname: rancher.example.org, type: cx33, acmeEmail: me@example.org, hcloudToken: {env: T}'

const bad: { why: string; text: string; field: string; line?: number; problem: RegExp }[] = [
  {
    why: 'an unknown key, with the one that was meant',
    text: `${head}poools: []\n${pools}`,
    field: 'poools',
    line: 3,
    problem: /did you mean pools\?/,
  },
  {
    why: 'an unknown key inside a pool',
    text: `${head}pools:\n  - name: node\n    rol: worker\n    cores: 4\n    memoryGb: 8\n`,
    field: 'pools[0].rol',
    line: 5,
    problem: /did you mean role\?/,
  },
  {
    why: 'a key of another provider',
    text: `name: omega\nprovider: {kind: local, token: {env: T}}\n${pools}`,
    field: 'provider.token',
    line: 2,
    problem: /unknown key; known here are kind, ports/,
  },
  {
    why: 'a provider that does not exist',
    text: `name: omega\nprovider: {kind: hcluod}\n${pools}`,
    field: 'provider.kind',
    problem: /did you mean hcloud\?/,
  },
  {
    why: 'an index of packages with a password',
    text: `${head}${pools}packages: {index: "https://me:hunter22@pypi.example.org/simple"}\n`,
    field: 'packages.index',
    problem: /without credentials|secret/,
  },
  { why: 'no name', text: `provider: {kind: local}\n${pools}`, field: 'name', problem: /is missing/ },
  {
    why: 'a Rancher that is made and has an address all the same',
    text: rancher('amazonec2', ec2).replace(/kind: existing, (url: "[^"]*"), token: \{env: T\}/, `${newRancher}, $1`),
    field: 'rancher.url',
    problem: /unknown key; known here are kind, hostname.*it goes with kind existing/,
  },
  {
    why: 'a Rancher to be made without its mail address',
    text: rancher('amazonec2', ec2).replace(
      /rancher: .*/,
      `rancher: {${newRancher.replace(/, acmeEmail: [^,]*/, '')}}`,
    ),
    field: 'rancher.acmeEmail',
    problem: /is missing/,
  },
  {
    why: 'a Rancher to be made without the token of its cloud',
    text: rancher('amazonec2', ec2).replace(/rancher: .*/, `rancher: {${newRancher.replace(/, hcloudToken.*/, '')}}`),
    field: 'rancher.hcloudToken',
    problem: /is missing: with provider rancher .* token of Hetzner/,
  },
  {
    why: 'a Rancher to be made nowhere',
    text: rancher('amazonec2', ec2).replace(/rancher: .*/, `rancher: {${newRancher.replace(/type: cx33, /, '')}}`),
    field: 'rancher.type',
    problem: /right is the type of its machine at Hetzner, or cluster/,
  },
  {
    why: 'a Rancher on a machine and in a cluster',
    text: rancher('amazonec2', ec2).replace(/rancher: .*/, `rancher: {${newRancher}, cluster: {kubeconfig: {env: K}}}`),
    field: 'rancher.hcloudToken',
    problem: /of a machine at Hetzner: leave it out/,
  },
  {
    why: 'a time of backups that cron does not read',
    text: rancher('amazonec2', ec2).replace(
      /rancher: .*/,
      'rancher: {kind: create, hostname: r.example.org, acmeEmail: me@example.org, cluster: {kubeconfig: {env: K}, backup: {bucket: b, endpoint: e, accessKey: {env: A}, secretKey: {env: S}, encryptionKey: {env: E}, schedule: every night}}}',
    ),
    field: 'rancher.cluster.backup.schedule',
    problem: /as cron writes it/,
  },
  {
    why: 'a Rancher to be made of a version that nobody knows',
    text: rancher('amazonec2', ec2).replace(/rancher: .*/, `rancher: {${newRancher}, version: "2.9"}`),
    field: 'rancher.version',
    problem: /right is 2\.13/,
  },
  {
    why: 'a name that no cgroup takes',
    text: `name: My Site\nprovider: {kind: local}\n${pools}`,
    field: 'name',
    line: 1,
    problem: /2 to 16 lower-case letters/,
  },
  {
    why: 'a domain of one label',
    text: `${head}domain: localhost\n${pools}`,
    field: 'domain',
    problem: /at least one dot/,
  },
  {
    why: 'an address for others under a domain that means each of them itself',
    text: `name: omega\nprovider: {kind: local, listen: 192.0.2.7}\n${pools}`,
    field: 'domain',
    problem: /omega\.localhost can't be reached from other machines.*omega\.internal/,
  },
  {
    why: 'a name instead of an address',
    text: `name: omega\nprovider: {kind: local, listen: eth0}\n${pools}`,
    field: 'provider.listen',
    line: 2,
    problem: /address/i,
  },
  { why: 'no machines', text: head, field: 'pools', problem: /role worker has no machine; right is one pool/ },
  {
    why: 'a missing role',
    text: `${head}${four('cores: 2, memoryGb: 8')}`.replace(/.*role: ingress.*\n/, ''),
    field: 'pools',
    problem: /role ingress has no machine/,
  },
  {
    why: 'a role whose only machines are simulated',
    text: `${head}pools:\n  - {name: node, role: worker, cores: 4, memoryGb: 8, simulated: true}\n`,
    field: 'pools',
    problem: /role worker has no machine.*pools\[0\] does not count: simulated machines run nothing$/,
  },
  {
    why: 'a role whose only machines have GPUs',
    text: `${head}pools:\n  - {name: node, role: worker, cores: 4, memoryGb: 8, simulated: true, gpu: 1}\n`,
    field: 'pools',
    problem: /role worker has no machine/,
  },
  {
    why: 'GPUs of real machines on this computer',
    text: `${head}${pools}  - {name: gpu, role: gpu, cores: 4, memoryGb: 8, gpu: 1}\n`,
    field: 'pools[1].gpu',
    problem: /machines of this computer have none.*simulated: true/,
  },
  {
    why: 'GPUs at Hetzner',
    text: `name: omega\nprovider: {kind: hcloud, token: {env: T}}\n${pools}  - {name: gpu, role: gpu, type: cx43, gpu: 1}\n`,
    field: 'pools[1].gpu',
    problem: /Hetzner have none/,
  },
  {
    why: 'GPUs of pools in a cluster that is there',
    text: `name: omega\nprovider: {kind: existing, kubeconfig: {env: K}}\npools:\n  - {name: gpu, role: gpu, type: x, gpu: 1}\n`,
    field: 'pools[0].gpu',
    problem: /right is provider\.roles\.<role>\.gpu: true/,
  },
  {
    why: 'nodes with GPUs for a role of the site',
    text: `name: omega\nprovider: {kind: existing, kubeconfig: {env: K}, roles: {worker: {nodes: [a], gpu: true}}}\n`,
    field: 'provider.roles.worker.gpu',
    problem: /a role of your own, such as gpu/,
  },
  {
    why: 'GPUs for the databases',
    text: `${rancher('amazonec2', ec2)}  - {name: gpu, role: dbmaster, type: g6.xlarge, gpu: 1}\n`,
    field: 'pools[2].gpu',
    problem: /role dbmaster asks for no GPU/,
  },
  {
    why: 'GPUs that nothing would make',
    text: `${rancher('amazonec2', ec2)}  - {name: gpu, role: gpu, type: g6.xlarge, gpu: 1, min: 0, max: 2, cores: 4, memoryGb: 16}\n`,
    field: 'pools[2].gpu',
    problem: /right is min 1/,
  },
  {
    why: 'two pools of one name',
    text: `${head}${pools}  - {name: node, role: gpu, cores: 1, memoryGb: 2}\n`,
    field: 'pools[1].name',
    line: 5,
    problem: /pools\[0\] has this name/,
  },
  {
    why: 'a machine type that the provider lacks',
    text: `${head}pools:\n  - {name: node, role: worker, type: lage}\n`,
    field: 'pools[0].type',
    problem: /small, medium, large; did you mean large\?/,
  },
  {
    why: 'half a size',
    text: `${head}pools:\n  - {name: node, role: worker, cores: 4}\n`,
    field: 'pools[0].memoryGb',
    problem: /missing beside cores/,
  },
  {
    why: 'machines too small for the databases',
    text: `${head}${four('cores: 2, memoryGb: 1')}`,
    field: 'pools[0].memoryGb',
    line: 4,
    problem: /no room for mysql.*asked for by mongodb, mysql, .*; the smallest that would do: 0\.5 cores and 1\.5 GB/,
  },
  {
    why: 'a type too small for everything, with the smallest that would do',
    text: `${head}pools:\n  - {name: node, role: worker, type: small}\n`,
    field: 'pools[0].type',
    problem: /the smallest that would do: type medium/,
  },
  {
    why: 'chart values that ask for more than there is',
    text: `${head}${pools}components:\n  mongodb:\n    values: {resources: {requests: {memory: 16Gi}}}\n`,
    field: 'pools[0].memoryGb',
    problem: /no room for mongodb/,
  },
  {
    why: 'a chart value that does not exist',
    text: `${head}${pools}components:\n  omegaweb:\n    values: {replica: 2}\n`,
    field: 'components.omegaweb.values.replica',
    line: 7,
    problem: /did you mean replicas\?/,
  },
  {
    why: 'a chart value of the wrong kind',
    text: `${head}${pools}components:\n  ingress: {values: {nginx: {replicas: many}}}\n`,
    field: 'components.ingress.values.nginx.replicas',
    problem: /must be integer/,
  },
  {
    why: 'more at least than at most',
    text: `${head}${pools.replace('memoryGb: 8', 'memoryGb: 8, min: 3, max: 1')}`,
    field: 'pools[0].min',
    problem: /more than max, 1/,
  },
  {
    why: 'scaling of plain machines at Hetzner',
    text: `name: omega
provider: {kind: hcloud, token: {env: T}}
images: {registry: r.example.org/o}
pools:
  - {name: control, role: control, type: cx33}
  - {name: node, role: worker, type: cx53, size: 1, min: 1, max: 3}
`,
    field: 'pools[1].max',
    problem: /nothing scales machines of provider hcloud: give size alone/,
  },
  {
    why: 'scaling where nothing scales',
    text: `${head}${pools.replace('memoryGb: 8', 'memoryGb: 8, min: 1, max: 3')}`,
    field: 'pools[0].max',
    problem: /nothing scales machines of provider local/,
  },
  {
    why: 'a password for a registry without a name',
    text: `${head}${pools}images: {registry: r.example.org/o, password: {env: P}}\n`,
    field: 'images.username',
    problem: /is missing: images\.password is there/,
  },
  {
    why: 'a registry whose authority no machine of the cloud knows',
    text: `name: omega
provider: {kind: hcloud, token: {env: T}}
images: {registry: r.example.org/o, ca: {file: ca.crt}}
pools:
  - {name: control, role: control, type: cx33}
  - {name: node, role: worker, type: cx53}
`,
    field: 'images.ca',
    problem: /machines .* would not know it/,
  },
  {
    why: 'disks of a machine that has none of its own',
    text: `${head}${pools.replace('memoryGb: 8', 'memoryGb: 8, diskGb: 10')}`,
    field: 'pools[0].diskGb',
    problem: /leave it out/,
  },
  {
    why: 'a control plane too many',
    text: `${head}${pools}  - {name: cp, role: control, cores: 2, memoryGb: 4}\n`,
    field: 'pools[1].role',
    problem: /has a control plane of its own/,
  },
  {
    why: 'a control plane missing',
    text: `name: omega\nprovider: {kind: hcloud, token: {env: HCLOUD_TOKEN}}\npools:\n  - {name: node, role: worker, type: cx32}\n`,
    field: 'pools',
    problem: /right is one or three/,
  },
  {
    why: 'a storage class where volumes are folders',
    text: `${head}${pools}storage: {class: fast}\n`,
    field: 'storage.class',
    problem: /leave it out/,
  },
  {
    why: 'a volume of the site among those of clients',
    text: `${head}${pools}storage: {volumes: {mysql: {sizeGb: 3}}}\n`,
    field: 'storage.volumes.mysql',
    problem: /storage\.mysqlGb/,
  },
  {
    why: 'a plan that nobody can order',
    text: `${head}${pools}services: [runtme]\n`,
    field: 'services[0]',
    problem: /did you mean runtime\?/,
  },
  {
    why: 'a backend that Terraform does not have',
    text: `${head}${pools}state: {backend: s33}\n`,
    field: 'state.backend',
    problem: /did you mean s3\?/,
  },
  {
    why: 'roots that would overwrite each other’s state',
    text: `${head}${pools}state: {backend: s3, settings: {bucket: b, key: omega.tfstate}}\n`,
    field: 'state.settings',
    problem: /no setting has \{root\}.*key: omega\/\{root\}\.tfstate/,
  },
  {
    why: 'a key of the bucket in the file',
    text: `${head}${pools}state: {backend: s3, settings: {key: "{root}", secret_key: hunter22}}\n`,
    field: 'state.settings.secret_key',
    problem: /is a secret: give it as state\.secrets\.AWS_SECRET_ACCESS_KEY/,
  },
  {
    why: 'a folder of states that depends on where one stands',
    text: `${head}${pools}state: {backend: local, settings: {path: "states/{root}"}}\n`,
    field: 'state.settings.path',
    problem: /a path from \/ on/,
  },
  {
    why: 'a setting of machines that the driver does not have',
    text: rancher('amazonec2', `${ec2}, subnetid: s`),
    field: 'provider.machine.subnetid',
    line: 2,
    problem: /machines of amazonec2 have no such setting; did you mean subnet_id\?/,
  },
  {
    why: 'settings of machines that the driver needs',
    text: rancher('amazonec2', 'ami: a, region: r'),
    field: 'provider.machine',
    problem: /^security_group, subnet_id, vpc_id, zone are missing: machines of amazonec2 need ami, /,
  },
  {
    why: 'a password among the settings of machines',
    text: rancher('vsphere', 'ssh_password: hunter22').replace('type: m', 'cores: 4, memoryGb: 8'),
    field: 'provider.machine.ssh_password',
    problem: /looks like a secret/,
  },
  {
    why: 'a cloud that Rancher’s module has no driver for',
    text: rancher('hcloud', ''),
    field: 'provider.cloud',
    problem: /right is amazonec2, .*did you mean hetzner/,
  },
  ...[
    {
      why: 'a credential at Hetzner that Rancher has',
      text: rancher('hetzner', 'location: fsn1'),
      field: 'provider.credential',
      problem: /right is values with token alone/,
    },
    {
      why: 'machines of Hetzner without a place',
      text: rancher('hetzner', ''),
      field: 'provider.machine',
      problem: /location is missing: machines of hetzner need location \(provider.region\)/,
    },
    {
      why: 'a type that Hetzner does not have',
      text: rancher('hetzner', 'location: fsn1'),
      field: 'pools[1].type',
      problem: /right is cx23, /,
    },
    {
      why: 'an autoscaler at Hetzner by Rancher',
      text: rancher('hetzner', 'location: fsn1', 'size: 1, min: 1, max: 4'),
      field: 'pools[1].max',
      problem: /nothing scales machines of Hetzner/,
    },
    {
      why: 'a disk at Hetzner by Rancher that its type does not have',
      text: rancher('hetzner', 'location: fsn1', 'size: 1, diskGb: 100'),
      field: 'pools[1].diskGb',
      problem: /comes with its type/,
    },
    {
      why: 'k3s at Hetzner by Rancher',
      text: rancher('hetzner', 'location: fsn1').replace('cloud: hetzner', 'cloud: hetzner, distribution: k3s'),
      field: 'provider.distribution',
      problem: /rke2 only/,
    },
    {
      why: 'GPUs at Hetzner by Rancher',
      text: rancher('hetzner', 'location: fsn1', 'size: 1, gpu: 1'),
      field: 'pools[1].gpu',
      problem: /have none/,
    },
  ],
  {
    why: 'half of an autoscaler’s numbers',
    text: rancher('amazonec2', ec2, 'size: 2, max: 4'),
    field: 'pools[1].min',
    problem: /give min and max, or size alone/,
  },
  {
    why: 'an autoscaler that can’t know what it would get',
    text: rancher('amazonec2', ec2, 'size: 0, min: 0, max: 4'),
    field: 'pools[1].min',
    problem: /cores and memoryGb must say/,
  },
  {
    why: 'a Rancher that no provider is known for',
    text: rancher('amazonec2', ec2).replace('url: ', 'version: "2.9", url: '),
    field: 'rancher.version',
    problem: /right is 2\.13, 2\.14, 2\.15/,
  },
  {
    why: 'machines of Rancher without one',
    text: rancher('amazonec2', ec2).replace(/rancher: \{.*\}\n/, ''),
    field: 'rancher',
    problem: /needs to know which Rancher/,
  },
  {
    why: 'a kind without its key',
    text: `${head}${pools}tls: local_ca\n`,
    field: 'tls',
    problem: /right is keys with values, such as \{kind: local-ca\}/,
  },
  {
    why: 'fewer than no cores',
    text: `${head}${pools.replace('cores: 4', 'cores: -4')}`,
    field: 'pools[0].cores',
    problem: /right is more than 0/,
  },
  {
    why: 'a role that is nearly one',
    text: `${head}${pools.replace('role: worker', 'role: workers')}`,
    field: 'pools',
    problem: /pools\[0\] has role workers: did you mean worker\?/,
  },
  {
    why: 'too few cores where memory would do',
    text: `${head}${pools.replace('cores: 4', 'cores: 0.2')}`,
    field: 'pools[0].cores',
    problem: /by each machine for itself; the smallest that would do: 1 cores? and/,
  },
  {
    why: 'an issuer where there is no cert-manager',
    text: `${head}${pools}tls: {kind: issuer, issuer: letsencrypt}\n`,
    field: 'tls.kind',
    problem: /right is none, local-ca or given/,
  },
  {
    why: 'a mistake in quotas',
    text: `${head}${pools}quota: {podz: "3"}\n`,
    field: 'quota.podz',
    problem: /did you mean pods\?/,
  },
]

for (const { why, text, field, line, problem } of bad) {
  test(`refused: ${why}`, () => {
    const { code, errors } = told(text)
    expect(code).toBe('site-file-invalid')
    const found = errors.find((one) => one.field === field)
    expect(found?.problem).toMatch(problem)
    if (line !== undefined) expect(found?.line).toBe(line)
  })
}

test('all mistakes are told at once, in the order of their lines', () => {
  const { errors, message } = told(`name: omega\nprovider: {kind: local}\ntitle: 3\npools: 7\nextra: 1\n`)
  expect(errors.map(({ field }) => field)).toEqual(['title', 'pools', 'extra'])
  expect(message).toContain('3 mistakes')
})

test('a key that stands twice is told', () => {
  expect(told(`${head}${pools}name: other\n`)).toMatchObject({
    errors: [{ line: 5, problem: expect.stringMatching(/second time/) }],
  })
})

test('what is not YAML is told with its line', () => {
  expect(told('name: [omega\nprovider: x\n').errors[0]?.line).toBeGreaterThan(0)
})

test('a file that is not there says how to get one', () => {
  expect(() => checkSiteFile(join(folder, 'none.yml'), project)).toThrow(/cloudmgr init/)
})

const secrets: { why: string; text: string; field: string }[] = [
  { why: 'a mail password', text: 'mail: {smtp: {host: m, password: hunter22}}', field: 'mail.smtp.password' },
  { why: 'a list as a password', text: 'mail: {smtp: {host: m, password: [hunter22]}}', field: 'mail.smtp.password' },
  {
    why: 'a misspelt reference',
    text: 'mail: {smtp: {host: m, password: {value: hunter22}}}',
    field: 'mail.smtp.password',
  },
  {
    why: 'a password among chart values',
    text: 'components: {omegaweb: {values: {env: {SMTP_PASSWORD: hunter22}}}}',
    field: 'components.omegaweb.values.env.SMTP_PASSWORD',
  },
  {
    why: 'an address with a password',
    text: 'components: {worker: {values: {env: {URL: "mongodb://admin:hunter22@host/db"}}}}',
    field: 'components.worker.values.env.URL',
  },
]

for (const { why, text, field } of secrets) {
  test(`a secret in the file is refused and not repeated: ${why}`, () => {
    const { errors, message } = told(`${head}${pools}${text}\n`)
    expect(errors.map((one) => one.field)).toEqual([field])
    expect(message + JSON.stringify(errors)).not.toContain('hunter22')
  })
}

test('names of Secrets and switches are no secrets', () => {
  const text =
    'components: {worker: {values: {accountSecret: omworker, autoscaling: {brokerSecret: keda}}}, system: {values: {secrets: {create: false}}}}'
  expect(check(`${head}${pools}${text}\n`).warnings).toEqual([])
})

test('small workers are warned of, not refused', () => {
  const { warnings } = check(`${head}pools:\n  - {name: node, role: worker, cores: 2, memoryGb: 8}\n`)
  expect(warnings).toMatchObject([{ path: ['pools', 0], problem: expect.stringContaining('too small') }])
})

const mailFile = (ref: string) =>
  `${head}${pools}mail: {from: a@b.c, smtp: {host: mail.example.org, user: me, password: ${ref}}}\n`
const sources: SecretSources = {
  env: { MAIL: 'of the environment', EMPTY: '' },
  decrypt: async (path) => ({ mail: { password: `of ${path.split('/').at(-1)}` } }),
}

test('secrets come from environment, file and sops', async () => {
  writeFileSync(join(folder, 'mail.txt'), 'of the file\n')
  const value = async (ref: string) => (await readGivenSecrets(check(mailFile(ref)), sources))['site-mail/password']
  expect(await value('{env: MAIL}')).toBe('of the environment')
  expect(await value('{file: mail.txt}')).toBe('of the file')
  expect(await value('{sops: secrets.yml, key: mail.password}')).toBe('of secrets.yml')
})

for (const ref of ['{env: NONE}', '{env: EMPTY}', '{file: none.txt}', '{sops: secrets.yml, key: mail.none}']) {
  test(`a secret that is not there is told by field and place: ${ref}`, async () => {
    await expect(readGivenSecrets(check(mailFile(ref)), sources)).rejects.toThrow(/site\.yml:5: mail\.smtp\.password: /)
  })
}

test('services elsewhere take the place of components and their volumes', () => {
  const { site } = check(
    `${head}${pools}components:\n  mongodb:\n    external: {host: db.example.org, username: {env: U}, password: {env: P}}\n  omegaweb: {values: {replicas: 2}}\ntitle: Ours\n`,
  )
  expect(wantedVolumes(site)).toEqual({ mysql: 5, rabbitmq: 2 })
  expect(wantedValues(site)).toMatchObject({
    'omegaml-storage': { volumes: { mongodb: null } },
    'omegaml-system': {
      mongodb: { enabled: false, external: { host: 'db.example.org', port: 27017, existingSecret: 'site-mongodb' } },
      omegaweb: { replicas: 2 },
      site: { title: 'Ours', mongo: { internalHost: 'db.example.org:27017' } },
    },
  })
})

test('defaults of the file add to the usual ones', () => {
  const { site } = check(`${head}${pools}defaults: {OMEGA_X: 1}\n`)
  expect(wantedValues(site)['omegaml-system']).toMatchObject({
    site: { defaults: { OMEGA_X: 1, OMEGA_FRAMEWORKS: expect.arrayContaining(['keras']) } },
  })
})

test('the mail server’s password is a Secret, never a value', async () => {
  const { site } = check(mailFile('{env: MAIL}'))
  expect(wantedValues(site)['omegaml-system']).toEqual({
    site: {
      mail: { from: 'a@b.c', smtp: { host: 'mail.example.org', port: 587, security: 'starttls', user: 'me' } },
    },
    mail: { existingSecret: 'site-mail' },
  })
})

test('the docs name every key of the file', () => {
  const page = readFileSync(join(project, 'docs', 'site-file.md'), 'utf8')
  for (const key of ['`domain`', '`[].taints`', '`mongodb.external`', '`volumes.<name>.sizeGb`'])
    expect(page).toContain(key)
})
