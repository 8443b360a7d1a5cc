import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AppError } from '../base/errors.ts'
import { localVersions } from '../base/kubernetes-version.ts'
import type { SitePreview } from '../site/preview/site-preview.ts'
import type { FakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'
import { testCli } from './testing.ts'

let folder = ''
let state = ''
let outside: FakeOutside

const { run: cli } = testCli((fresh) => void ({ folder, state, outside } = fresh))

const base = `name: acme
provider: {kind: local}
pools:
  - {name: node, role: worker, cores: 4, memoryGb: 8}
`

function write(text: string, name = 'site.yml'): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

async function planned(...words: string[]): Promise<SitePreview> {
  expect(await cli('plan', '--json', ...words)).toBe(0)
  return JSON.parse(outside.printed().out) as SitePreview
}

const systemValues = () => outside.helm.valuesOf('omegaml-system', 'omegaml-services')
const machines = () =>
  (JSON.parse(readFileSync(join(state, 'terraform/cluster/terraform.tfvars.json'), 'utf8')) as { machines: object })
    .machines

test('init asks, writes a file that up takes, and never writes over it unasked', async () => {
  outside.answer = ''
  expect(await cli('init', '--profile', 'minimal', '--name', 'acme')).toBe(0)
  expect(outside.printed().out).toContain('wrote site.yml')
  const text = readFileSync(join(folder, 'site.yml'), 'utf8')
  expect(text).toContain('domain: acme.localhost')
  expect(text).toContain('{name: dbmaster, role: dbmaster, cores: 2, memoryGb: 8}')
  expect(await cli('init', '--profile', 'production')).toBe(4)
  expect(readFileSync(join(folder, 'site.yml'), 'utf8')).toBe(text)
  expect(await cli('init', '--profile', 'huge', '--output', 'other.yml')).toBe(2)
  expect(outside.printed().err).toContain('single-node, minimal, production')
  expect(await cli('init', '--yes')).toBe(0)
  expect(readFileSync(join(folder, 'site.yml'), 'utf8')).toContain('name: omega')
  outside.printed()
  expect(await cli('up')).toBe(0)
  expect(outside.printed().out).toContain('provider local')
})

test('plan shows a new site by level, and makes nothing', async () => {
  write(`${base}mail: {smtp: {host: mail.example.org, password: {env: MAIL}}}\n`)
  const { changes, machines: rows, site } = await planned()
  expect(site).toBe('acme')
  expect(changes.map(({ kind }) => kind)).not.toContain('change')
  expect(changes.map(({ level, what }) => `${level}: ${what}`)).toEqual([
    'cloud: volume mongodb',
    'cloud: volume mysql',
    'cloud: volume rabbitmq',
    'cloud: cluster acme',
    'cloud: machine node-1',
    'cluster: Secret site-mail',
    'components: release omegaml-storage',
    'components: release omegaml-system',
    'components: release omegaml-ingress',
    'components: release omegaml-worker',
  ])
  expect(rows).toMatchObject([{ pool: 'node', machines: 1, type: '4x8', cores: 4, memoryGb: 8, perMonth: null }])
  expect(existsSync(state)).toBe(false)
  expect(outside.done).toEqual([])
})

test('up makes what the file says, and a second plan has nothing to do', async () => {
  outside.env['MAIL'] = 'hunter22'
  write(`name: acme
title: Ours
provider: {kind: local, ports: {http: 18080}}
pools:
  - {name: dbmaster, role: dbmaster, cores: 2, memoryGb: 8}
  - {name: ingress, role: ingress, cores: 2, memoryGb: 4}
  - {name: system, role: system, type: large}
  - {name: worker, role: worker, cores: 4, memoryGb: 16, size: 2, labels: {example.org/fast: "yes"}}
  - {name: many, role: worker, cores: 1, memoryGb: 1, size: 3, simulated: true, taints: [{key: trial, effect: NoSchedule}]}
storage: {mongodbGb: 40, volumes: {scratch: {sizeGb: 7}}}
components: {omegaweb: {values: {replicas: 2}}}
quota: {pods: "7"}
packages: {index: "http://pypi.acme.org/simple"}
mail: {from: hub@example.org, smtp: {host: mail.example.org, user: hub, password: {env: MAIL}}}
`)
  expect(await cli('up')).toBe(0)
  outside.printed()
  expect(machines()).toMatchObject({
    'system-1': { cores: 2, memory_gb: 8 },
    'worker-2': { cores: 4, memory_gb: 16, labels: { 'example.org/fast': 'yes' } },
    'many-3': { simulated: true, taints: [{ key: 'trial', value: '', effect: 'NoSchedule' }] },
  })
  expect(systemValues()).toMatchObject({
    publicUrl: 'http://hub.acme.localhost:18080',
    nodeRoles: { enabled: true },
    omegaweb: { replicas: 2 },
    mail: { existingSecret: 'site-mail' },
    site: {
      title: 'Ours',
      quota: { pods: '7' },
      pip: { PIP_INDEX_URL: 'http://pypi.acme.org/simple', PIP_TRUSTED_HOST: 'pypi.acme.org' },
      mail: { smtp: { host: 'mail.example.org' } },
      tls: false,
    },
  })
  expect(outside.helm.valuesOf('omegaml-storage', 'omegaml-services')).toMatchObject({
    orderedClass: 'omegaml-ordered',
    volumes: { mongodb: { size: '40Gi' }, scratch: { size: '7Gi', namespace: 'omegaml-runtime' } },
  })
  const secret = await outside.kubernetes.find({
    apiVersion: 'v1',
    kind: 'Secret',
    namespace: 'omegaml-services',
    name: 'site-mail',
  })
  expect(secret?.['data']).toEqual({ password: Buffer.from('hunter22').toString('base64') })
  const files = ['site.json', 'applied.json', 'journal.db', 'secrets.json'].map((name) =>
    readFileSync(join(state, name), 'latin1'),
  )
  expect(files.join('')).not.toContain('hunter22')
  expect((await planned()).changes).toEqual([])
  expect(await cli('plan')).toBe(0)
  expect(outside.printed().out).toContain('nothing to do')
})

test('another version of Kubernetes: plan says the way in words, and refuses the way back', async () => {
  const [newest, older] = localVersions
  const versioned = (version: string) =>
    write(base.replace('{kind: local}', `{kind: local, kubernetesVersion: ${version}}`))
  const ordered = () =>
    JSON.parse(readFileSync(join(state, 'terraform/cluster/terraform.tfvars.json'), 'utf8')) as object
  versioned(older)
  expect(await cli('up')).toBe(0)
  expect(ordered()).toMatchObject({ kubernetes_version: older })
  outside.runningKubernetes = { version: older }
  write(base)
  outside.printed()
  expect((await planned()).changes).toContainEqual(
    expect.objectContaining({ level: 'cluster', kind: 'change', what: `Kubernetes ${older} → ${newest}` }),
  )
  expect(await cli('up', '--yes')).toBe(0)
  expect(ordered()).toMatchObject({ kubernetes_version: newest })
  outside.runningKubernetes = { version: newest }
  versioned(older)
  expect(await cli('plan')).toBe(2)
  expect(outside.printed().err).toMatch(/provider\.kubernetesVersion: .* goes back.*\.\/cloudmgr down/)
  versioned('1.2.3')
  expect(await cli('plan')).toBe(2)
  expect(outside.printed().err).toContain(newest)
})

test('a changed value touches only what depends on it, after asking', async () => {
  write(base)
  await cli('up')
  outside.printed()
  write(`${base}components: {omegaweb: {values: {replicas: 2}}}\n`)
  expect((await planned()).changes).toEqual([
    { level: 'components', kind: 'change', what: 'release omegaml-system', details: ['omegaweb.replicas: 1 → 2'] },
  ])
  const revision = async (name: string, namespace = 'omegaml-services') =>
    (await outside.helm.find(name, namespace))?.revision
  expect(await cli('up')).toBe(4)
  expect(outside.printed().err).toContain('nothing was changed')
  expect(await revision('omegaml-system')).toBe(1)
  outside.answer = 'yes'
  expect(await cli('up')).toBe(0)
  expect(await revision('omegaml-system')).toBe(2)
  expect(await revision('omegaml-ingress')).toBe(1)
  expect(await revision('omegaml-worker', 'omegaml-runtime')).toBe(1)
})

test('a database whose values change is told with its data', async () => {
  write(base)
  await cli('up')
  write(`${base}components: {mongodb: {values: {cacheSizeGb: 1}}}\n`)
  outside.printed()
  expect((await planned()).changes).toMatchObject([
    { what: 'release omegaml-system', data: 'mongodb may start anew; volumes stay' },
  ])
})

test('up does what was kept, and asks when something else is needed', async () => {
  write(base)
  await cli('up')
  write(base.replace('cores: 4', 'cores: 6'))
  expect(await cli('plan', '--out', 'kept.json')).toBe(0)
  expect(outside.printed().out).toContain('kept in kept.json')
  write(base.replace('cores: 4', 'cores: 7'))
  expect((await planned()).changes.map(({ level }) => level)).toEqual(['cloud'])
  write(`${base.replace('cores: 4', 'cores: 6')}title: Other\n`)
  expect(await cli('up', '--plan', 'kept.json')).toBe(4)
  expect(outside.printed().err).toContain('not what kept.json shows')
  expect(machines()).toMatchObject({ 'node-1': { cores: 4 } })
  write(base.replace('cores: 4', 'cores: 6'))
  expect(await cli('up', '--plan', 'kept.json')).toBe(0)
  expect(machines()).toMatchObject({ 'node-1': { cores: 6 } })
  expect(await cli('up', '--no-file', '--plan', 'kept.json')).toBe(2)
  write('{}', 'broken.json')
  expect(await cli('up', '--plan', 'broken.json')).toBe(2)
})

test('a volume that the file no longer names keeps its data, and none is resized', async () => {
  write(`${base}storage: {volumes: {scratch: {sizeGb: 7}}}\n`)
  await cli('up')
  write(base)
  outside.printed()
  const preview = await planned()
  expect(preview.notes[0]).toContain('volume scratch is no longer in the file: it is kept with its data')
  expect(preview.changes.filter(({ level }) => level === 'cloud')).toEqual([])
  expect(await cli('up', '--yes')).toBe(0)
  expect(readFileSync(join(state, 'terraform/volumes/terraform.tfvars.json'), 'utf8')).toContain('scratch')
  write(`${base}storage: {mongodbGb: 30}\n`)
  expect(await cli('up', '--yes')).toBe(4)
  expect(outside.printed().err).toContain('volume mongodb of site acme has 20 GB, not 30')
})

test('prices come from a list, and what has none is told', async () => {
  write(`${base}  - {name: many, role: gpu, type: small, size: 2}\nprices: prices.yml\n`)
  write('currency: EUR\nmachines: {4x8: {month: 7.3}}\nvolumes: {month: 0.1}\n', 'prices.yml')
  const { machines: rows, volumes, currency } = await planned()
  expect(currency).toBe('EUR')
  expect(rows.map(({ perHour, perMonth }) => [perHour, perMonth])).toEqual([
    [0.01, 7.3],
    [null, null],
  ])
  expect(volumes).toMatchObject([{ volume: 'mongodb', perMonth: 2 }, { perMonth: 0.5 }, { perMonth: 0.2 }])
  expect(await cli('plan')).toBe(0)
  expect(outside.printed().out).toContain('10.00 EUR per month; 1 without a price are not in it')
  write('currency: euro\n', 'bad.yml')
  expect(await cli('plan', '--prices', 'bad.yml')).toBe(2)
  expect(await cli('plan', '--prices', 'none.yml')).toBe(3)
})

test('small workers are warned of', async () => {
  write(base.replace('cores: 4', 'cores: 2'))
  expect(await cli('plan')).toBe(0)
  expect(outside.printed().out).toContain('warning: line 4, pools[0]: machines of 2 cores and 8 GB are too small')
})

test('what no engine drives yet is said, not left out', async () => {
  write(`name: acme
provider: {kind: hcloud, token: {env: HCLOUD_TOKEN}}
pools:
  - {name: control, role: control, type: cx23}
  - {name: node, role: worker, type: cx33}
`)
  expect(await cli('up')).toBe(2)
  expect(outside.printed().err).toContain('images.registry is missing')
  const far = await planned()
  expect(far.machines.map(({ pool }) => pool)).toEqual(['control', 'node'])
  expect(far.warnings).toContainEqual(expect.stringContaining('hub.acme.localhost does not resolve'))
  write(`${base}monitoring: {enabled: true}\n`)
  expect(await cli('up')).toBe(2)
  expect(outside.printed().err).toContain('provider local has neither monitoring nor alerts')
  expect(existsSync(state)).toBe(false)
})

test('values for a cluster elsewhere have its own addresses', async () => {
  write(`name: acme
domain: acme.example.org
provider: {kind: existing, kubeconfig: {env: KUBECONFIG_TEXT}}
storage: {class: fast}
tls: {kind: issuer, issuer: letsencrypt}
`)
  expect(await cli('render', '--output', 'out')).toBe(0)
  const system = readFileSync(join(folder, 'out/values/omegaml-system.yaml'), 'utf8')
  expect(system).toContain('publicUrl: https://hub.acme.example.org\n')
  expect(system).toContain('provider: existing')
  expect(readFileSync(join(folder, 'out/values/omegaml-storage.yaml'), 'utf8')).toContain('storageClass: fast')
  expect(readFileSync(join(folder, 'out/values/omegaml-ingress.yaml'), 'utf8')).toContain(
    'secretName: site-tls\n  issuer:\n    name: letsencrypt\n    kind: ClusterIssuer\n',
  )
  expect(existsSync(join(folder, 'out/terraform'))).toBe(false)
})

test('monitoring of a cloud without Rancher is rendered from the provider’s pinned chart', async () => {
  write(`name: acme
domain: acme.example.org
provider: {kind: hcloud, token: {env: HCLOUD_TOKEN}}
pools:
  - {name: control, role: control, type: cx23}
  - {name: node, role: worker, type: cx33}
images: {registry: registry.example.org/omega}
monitoring: {enabled: true, receivers: [{kind: slack, url: {env: SLACK}}]}
`)
  expect(await cli('render', '--output', 'out')).toBe(0)
  const values = readFileSync(join(folder, 'out/values/omegaml-monitoring.yaml'), 'utf8')
  expect(values).toContain('OmegamlRoleWithoutNode')
  expect(values).toContain('api_url_file: /etc/alertmanager/secrets/site-alerts/receiver-0')
  const readme = readFileSync(join(folder, 'out/README.md'), 'utf8')
  expect(readme).toMatch(/kube-prometheus-stack --repo \S+ --version 80\.9\.1 --namespace omegaml-monitoring/)
  expect(readme).toContain('| omegaml-monitoring | site-alerts | receiver-0 | variable SLACK |')
  outside.printed()
  outside.env['HCLOUD_TOKEN'] = 'token'
  outside.env['SLACK'] = 'https://hooks.example.org/secret'
  expect((await planned()).changes.at(-1)).toMatchObject({ kind: 'create', what: 'release omegaml-monitoring' })
})

test('render writes the roots of a cloud with their modules, and no secret', async () => {
  write(`name: acme
domain: acme.example.org
provider: {kind: hcloud, token: {env: HCLOUD_TOKEN}, adminCidrs: [203.0.113.7/32]}
pools:
  - {name: control, role: control, type: cx33}
  - {name: node, role: worker, type: cx53}
`)
  expect(await cli('render', '--output', 'out')).toBe(0)
  const root = JSON.parse(readFileSync(join(folder, 'out/terraform/cluster/terraform.tfvars.json'), 'utf8')) as object
  expect(root).toMatchObject({ pools: { node: { server_type: 'cx53', size: 1 } }, api_ranges: ['203.0.113.7/32'] })
  const main = readFileSync(join(folder, 'out/terraform/volumes/main.tf.json'), 'utf8')
  expect(main).toContain('../modules/hcloud-volumes')
  expect(existsSync(join(folder, 'out/terraform/modules/hcloud-cluster/main.tf'))).toBe(true)
  expect(readFileSync(join(folder, 'out/README.md'), 'utf8')).toContain(
    'tofu -chdir=terraform/cluster output -raw kubeconfig',
  )
})

test('the file speaks alone, and two files never take turns on one site', async () => {
  const path = write(base)
  expect(await cli('up', '--profile', 'minimal')).toBe(2)
  expect(outside.printed().err).toContain(`--profile can't be said beside a site file: change ${path}`)
  expect(await cli('up')).toBe(0)
  outside.printed()
  const other = write(base, 'other.yml')
  expect(await cli('up', '--file', 'other.yml')).toBe(4)
  expect(outside.printed().err).toContain(`was made from ${path}, not from ${other}`)
  expect(await cli('up', '--file', 'other.yml', '--moved')).toBe(0)
  outside.printed()
  expect(await cli('up', '--file', 'other.yml', '--site', 'omega')).toBe(2)
  expect(await cli('up', '--no-file', '--site', 'acme', '--open-signup')).toBe(4)
  expect(outside.printed().err).toContain('is described by')
})

test('without its file a site stays as the file made it', async () => {
  write(base.replace('cores: 4', 'cores: 6'))
  await cli('up')
  expect(await cli('up', '--no-file', '--site', 'acme')).toBe(0)
  expect(machines()).toMatchObject({ 'node-1': { cores: 6 } })
})

test('a first up that was cut off goes on without a question', async () => {
  write(base)
  outside.beforeImage = async (name) => {
    if (name === 'omegaml-runtime') throw new AppError('invalid', 'image-build', 'building it')
  }
  expect(await cli('up')).toBe(1)
  outside.beforeImage = async () => {}
  expect(await cli('up')).toBe(0)
})

test('a site of a profile becomes one of a file, shown before', async () => {
  expect(await cli('up', '--profile', 'single-node')).toBe(0)
  write(base.replace('acme', 'omega').replace('cores: 4', 'cores: 6'))
  outside.printed()
  const { changes } = await planned()
  expect(changes.map(({ kind, level }) => `${kind} ${level}`)).toEqual(['change cloud'])
  expect(await cli('up', '--yes')).toBe(0)
  expect(machines()).toMatchObject({ 'node-1': { cores: 6 } })
})

test('purging names the volumes that it asks for', async () => {
  write(`${base}storage: {volumes: {scratch: {sizeGb: 7}}}\n`)
  await cli('up')
  let asked = ''
  const io = {
    ...outside.io,
    ask: async (question: string) => {
      asked = question
      return undefined
    },
  }
  expect(await runCli(['down', '--purge', '--state', state], io)).toBe(2)
  expect(asked).toContain('volumes mongodb, mysql, rabbitmq, scratch')
})

test('a secret that is not there stops up before anything is made', async () => {
  write(`${base}mail: {smtp: {host: m, password: {env: MAIL}}}\n`)
  expect(await cli('up')).toBe(2)
  expect(outside.printed().err).toContain('mail.smtp.password: variable MAIL is not there')
  expect(existsSync(state)).toBe(false)
})

test('words about the site find its name in the folder’s file', async () => {
  write(base)
  expect(await runCli(['up'], outside.io)).toBe(0)
  outside.printed()
  expect(await runCli(['status', '--json'], outside.io)).toBe(5)
  expect(JSON.parse(outside.printed().out)).toMatchObject({ site: 'acme', profile: 'file' })
  expect(await runCli(['down'], outside.io)).toBe(0)
  expect(outside.printed().out).toContain('site acme is down')
})

test('render writes roots, values and what Secrets to make, and no secret', async () => {
  outside.env['MAIL'] = 'hunter22'
  write(
    `${base}mail: {smtp: {host: m, user: u, password: {env: MAIL}}}\ncomponents: {omegaweb: {values: {replicas: 2}}}\n`,
  )
  expect(await cli('render', '--output', 'out')).toBe(0)
  expect(outside.printed().out).toContain('wrote out/terraform/cluster/main.tf.json')
  const read = (name: string) => readFileSync(join(folder, 'out', name), 'utf8')
  expect(read('values/omegaml-system.yaml')).toContain('replicas: 2')
  expect(read('values/omegaml-system.yaml')).not.toContain('<steps')
  expect(JSON.parse(read('terraform/cluster/main.tf.json'))).toMatchObject({
    module: { cluster: { source: '../modules/local' } },
  })
  expect(existsSync(join(folder, 'out/terraform/modules/local/main.tf'))).toBe(true)
  const readme = read('README.md')
  expect(readme).toContain('| omegaml-services | site-mail | password | variable MAIL |')
  expect(readme).toContain('| omegaml-services | mongodb-admin | username, password |')
  expect(readme).toContain('`images.mysql`')
  expect(readme).not.toContain('hunter22')
  expect(await cli('render', '--output', 'out')).toBe(0)
  outside.printed()
  expect(await cli('render', '--output', '.')).toBe(4)
  expect(existsSync(state)).toBe(false)
})
