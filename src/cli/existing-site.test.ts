import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { SitePreview } from '../site/preview/site-preview.ts'
import type { FakeOutside } from './fake-outside.ts'
import { testCli } from './testing.ts'

/** A site in a cluster that is there, from end to end with fakes. */
let folder = ''
let state = ''
let outside: FakeOutside

const here = testCli(async (fresh) => {
  ;({ folder, state, outside } = fresh)
  outside.env['KUBE'] = kubeconfig
  outside.env['PULL'] = 'hunter22'
  outside.kubernetes.setVersion('v1.35.8')
  for (const object of [node('a'), node('b'), node('c'), node('d'), storageClass, dns, metrics])
    await outside.kubernetes.apply(object)
})
const cli = here.run

const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'one',
  contexts: [
    { name: 'one', context: { cluster: 'one', user: 'me' } },
    { name: 'two', context: { cluster: 'two', user: 'me' } },
  ],
  clusters: [
    { name: 'one', cluster: { server: 'https://one:6443' } },
    { name: 'two', cluster: { server: 'https://two:6443' } },
  ],
  users: [{ name: 'me', user: { token: 'secret-token' } }],
})

const node = (name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'example.org/theirs': 'yes' } },
  status: {
    capacity: { cpu: '8', memory: '33554432Ki' },
    allocatable: { cpu: '8', memory: '33554432Ki' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
})
const storageClass: Manifest = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'fast' },
  provisioner: 'csi.example.com',
}
const dns: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kube-dns', namespace: 'kube-system' },
  spec: { clusterIP: '10.96.0.10' },
}
const metrics: Manifest = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1beta1.metrics.k8s.io' },
}

const base = `name: acme
domain: acme.example.org
provider:
  kind: existing
  kubeconfig: {env: KUBE}
  context: two
  roles:
    dbmaster: {nodes: [a]}
    ingress: {nodes: [c]}
    system: {nodes: [d]}
    worker: {nodes: [b], taints: [{key: omegaml, effect: NoSchedule}]}
storage: {class: fast}
images: {registry: registry.example.com/omega, username: {env: PULL}, password: {env: PULL}}
`

function write(text: string): void {
  writeFileSync(join(folder, 'site.yml'), text)
}

async function planned(): Promise<SitePreview> {
  outside.printed()
  expect(await cli('plan', '--json')).toBe(0)
  return JSON.parse(outside.printed().out) as SitePreview
}

const values = (release: string) => outside.helm.valuesOf(release, 'omegaml-services')
const find = async (kind: string, name: string, namespace?: string) =>
  await outside.kubernetes.find({ apiVersion: 'v1', kind, name, namespace })
const labelsOf = async (name: string) => (await find('Node', name))?.metadata.labels

async function claim(namespace: string, name: string): Promise<void> {
  await outside.kubernetes.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { resources: { requests: { storage: '20Gi' } } },
  })
}

test('plan says what is done in a cluster that is there, and touches nothing', async () => {
  write(base)
  const { changes, notes, warnings } = await planned()
  expect(changes.map(({ level, kind, what }) => `${level}: ${kind} ${what}`)).toEqual([
    'cluster: change node a',
    'cluster: change node b',
    'cluster: change node c',
    'cluster: change node d',
    'cluster: create Namespace omegaml-services',
    'cluster: create Namespace omegaml-runtime',
    'components: create release omegaml-storage',
    'components: create release omegaml-system',
    'components: create release omegaml-ingress',
    'components: create release omegaml-worker',
  ])
  expect(notes).toContainEqual(expect.stringContaining('Kubernetes v1.35.8, 4 nodes'))
  expect(warnings).toContainEqual(expect.stringContaining('hub.acme.example.org does not resolve'))
  expect(existsSync(state)).toBe(false)
  expect(await labelsOf('a')).not.toHaveProperty(['omegaml.io/role'])
})

test('up puts the whole site there, down takes it away and keeps data, and up again has nothing new to ask', async () => {
  write(base)
  expect(await cli('up', '--yes')).toBe(0)
  const { out } = outside.printed()
  expect(out).toContain('hub.acme.example.org leads nowhere yet')
  expect(outside.done).not.toContain('cloud started')
  expect(await labelsOf('a')).toMatchObject({ 'omegaml.io/role': 'dbmaster', 'example.org/theirs': 'yes' })
  expect(values('omegaml-storage')).toMatchObject({
    keep: true,
    storageClass: 'fast',
    volumes: { mongodb: { mode: 'storageClass' } },
  })
  expect(values('omegaml-storage')).not.toHaveProperty('orderedClass')
  expect(values('omegaml-system')).toMatchObject({
    publicUrl: 'http://hub.acme.example.org',
    imagePullSecrets: ['site-registry'],
    images: { mysql: { repository: 'registry.example.com/omega/mysql' } },
    site: { provider: 'existing', dnsAddress: '10.96.0.10' },
    nodeRoles: { enabled: true },
  })
  expect(values('omegaml-ingress')).toMatchObject({ service: { type: 'LoadBalancer' } })
  for (const namespace of ['omegaml-services', 'omegaml-runtime'])
    expect(await find('Secret', 'site-registry', namespace)).toMatchObject({ type: 'kubernetes.io/dockerconfigjson' })
  expect((await planned()).changes).toEqual([])

  await claim('omegaml-services', 'mongodb')
  expect(await cli('down')).toBe(0)
  expect(outside.printed().out).toContain('stays: claim omegaml-services/mongodb (20Gi)')
  expect(await outside.helm.list()).toEqual([])
  expect(await labelsOf('a')).toEqual({ 'example.org/theirs': 'yes' })
  expect(await find('PersistentVolumeClaim', 'mongodb', 'omegaml-services')).toBeDefined()
  expect(await find('Secret', 'mongodb-admin', 'omegaml-services')).toBeUndefined()
  expect(await find('Namespace', 'omegaml-runtime')).toBeUndefined()

  expect(await cli('up', '--yes')).toBe(0)
  expect(outside.done.filter((one) => one === 'deployments ensured')).toHaveLength(2)
  outside.printed()
  outside.answer = 'no'
  expect(await cli('down', '--purge')).not.toBe(0)
  expect(await find('PersistentVolumeClaim', 'mongodb', 'omegaml-services')).toBeDefined()
  outside.answer = 'acme'
  expect(await cli('down', '--purge')).toBe(0)
  expect(outside.printed().out).toContain('claim omegaml-services/mongodb (20Gi)')
  expect(await find('Namespace', 'omegaml-services')).toBeUndefined()
  expect(existsSync(state)).toBe(false)
  expect(await labelsOf('b')).toEqual({ 'example.org/theirs': 'yes' })
})

test('a cluster that will not do, and a namespace of somebody else, are refused before anything is touched', async () => {
  write(base.replace('{class: fast}', '{class: slow}'))
  expect(await cli('up', '--yes')).toBe(2)
  expect(outside.printed().err).toContain('storage.class slow is not there, right is one of fast')
  expect(existsSync(state)).toBe(false)
  write(base)
  outside.kubernetes.setVersion('v1.27.3')
  expect(await cli('plan')).toBe(2)
  expect(outside.printed().err).toContain('kubernetes v1.27.3, right is 1.32 to 1.37')
  outside.kubernetes.setVersion('v1.35.8')
  await outside.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'omegaml-services' } })
  expect(await cli('up', '--yes')).not.toBe(0)
  expect(outside.printed().err).toContain('Namespace omegaml-services was not made by cloudmgr')
  expect(await outside.helm.list()).toEqual([])
})

test('a context that is not there, a program that signs in, and a missing registry are told by field', async () => {
  write(base.replace('context: two', 'context: three'))
  expect(await cli('up', '--yes')).toBe(2)
  expect(outside.printed().err).toContain(
    'provider.context: three is no context of the kubeconfig; right is one of one, two',
  )
  write(base.replace(/images:.*\n/, ''))
  expect(await cli('up', '--yes')).toBe(2)
  expect(outside.printed().err).toContain('images.registry is missing')
  write(base)
  outside.env['KUBE'] = kubeconfig.replace('"token":"secret-token"', '"exec":{"command":"aws"}')
  expect(await cli('up', '--yes')).toBe(2)
  expect(outside.printed().err).toContain('its user signs in by a program of this machine')
})

const smtp = 'mail: {smtp: {host: mail.example.org}}\n'
const watched = (receivers: string) => `${base}${smtp}monitoring: {enabled: true, receivers: ${receivers}}\n`
const monitoringValues = () => outside.helm.valuesOf('omegaml-monitoring', 'omegaml-monitoring')
const upError = async () => {
  outside.printed()
  const code = await cli('up', '--yes')
  return { code, err: outside.printed().err }
}

test('monitoring comes with the pinned chart, changes with the file, and goes with it', async () => {
  outside.env['HOOK'] = 'https://hook.example.org/token'
  write(watched('[{kind: mail, to: [ops@example.org]}, {kind: webhook, url: {env: HOOK}}]'))
  expect((await planned()).changes.at(-1)).toMatchObject({ kind: 'create', what: 'release omegaml-monitoring' })
  expect(await cli('up', '--yes')).toBe(0)
  expect(monitoringValues()).toMatchObject({
    alertmanager: { alertmanagerSpec: { secrets: ['site-alerts'] } },
    additionalPrometheusRulesMap: { omegaml: { groups: [{ name: 'omegaml' }] } },
  })
  expect(await find('Secret', 'site-alerts', 'omegaml-monitoring')).toMatchObject({
    data: { 'receiver-1': Buffer.from('https://hook.example.org/token').toString('base64') },
  })
  expect((await planned()).changes).toEqual([])

  write(watched('[{kind: webhook, url: {env: HOOK}}]'))
  expect((await planned()).changes).toMatchObject([{ kind: 'change', what: 'release omegaml-monitoring' }])
  write(`${base}${smtp}`)
  expect((await planned()).changes).toMatchObject([{ kind: 'remove', what: 'release omegaml-monitoring' }])
  expect(await cli('up', '--yes')).toBe(0)
  expect(monitoringValues()).toBeUndefined()
  expect((await planned()).changes).toEqual([])

  write(watched('[]'))
  expect(await cli('up', '--yes')).toBe(0)
  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(await outside.helm.list()).toEqual([])
  expect(await find('Namespace', 'omegaml-monitoring')).toBeUndefined()
})

test('a receiver that leads nowhere is told by field before anything is touched, never with its value', async () => {
  outside.env['HOOK'] = 'hook-token-without-address'
  outside.env['DUTY'] = 'two words'
  for (const [receiver, field] of [
    ['{kind: webhook, url: {env: HOOK}}', 'monitoring.receivers[0].url'],
    ['{kind: slack, url: {env: HOOK}}', 'monitoring.receivers[0].url'],
    ['{kind: pagerduty, key: {env: DUTY}}', 'monitoring.receivers[0].key'],
    ['{kind: webhook, url: {env: NOWHERE}}', 'monitoring.receivers[0].url'],
  ] as const) {
    write(watched(`[${receiver}]`))
    const { code, err } = await upError()
    expect([code, err]).toEqual([2, expect.stringContaining(field)])
    expect(err).not.toMatch(/hook-token|two words/)
  }
  expect(existsSync(state)).toBe(false)
})

test('a chart that can’t be had ends up with its reason, after all the rest is there', async () => {
  outside.helm.pull = async () => {
    throw new AppError('invalid', 'chart-unreachable', 'fetching')
  }
  write(watched('[]'))
  const { code, err } = await upError()
  expect(code).not.toBe(0)
  expect(err).toMatch(/chart kube-prometheus-stack 80\.9\.1 of https:\S+; right is .* the rest of the site is there/)
  expect(outside.helm.valuesOf('omegaml-worker', 'omegaml-runtime')).toBeDefined()
  expect(outside.done).toContain('deployments ensured')
})

test('a node that was deleted by hand, or is not ready, is named with its role, and takes it again when it is back', async () => {
  write(base)
  expect(await cli('up', '--yes')).toBe(0)
  await outside.kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name: 'b' })
  const gone = await upError()
  expect(gone).toMatchObject({
    code: 2,
    err: expect.stringMatching(/provider\.roles\.worker b is no node, right is one of a, c, d/),
  })
  await outside.kubernetes.apply({ ...node('b'), status: { ...(node('b')['status'] as object), conditions: [] } })
  expect((await upError()).err).toContain('provider.roles.worker b is not ready')
  await outside.kubernetes.apply(node('b'))
  expect((await planned()).changes).toMatchObject([{ what: 'node b', details: ['role worker'] }])
  expect(await cli('up', '--yes')).toBe(0)
  expect(await labelsOf('b')).toMatchObject({ 'omegaml.io/role': 'worker' })
})

test('a role that components select and no node has is told before pods would wait for it', async () => {
  write(base.replace('    system: {nodes: [d]}\n', ''))
  const { code, err } = await upError()
  expect([code, err]).toEqual([2, expect.stringMatching(/no node has role system; right is roles\.system with nodes/)])
})

test('an old Kubernetes and a missing permission end plan and up with what to do', async () => {
  write(base)
  const both = async () => {
    outside.printed()
    const code = await cli('plan')
    const plan = { code, err: outside.printed().err }
    return [plan, await upError()]
  }
  outside.kubernetes.setVersion('v1.27.3')
  for (const { code, err } of await both())
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('kubernetes v1.27.3, right is 1.32 to 1.37: upgrade the cluster'),
    ])
  outside.kubernetes.setVersion('v1.35.8')
  outside.kubernetes.forbid('list', 'storageclasses')
  for (const { code, err } of await both())
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(
        /provider\.kubeconfig must not list storageclasses\.storage\.k8s\.io, right is a kubeconfig of an administrator/,
      ),
    ])
  expect(existsSync(state)).toBe(false)
})

const newRancher =
  'rancher: {kind: create, hostname: rancher.example.org, type: cx33, acmeEmail: me@example.org, hcloudToken: {env: HETZNER}}\n'

test('a Rancher is made and told of the cluster, a second up has nothing to do, and both go with the site', async () => {
  write(`${base}${newRancher}`)
  outside.env['HETZNER'] = 'h'.repeat(64)
  outside.rancher.manifestText = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: cattle-system}\n'
  const first = await planned()
  expect(first.changes.map(({ what }) => what)).toContain('sign-in at Rancher https://rancher.example.org')
  expect(first.machines).toContainEqual(expect.objectContaining({ pool: 'rancher', type: 'cx33', machines: 1 }))
  expect(await cli('up', '--yes')).toBe(0)
  const said = outside.printed()
  expect(`${said.out}${said.err}`).not.toContain('ofTheNewRancher')
  const namespace = await find('Namespace', 'omegaml-services')
  expect(namespace?.metadata.annotations).toMatchObject({ 'field.cattle.io/projectId': 'c-m-abcdefgh:p-abcde' })
  expect(outside.terraform.filledRoots().map((root) => root.split('/').at(-1))).toEqual(
    expect.arrayContaining(['rancher', 'rancher-admin', 'import']),
  )
  expect((await planned()).changes).toEqual([])

  expect(await cli('down')).toBe(0)
  expect(outside.terraform.filledRoots()).toEqual([])
  expect(await find('Namespace', 'cattle-system')).toBeUndefined()
  expect(await labelsOf('a')).toEqual({ 'example.org/theirs': 'yes' })
  expect(await cli('up', '--yes')).toBe(0)
  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(existsSync(state)).toBe(false)
})

const inCluster = `rancher:
  kind: create
  hostname: rancher.example.org
  acmeEmail: me@example.org
  cluster: {kubeconfig: {env: MANAGEMENT}}
`

test('a Rancher in another cluster is shown by its charts, made, and goes with the site', async () => {
  write(`${base}${inCluster}`)
  outside.env['MANAGEMENT'] = outside.env['KUBE'] ?? ''
  outside.rancher.manifestText = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: cattle-agents}\n'
  const first = await planned()
  const what = 'chart rancher in the cluster of Rancher https://rancher.example.org'
  expect(first.changes).toContainEqual(expect.objectContaining({ kind: 'create', what, details: ['2.15.1'] }))
  expect(first.machines.map(({ pool }) => pool)).not.toContain('rancher')
  expect(await cli('up', '--yes')).toBe(0)
  expect((await outside.helm.find('rancher', 'cattle-system'))?.fingerprint).toBeDefined()
  expect(await find('Namespace', 'cattle-system')).toBeDefined()

  expect(await cli('down')).toBe(0)
  expect(await outside.helm.find('rancher', 'cattle-system')).toBeUndefined()
  expect(await find('Namespace', 'cattle-system')).toBeUndefined()
  expect(outside.terraform.filledRoots()).toEqual([])
})

test('a Kubernetes that the Rancher does not take is refused', async () => {
  write(`${base}${newRancher}`)
  outside.env['HETZNER'] = 'h'.repeat(64)
  outside.kubernetes.setVersion('v1.37.2')
  expect(await cli('plan')).toBe(2)
  expect(outside.printed().err).toContain('kubernetes v1.37.2, right is 1.33 to 1.35')
})

test('a Rancher that comes later brings its own monitoring, and the chart’s goes', async () => {
  write(watched('[]'))
  expect(await cli('up', '--yes')).toBe(0)
  expect(monitoringValues()).toBeDefined()
  write(`${watched('[]')}${newRancher}`)
  outside.env['HETZNER'] = 'h'.repeat(64)
  outside.rancher.manifestText = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: cattle-system}\n'
  expect((await planned()).changes).toContainEqual(
    expect.objectContaining({ kind: 'remove', what: 'release omegaml-monitoring' }),
  )
  expect(await cli('up', '--yes')).toBe(0)
  expect(monitoringValues()).toBeUndefined()
})
