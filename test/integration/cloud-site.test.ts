import { appliedAnnotation } from '../../src/adapters/kubernetes/applied.ts'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFakeCloudDisks } from '../../src/adapters/cloud-disks/fake.ts'
import { createFakeHcloud, type FakeHcloud } from '../../src/adapters/hcloud/fake.ts'
import { createHelmCli } from '../../src/adapters/helm/cli.ts'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import type { Kubernetes, Manifest, ObjectRef } from '../../src/adapters/kubernetes/port.ts'
import { createFakeRancher, type FakeRancher } from '../../src/adapters/rancher/fake.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import type { Terraform } from '../../src/adapters/terraform/port.ts'
import { systemClock } from '../../src/base/clock.ts'
import { AppError } from '../../src/base/errors.ts'
import { hcloudJoin } from '../../src/clusters/hcloud-nodepool-root.ts'
import { cloudOf } from '../../src/site/cloud.ts'
import { orderingTerraform } from '../../src/site/cloud-roots.ts'
import { createFarCloud } from '../../src/site/far-cloud.ts'
import { checkSiteFile } from '../../src/site/file/check.ts'
import { cloudSecretsOf } from '../../src/site/file/cloud-secrets.ts'
import { wishesOf } from '../../src/site/file/to-site.ts'
import type { StepView } from '../../src/site/journal.ts'
import { readKeptRoots } from '../../src/site/kept-roots.ts'
import { openSiteJournal } from '../../src/site/open-journal.ts'
import { farPorts } from '../../src/site/prepare.ts'
import { previewCloud } from '../../src/site/preview/cloud-changes.ts'
import { rancherChanges } from '../../src/site/preview/rancher-changes.ts'
import { failureOf, type RunResult, runCommand, takeUp } from '../../src/site/run.ts'
import { cloudSecrets, ensureSecrets, readStored, storeCloudSecrets } from '../../src/site/secrets.ts'
import type { Site } from '../../src/site/site.ts'
import { keptRancherToken, makeKeys, withMadeKeys } from '../../src/site/site-keys.ts'
import { type SiteParts, siteActions, sitePlans } from '../../src/site/site-actions.ts'
import { type StatePaths, statePaths, writeSite } from '../../src/site/state.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { needProgram } from '../support/programs.ts'
import { definition, packRancherCharts } from '../support/rancher-charts.ts'
import { createStandin, type Standin } from '../support/standin.ts'

/**
 * Plan `site` for clouds: the real OpenTofu against stand-ins of the providers, then a real API server in place of the
 * cluster, as far as it goes without machines. Images are not built.
 */
const project = resolve(import.meta.dirname, '../..')
const token = 'abcdef0123456789'.repeat(4)

let work: string
let standin: Standin
let cluster: TestCluster
let rancher: FakeRancher
let hcloud: FakeHcloud
let terraform: Terraform
let count = 0
let opened: { site: Site; paths: StatePaths }
/** Whatever address a cloud gives the site's cluster, our API server is there. */
let standsIn = false

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'cloud-site-'))
  standin = await createStandin(join(work, 'standin'), {}, ['14.1.0'])
  terraform = createTerraformCli({ program: needProgram('tofu'), folder: join(work, 'cli'), mirror: standin.mirror })
  cluster = await startCluster()
})
afterAll(async () => {
  await cluster?.stop()
  rmSync(work, { recursive: true, force: true })
})
beforeEach(async () => {
  standsIn = false
  rancher = createFakeRancher()
  hcloud = createFakeHcloud()
  await standin.reset()
})
/** Every test has a cluster of its own in mind, and there is one API server. */
afterEach(async () => {
  const { kubernetes } = cluster
  const remove = async (kind: string, name: string) => await kubernetes.delete({ apiVersion: 'v1', kind, name })
  for (const name of ['omegaml-services', 'omegaml-runtime', 'cattle-system']) await remove('Namespace', name)
  for (const kind of ['PersistentVolume', 'Node'])
    for (const { metadata } of await kubernetes.list({ apiVersion: 'v1', kind })) await remove(kind, metadata.name)
})

/** As `up` prepares it from the site file. */
async function open(text: string): Promise<void> {
  count += 1
  await reopen(text, join(work, `site-${count}`))
}

/** The same site by another file. */
async function reopen(text: string, folder: string): Promise<void> {
  const path = join(work, `site-${count}.yml`)
  writeFileSync(path, text)
  const file = checkSiteFile(path, project)
  const { name, domain = '', layout } = wishesOf(file)
  const site: Site = { name, profile: 'file', domain, ports: farPorts, ...(layout === undefined ? {} : { layout }) }
  writeSite(folder, site)
  ensureSecrets(folder)
  const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8')
  const env = {
    KEY32: Buffer.alloc(32).toString('base64'),
    TOKEN: token,
    FIELD: 'field-of-a-credential',
    HOOK: 'https://hook.example.com/key',
    KUBE: kubeconfig,
  }
  storeCloudSecrets(folder, withMadeKeys(folder, await cloudSecretsOf(file, { env, decrypt: async () => undefined })))
  opened = { site, paths: statePaths(folder) }
}

function parts({ site, paths }: { site: Site; paths: StatePaths }): SiteParts {
  const kubeconfig = standsIn ? cluster.kubeconfig : paths.kubeconfig
  const api = createKubernetes({ kubeconfigFile: kubeconfig })
  const { find } = api
  const kubernetes: Kubernetes = Object.assign(api, {
    // Rancher does not take one as new as ours.
    version: async () => 'v1.35.8',
    // Somebody brought metrics already: charts can't be fetched here.
    find: async (ref: ObjectRef) => (ref.kind === 'APIService' ? metrics : await find(ref)),
  })
  const helm = {
    program: needProgram('helm'),
    folder: join(paths.folder, 'helm'),
    kubeconfig,
    kubernetes,
  }
  return {
    project,
    site,
    paths,
    kubernetes,
    terraform,
    rancher,
    rancherCluster: rancherCluster(paths),
    hcloud,
    disks: createFakeCloudDisks(),
    helm: createHelmCli(helm),
    cloud: createFarCloud(paths, kubernetes),
    tools: { missing: async () => [], ensure: async () => [] },
    images: {
      tag: async () => 't',
      find: async () => 'sha256:0',
      build: async () => ({ tag: 't', digest: `sha256:${'0'.repeat(64)}`, done: 'already as wanted' }),
    },
    toolsFolder: () => work,
    pages: { find: async () => undefined, build: async () => undefined },
    layOutProvider: async () => {},
    connect: () => {
      throw new AppError('unavailable', 'no-machines', 'there are no machines here')
    },
    checkNotebook: async () => {},
    hostsFile: join(paths.folder, 'hosts'),
    clock: systemClock,
  }
}

/** The Rancher's cluster is the same API server, of a version that a Rancher takes. */
function rancherCluster({ folder, rancherKubeconfig: kubeconfig }: StatePaths) {
  const api = createKubernetes({ kubeconfigFile: kubeconfig })
  const kubernetes: Kubernetes = Object.assign(api, { version: async () => 'v1.35.8+k3s1' })
  const options = { program: needProgram('helm'), folder: join(folder, 'rancher-helm'), kubeconfig, kubernetes }
  return { kubernetes, helm: createHelmCli(options) }
}

/** Runs a plan of the operator's; stopped, as by Ctrl-C, once a step is where the test wants it. */
async function run(
  plan: 'site' | 'site-down' | 'site-purge',
  until: (steps: readonly StepView[]) => boolean = () => false,
): Promise<RunResult> {
  const { site, paths } = opened
  const stop = new AbortController()
  const journal = await openSiteJournal({
    site,
    paths,
    project,
    actions: (keeping) => siteActions(parts(opened), keeping),
    plans: (actions) => sitePlans(project, actions),
    clock: systemClock,
  })
  try {
    const phase = plan === 'site' ? 'install' : 'remove'
    const { id } = await takeUp(journal, { plan, phase, params: plan === 'site' ? { profile: 'file' } : {} })
    const onSteps = (steps: readonly StepView[]) => {
      if (until(steps)) stop.abort()
    }
    return await runCommand(journal, id, { clock: systemClock, onSteps, signal: stop.signal })
  } finally {
    await journal.close()
  }
}

/** What `plan` shows of the cloud. */
async function shown(): Promise<readonly string[]> {
  const { site, paths } = opened
  const cloud = cloudOf(site)
  if (cloud === undefined) throw new Error('a site of a cloud')
  const kept = cloudSecrets(readStored(paths.folder))
  const secrets = { ...kept, ...(await makeKeys(cloud, kept, new Date())) }
  const noRancher = keptRancherToken(paths.folder) === undefined
  const { signal } = new AbortController()
  const sources = { site, paths, project, signal, roots: readKeptRoots(paths), noRancher, observed: rancher.sizes }
  const { changes } = await previewCloud(
    orderingTerraform(terraform, cloud, () => secrets),
    sources,
  )
  return changes.map(({ kind, what }) => `${kind} ${what}`)
}

const stateOf = (steps: readonly StepView[], name: string) => steps.find(({ step }) => step === name)
const isWaiting = (name: string, on: RegExp) => (steps: readonly StepView[]) =>
  on.test(stateOf(steps, name)?.waiting ?? '')
const areDone =
  (...names: readonly string[]) =>
  (steps: readonly StepView[]) =>
    names.every((name) => stateOf(steps, name)?.state === 'done')
const typesThere = async () => [...new Set((await standin.things()).map(({ type }) => type))].toSorted()

const hetzner = `name: acme
domain: acme.example.org
provider: {kind: hcloud, token: {env: TOKEN}, adminCidrs: [203.0.113.7/32]}
images: {registry: registry.example.com/omega}
pools:
  - {name: control, role: control, type: cx33}
  - {name: everything, role: worker, type: cx53}
`

test('at Hetzner up makes what plan showed, goes on after a refusal, and says what it waits for without a cluster', async () => {
  await open(hetzner)
  const planned = await shown()
  expect(planned).toContain('create module.cluster.hcloud_server.control["control-1"]')
  expect(planned).toContain('create module.volumes.hcloud_volume.this["mongodb"]')
  await standin.fault({ type: 'hcloud_server', kind: 'quota', name: 'everything' })
  const refused = failureOf(await run('site'))
  expect(refused).toMatchObject({ step: 'cluster' })
  expect(refused?.message).toMatch(/limit/i)

  const waiting = await run('site', isWaiting('reach', /Kubernetes API server at https:/))
  expect(waiting.interrupted).toBe(true)
  const made = (await standin.things()).length
  expect(made).toBe(planned.length)
  expect(
    (await standin.calls()).filter(({ do: what, error }) => what === 'create' && error === undefined),
  ).toHaveLength(made)
  expect(await shown()).toEqual([])
  const files = ['cluster', 'volumes'].map((root) =>
    readFileSync(join(opened.paths.terraform, root, 'terraform.tfvars.json'), 'utf8'),
  )
  expect(files.join()).not.toContain(token)

  // A pool and a cluster that the service ordered: they go before the network that they are in, data when all goes.
  const labels = { cluster: 'acme', ordered: 'acme-alice-gpu' }
  const besides = { cluster: 'acme-second', site: 'acme', ordered: 'acme-second' }
  hcloud.things.push(
    { kind: 'server', id: 1, name: 'acme-alice-gpu-1', labels },
    { kind: 'firewall', id: 2, name: 'acme-second', labels: besides },
    { kind: 'volume', id: 3, name: 'pvc-1', labels: besides },
  )
  expect(failureOf(await run('site-down'))).toBeUndefined()
  expect(hcloud.things.map(({ name }) => name)).toEqual(['pvc-1'])
  expect(await typesThere()).toEqual(['hcloud_volume'])
  expect(failureOf(await run('site-purge'))).toBeUndefined()
  expect(hcloud.things).toEqual([])
  expect(await typesThere()).toEqual([])
})

const ranchers = `name: acme
domain: acme.example.org
provider: {kind: rancher, cloud: linode, region: eu-central, credential: {values: {token: {env: FIELD}}}}
rancher:
  kind: existing
  url: "https://rancher.example.com"
  token: {env: TOKEN}
  limits: {all: {limitsCpu: 8000m, pods: "200"}, namespace: {limitsCpu: 2000m, pods: "50"}, container: {limitsCpu: 500m}}
images: {registry: registry.example.com/omega}
storage: {class: linode-block-storage}
pools:
  - {name: control, role: control, type: g6-standard-2}
  - {name: everything, role: worker, type: g6-standard-6}
`

const dnsService: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'rke2-coredns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  spec: { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
}

function readyNode(name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: {
      capacity: { cpu: '8', memory: '16Gi' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }],
    },
  }
}

test('by Rancher up goes on into the cluster that Rancher names, and down empties it before its machines go', async () => {
  await open(ranchers)
  const planned = await shown()
  expect(planned).toContain('create module.cluster.rancher2_cluster_v2.this')
  await run('site', isWaiting('reach', /./))
  expect((await standin.things()).length).toBe(planned.length)

  // Rancher says where its cluster is: a real API server, with a Service for names, and no nodes yet.
  const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8')
  await standin.change((thing) =>
    thing.type === 'rancher2_cluster_sync'
      ? { ...thing, attributes: { ...thing.attributes, kube_config: kubeconfig } }
      : thing,
  )
  await cluster.kubernetes.apply(dnsService)
  await cluster.kubernetes.apply(readyNode('everything-1'))
  await run('site', isWaiting('reach', /nodes: 1 of 2 ready/))
  await cluster.kubernetes.apply(readyNode('control-1'))

  const installed = await run('site', isWaiting('system', /StatefulSet|Deployment|Job/))
  expect(stateOf(installed.steps, 'storage')?.state).toBe('done')
  const namespace = 'omegaml-services'
  const claims = await cluster.kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' }, { namespace })
  expect(claims.map(({ metadata }) => metadata.name).toSorted()).toEqual(['mongodb', 'mysql', 'rabbitmq'])
  const claim = claims[0]?.['spec'] as { storageClassName?: string } | undefined
  expect(claim?.storageClassName).toBe('linode-block-storage')
  expect(await cluster.kubernetes.list({ apiVersion: 'apps/v1', kind: 'StatefulSet' }, { namespace })).not.toEqual([])
  // Accounts' namespaces go into the project, whose limits are those of the site file.
  const [limited] = await standin.things('rancher2_project')
  expect(limited?.attributes).toMatchObject({
    resource_quota: [
      {
        project_limit: [expect.objectContaining({ limits_cpu: '8000m', pods: '200' })],
        namespace_default_limit: [expect.objectContaining({ limits_cpu: '2000m', pods: '50' })],
      },
    ],
    container_resource_limit: [expect.objectContaining({ limits_cpu: '500m' })],
  })
  const facts = await cluster.kubernetes.find({ apiVersion: 'v1', kind: 'ConfigMap', name: 'cloudmgr-site', namespace })
  expect(JSON.stringify(facts?.['data'])).toContain(String(limited?.id))

  expect(failureOf(await run('site-purge'))).toBeUndefined()
  const namespaces = await cluster.kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' })
  expect(namespaces.filter(({ metadata }) => metadata.name.startsWith('omegaml'))).toEqual([])
  const roles = await cluster.kubernetes.list(
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
    { labels: 'app.kubernetes.io/part-of=omegaml' },
  )
  expect(roles).toEqual([])
  expect(await standin.things()).toEqual([])
})

const created = ranchers
  .replace(
    /rancher:\n( {2}.*\n)+/,
    'rancher: {kind: create, hostname: rancher.example.com, type: cx33, acmeEmail: ops@example.com, hcloudToken: {env: TOKEN}}\n',
  )
  .replace('type: g6-standard-6', 'type: g6-standard-6, min: 1, max: 4')
/** The pool `everything` has so many machines now. */
function grown(attributes: Readonly<Record<string, unknown>>, quantity: number): Record<string, unknown> {
  const text = JSON.stringify(attributes, (_, value: unknown) =>
    (value as { name?: string } | null)?.name === 'everything' ? { ...(value as object), quantity } : value,
  )
  return JSON.parse(text) as Record<string, unknown>
}

const unauthorized = 'Bad response statusCode [401]. Status [401 Unauthorized]. Body: [message=must authenticate]'

test('a Rancher of its own is made first, gives the token for what follows, and goes last', async () => {
  await open(created)
  const planned = await shown()
  expect(planned).toContain('create module.rancher.hcloud_server.this')
  expect(planned).toContain('create sign-in at Rancher https://rancher.example.com')
  expect(planned).toContain('create machines everything')

  rancher.down = 'https://rancher.example.com does not answer (ENOTFOUND)'
  await run('site', isWaiting('rancher-ready', /ENOTFOUND\); rancher\.example\.com must lead to 198\.18\./))
  expect(await typesThere()).toEqual(['hcloud_firewall', 'hcloud_primary_ip', 'hcloud_server'])
  rancher.down = undefined
  await standin.fault({ type: 'rancher2_bootstrap', kind: 'timeout' })
  await standin.fault({ type: 'rancher2_cluster_v2', kind: 'credentials', message: unauthorized })
  const revoked = failureOf(await run('site'))
  expect(revoked).toMatchObject({ step: 'cluster' })
  expect(revoked?.message).toContain('./cloudmgr up makes another one')

  await run('site', isWaiting('reach', /./))
  const made = await standin.calls()
  expect(await typesThere()).toContain('rancher2_cluster_v2')
  const [machine] = await standin.things('hcloud_server')
  expect(String(machine?.attributes['user_data'])).toContain('rancher.example.com')
  const first = keptRancherToken(opened.paths.folder) ?? ''
  expect(first).toMatch(/:/)
  const files = ['rancher', 'rancher-admin', 'cluster'].map((root) =>
    readFileSync(join(opened.paths.terraform, root, 'terraform.tfvars.json'), 'utf8'),
  )
  for (const secret of [token, first, ...Object.values(cloudSecrets(readStored(opened.paths.folder)))])
    expect(files.join()).not.toContain(secret)
  expect(await shown()).toEqual([])
  await run('site', isWaiting('reach', /./))
  expect(await standin.calls()).toEqual(made)

  // As an autoscaler does it.
  rancher.sizes = { everything: 3 }
  await standin.change((thing) =>
    thing.type === 'rancher2_cluster_v2' ? { ...thing, attributes: grown(thing.attributes, 3) } : thing,
  )
  expect(await shown()).toEqual([])
  await run('site', isWaiting('reach', /./))
  expect(await standin.calls()).toEqual(made)

  rancher.revoked.add(first)
  await standin.fault({ type: 'rancher2_cluster_v2', kind: 'credentials', on: 'read', message: unauthorized })
  expect(await shown()).toEqual([])
  await run('site', isWaiting('reach', /./))
  expect(keptRancherToken(opened.paths.folder)).not.toBe(first)

  rancher.known.push({ id: 'c-m-theirs', name: 'theirs' })
  expect(failureOf(await run('site-down'))?.message).toContain('has other clusters (theirs)')
  expect(await typesThere()).toContain('rancher2_cluster_v2')
  rancher.known.pop()
  expect(failureOf(await run('site-down'))).toBeUndefined()
  expect(await standin.things()).toEqual([])
  const gone = (await standin.calls()).filter(({ do: what }) => what === 'delete').map(({ type }) => type)
  expect(gone.findLastIndex((type) => type.startsWith('rancher2_'))).toBeLessThan(gone.indexOf('hcloud_server'))
  expect(keptRancherToken(opened.paths.folder)).toBeUndefined()
})

/** Rancher has no driver for Hetzner: the machines join. */
const joined = (rancherLine: string, workers: number) => `name: acme
domain: acme.example.org
provider: {kind: rancher, cloud: hetzner, region: fsn1, credential: {values: {token: {env: TOKEN}}}}
rancher: ${rancherLine}
images: {registry: registry.example.com/omega}
pools:
  - {name: control, role: control, type: cx33}
  - {name: everything, role: worker, type: cx53, size: ${workers}}
`
const existingRancher = '{kind: existing, url: "https://rancher.example.com", token: {env: HOOK}}'

test('machines of Hetzner join a cluster of Rancher, and are empty and forgotten there before they go', async () => {
  const { kubernetes } = cluster
  await open(joined(existingRancher, 2))
  const planned = await shown()
  expect(planned).toContain('create module.machines.hcloud_server.this["everything-2"]')
  await run('site', isWaiting('reach', /./))
  expect((await standin.things()).length).toBe(planned.length)
  expect(readFileSync(join(opened.paths.terraform, 'cluster/terraform.tfvars.json'), 'utf8')).not.toContain(token)

  const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8')
  await standin.change((thing) =>
    thing.type === 'rancher2_cluster_sync'
      ? { ...thing, attributes: { ...thing.attributes, kube_config: kubeconfig } }
      : thing,
  )
  const nodes = ['acme-control-1', 'acme-everything-1', 'acme-everything-2']
  for (const object of [dnsService, ...nodes.map(readyNode)]) await kubernetes.apply(object)
  await run('site', areDone('storage', 'provider-rancher'))
  const namespace = 'omegaml-services'
  const claim = await kubernetes.find({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'mysql', namespace })
  // Hetzner has no smaller ones.
  expect(claim?.['spec']).toMatchObject({ resources: { requests: { storage: '10Gi' } } })
  // An order for more of them has nothing in its hands that opens anything.
  const ref = { apiVersion: 'v1', kind: 'Secret', name: 'cloudmgr-provider', namespace }
  const data = (await kubernetes.find(ref))?.['data'] as Record<string, string>
  const handed = JSON.parse(Buffer.from(data['settings'] ?? '', 'base64').toString()) as object
  expect(handed).toMatchObject({ main: {}, env: {}, token: '', variables: { custom: true } })

  rancher.joined.push(...nodes.map((node, index) => ({ name: `custom-${index}`, node })))
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'theirs', namespace: 'default' } }
  const onNode = { nodeName: 'acme-everything-2', containers: [{ name: 'c', image: 'i' }] }
  await kubernetes.apply({ ...pod, spec: { ...onNode, terminationGracePeriodSeconds: 0 } })
  await reopen(joined(existingRancher, 1), opened.paths.folder)
  expect(await shown()).toEqual([
    'remove module.machines.hcloud_placement_group.this["everything"]',
    'remove module.machines.hcloud_server.this["everything-2"]',
  ])
  await run('site', areDone('cluster'))
  expect(await kubernetes.find({ apiVersion: 'v1', kind: 'Pod', name: 'theirs', namespace: 'default' })).toBeUndefined()
  const gone = await kubernetes.find({ apiVersion: 'v1', kind: 'Node', name: 'acme-everything-2' })
  expect(gone?.['spec']).toMatchObject({ unschedulable: true })
  expect(rancher.joined.map(({ node }) => node)).toEqual(['acme-control-1', 'acme-everything-1'])
  const servers = (await standin.things('hcloud_server')).map(({ attributes }) => String(attributes['name']))
  expect(servers.toSorted()).toEqual(['acme-control-1', 'acme-everything-1'])

  expect(failureOf(await run('site-purge'))).toBeUndefined()
  expect(await standin.things()).toEqual([])
})

test('machines of Hetzner join a Rancher that was made for them by the same token', async () => {
  await open(joined('{kind: create, hostname: rancher.example.com, type: cx33, acmeEmail: ops@example.com}', 1))
  await run('site', isWaiting('reach', /./))
  const servers = (await standin.things('hcloud_server')).map(({ attributes }) => String(attributes['name']))
  expect(servers.toSorted()).toEqual(['acme-control-1', 'acme-everything-1', 'acme-rancher'])
})

const backup = `backup: {bucket: b, endpoint: s3.example.com, accessKey: {env: FIELD}, secretKey: {env: HOOK}, encryptionKey: {env: KEY32}}`
const inCluster = (version: string, more = backup) =>
  ranchers.replace(
    /^rancher:\n(?: .*\n)+/m,
    `rancher:
  kind: create
  hostname: rancher.example.com
  acmeEmail: ops@example.com
  version: "${version}"
  cluster: {kubeconfig: {env: KUBE}, replicas: 1, ${more}}
`,
  )
const kindsOfClusters = [
  ['v1', 'Namespace'],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
  ['networking.k8s.io/v1', 'Ingress'],
] as const

/** What is in the Rancher's cluster, marks and all that keeps a namespace from going among it. */
async function everythingThere(): Promise<string[]> {
  const found = await Promise.all(
    kindsOfClusters.map(async ([apiVersion, kind]) =>
      (await cluster.kubernetes.list({ apiVersion, kind })).map(
        ({ metadata: { name, annotations = {}, finalizers = [] } }) => {
          // Of what this test itself applied, as they and as Rancher.
          const { [appliedAnnotation]: _digest, ...others } = annotations
          return `${kind} ${name} ${kind === 'Namespace' ? JSON.stringify([others, finalizers]) : ''}`
        },
      ),
    ),
  )
  return found.flat().toSorted()
}

/** What a Rancher makes in its own cluster once it runs. */
async function asRancherDoes(): Promise<void> {
  const { kubernetes } = cluster
  const marks = { 'lifecycle.cattle.io/create.namespace-auth': 'true' }
  const finalizers = ['controller.cattle.io/namespace-auth']
  const space = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations: marks, finalizers },
  })
  for (const name of ['cattle-fleet-system', 'local', 'p-abcde', 'theirs']) await kubernetes.apply(space(name))
  await kubernetes.apply(parse(definition('management.cattle.io', 'Setting', '    a: b')) as Manifest)
  await expect
    .poll(
      async () =>
        await kubernetes.list({ apiVersion: 'management.cattle.io/v1', kind: 'Setting' }).catch(() => undefined),
    )
    .toEqual([])
  const setting = { apiVersion: 'management.cattle.io/v1', kind: 'Setting' }
  await kubernetes.apply({ ...setting, metadata: { name: 'one', finalizers: ['controller.cattle.io/setting'] } })
  const rbac = 'rbac.authorization.k8s.io/v1'
  await kubernetes.apply({ apiVersion: rbac, kind: 'ClusterRole', metadata: { name: 'cattle-globalrole-admin' } })
  await kubernetes.apply({ apiVersion: rbac, kind: 'ClusterRole', metadata: { name: 'u-abcde', annotations: marks } })
  // It is asked before any namespace changes, and nobody will answer.
  await kubernetes.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'rancher.cattle.io' },
    webhooks: [
      {
        name: 'rancher.cattle.io.namespaces',
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        clientConfig: { url: 'https://127.0.0.1:9/v1/webhook' },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['namespaces'] }],
      },
    ],
  })
}

test('a Rancher in a cluster that is there comes by its charts, is upgraded alone, and leaves the cluster as it was', async () => {
  const { kubernetes } = cluster
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'theirs' } })
  const before = await everythingThere()
  await open(inCluster('2.14'))
  const charts = join(opened.paths.folder, 'charts')
  await packRancherCharts(charts, ['cert-manager'], 'v1.21.2')
  await packRancherCharts(charts, ['rancher'], '2.14.3')
  await packRancherCharts(charts, ['rancher-backup-crd', 'rancher-backup'], '109.0.7+up10.0.8')
  const place = () => rancherCluster(opened.paths)
  writeFileSync(opened.paths.rancherKubeconfig, readFileSync(cluster.kubeconfig))
  const planned = async (isBegun: boolean) => {
    const cloud = cloudOf(opened.site)
    if (cloud === undefined) throw new Error('a site of a cloud')
    const changes = await rancherChanges(place(), cloud, { project, isBegun })
    return changes.map(({ kind, what, details }) => `${kind} ${what.split(' ')[1]} ${details.join()}`)
  }
  expect(await planned(false)).toEqual([
    'create cert-manager v1.21.2',
    'create rancher 2.14.3',
    'create rancher-backup-crd 109.0.7+up10.0.8',
    'create rancher-backup 109.0.7+up10.0.8',
  ])

  rancher.down = 'it does not answer'
  await run('site', isWaiting('rancher-ready', /must lead to the ingress controller of its cluster/))
  rancher.down = undefined
  // The stand-in's Rancher says that it is 2.15: no cluster is ordered of it as 2.14.
  const signedIn = (steps: readonly StepView[]) => stateOf(steps, 'rancher-token')?.state === 'done'
  await run('site', signedIn)
  expect(await planned(true)).toEqual([])
  expect(await typesThere()).toEqual(['rancher2_bootstrap'])
  const backupThere = await kubernetes.find({ apiVersion: 'resources.cattle.io/v1', kind: 'Backup', name: 'to-bucket' })
  expect(backupThere?.['spec']).toMatchObject({ schedule: '0 3 * * *', storageLocation: { s3: { bucketName: 'b' } } })
  const revisions = async () =>
    (await kubernetes.list({ apiVersion: 'v1', kind: 'Secret' }, { labels: 'owner=helm' }))
      .map(({ metadata }) => metadata.name.replace('sh.helm.release.v1.', ''))
      .filter((name) => /^(cert-manager|rancher)/.test(name))
      .toSorted()
  expect(await revisions()).toEqual(['cert-manager.v1', 'rancher-backup-crd.v1', 'rancher-backup.v1', 'rancher.v1'])
  // The same again changes nothing.
  await run('site', signedIn)
  expect(await revisions()).toHaveLength(4)

  // The catalogue has another Rancher: only that is another one.
  const { folder } = opened.paths
  await reopen(inCluster('2.15'), folder)
  await packRancherCharts(charts, ['rancher'], '2.15.1')
  await packRancherCharts(charts, ['rancher-backup-crd', 'rancher-backup'], '110.0.0+up11.0.0')
  expect(await planned(true)).toEqual([
    'change rancher 2.14.3 → 2.15.1',
    'change rancher-backup-crd 109.0.7+up10.0.8 → 110.0.0+up11.0.0',
    'change rancher-backup 109.0.7+up10.0.8 → 110.0.0+up11.0.0',
  ])
  await run('site', isWaiting('reach', /./))
  expect(await revisions()).toEqual(expect.arrayContaining(['cert-manager.v1', 'rancher.v2', 'rancher-backup.v2']))
  expect(await revisions()).not.toContain('cert-manager.v2')
  await reopen(inCluster('2.14'), folder)
  await expect(planned(true)).rejects.toMatchObject({ code: 'rancher-step' })
  await reopen(inCluster('2.15', 'ingressClass: nginx'), folder)
  await run('site', isWaiting('reach', /./))
  expect(await revisions()).not.toContain('rancher-backup.v2')

  await asRancherDoes()
  expect(failureOf(await run('site-purge'))).toBeUndefined()
  expect(await everythingThere()).toEqual(before)
  expect(await standin.things()).toEqual([])

  // Somebody else's is not touched.
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cattle-system' } })
  await open(inCluster('2.15'))
  expect(failureOf(await run('site'))).toMatchObject({ step: 'rancher-server' })
})

const imported = `name: acme
domain: acme.example.org
provider: {kind: existing, kubeconfig: {env: KUBE}, roles: {worker: {nodes: [theirs]}}}
rancher: {kind: existing, url: "https://rancher.example.com", token: {env: TOKEN}}
storage: {class: fast}
images: {registry: registry.example.com/omega}
monitoring: {enabled: true, receivers: [{kind: webhook, url: {env: HOOK}}]}
`
const metrics: Manifest = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1beta1.metrics.k8s.io' },
}
const agentManifest = `apiVersion: v1
kind: Namespace
metadata: {name: cattle-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: cattle, namespace: cattle-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cattle-cluster-agent, namespace: cattle-system}
spec:
  selector: {matchLabels: {app: cattle-cluster-agent}}
  template:
    metadata: {labels: {app: cattle-cluster-agent}}
    spec: {containers: [{name: agent, image: rancher/rancher-agent}]}
`

test('machines of Hetzner make a cluster that a Rancher looks after, and accounts can order more of them', async () => {
  const { kubernetes } = cluster
  for (const object of [dnsService, readyNode('acme-control-1'), readyNode('acme-everything-1')])
    await kubernetes.apply(object)
  rancher.manifestText = agentManifest
  standsIn = true
  await open(`${hetzner}rancher: {kind: existing, url: "https://rancher.example.com", token: {env: TOKEN}}\n`)
  const planned = await shown()
  expect(planned).toContain('create module.cluster.hcloud_server.machine["everything-1"]')
  expect(planned).toContain('create module.cluster.rancher2_cluster.this')
  await run('site', isWaiting('system', /StatefulSet|Deployment|Job/))
  expect((await standin.things()).length).toBe(planned.length)
  expect(await shown()).toEqual([])

  const namespace = 'omegaml-services'
  const ref = { apiVersion: 'v1', kind: 'Secret', name: 'cloudmgr-provider', namespace }
  const data = (await kubernetes.find(ref))?.['data'] as Record<string, string>
  const [network] = await standin.things('hcloud_network')
  expect(hcloudJoin.parse(JSON.parse(Buffer.from(data['settings'] ?? '', 'base64').toString())).joining).toMatchObject({
    network_id: Number(network?.id),
    server: '10.0.1.11',
    location: 'fsn1',
  })
  const [project] = await standin.things('rancher2_project')
  const facts = await kubernetes.find({ apiVersion: 'v1', kind: 'ConfigMap', name: 'cloudmgr-site', namespace })
  expect(JSON.stringify(facts?.['data'])).toContain(String(project?.id))

  expect(failureOf(await run('site-purge'))).toBeUndefined()
  expect(await standin.things()).toEqual([])
})

test('a cluster that is there is made known to a Rancher with all that others get, and forgotten again', async () => {
  const { kubernetes } = cluster
  const isIn = (steps: readonly StepView[]) =>
    stateOf(steps, 'rancher-import')?.state === 'done' && stateOf(steps, 'storage')?.state === 'done'
  for (const object of [
    readyNode('theirs'),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'fast' },
      provisioner: 'csi.example.com',
    },
    dnsService,
  ])
    await kubernetes.apply(object)
  rancher.manifestText = agentManifest
  await open(imported)
  const planned = await shown()
  expect(planned).toContain('create module.cluster.rancher2_cluster.this')
  expect(planned).toContain('create module.cluster.module.care[0].rancher2_app_v2.monitoring[0]')

  rancher.down = 'it does not answer'
  await run('site', isWaiting('rancher-import', /it does not answer/))
  expect(await typesThere()).toEqual(['rancher2_cluster'])
  rancher.down = undefined
  await run('site', isIn)
  expect((await standin.things()).length).toBe(planned.length)
  const [alerts] = await standin.things('rancher2_secret_v2')
  expect(JSON.stringify(alerts?.attributes)).toContain('https://hook.example.com/key')
  const [project] = await standin.things('rancher2_project')
  const namespace = await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: 'omegaml-services' })
  expect(namespace?.metadata.annotations).toMatchObject({ 'field.cattle.io/projectId': project?.id })
  const agent = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cattle-cluster-agent', namespace: 'cattle-system' }
  expect(await kubernetes.find(agent)).toBeDefined()
  const made = await standin.calls()
  expect(await shown()).toEqual([])
  await run('site', isIn)
  expect(await standin.calls()).toEqual(made)

  expect(failureOf(await run('site-down'))).toBeUndefined()
  expect(await standin.things()).toEqual([])
  expect(await kubernetes.find(agent)).toBeUndefined()
  const claims = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })
  expect(claims.map(({ metadata }) => metadata.name).toSorted()).toEqual(['mongodb', 'mysql', 'rabbitmq'])
  // What was kept goes with a purge that comes later, too.
  expect(failureOf(await run('site-purge'))).toBeUndefined()
  expect(await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })).toEqual([])

  for (const document of parseAllDocuments(agentManifest)) await kubernetes.apply(document.toJS() as Manifest)
  await open(imported)
  const { steps } = await run('site', (all) => stateOf(all, 'rancher-import')?.state === 'failed')
  expect(stateOf(steps, 'rancher-import')?.message).toContain('a Rancher looks after this cluster already')
  expect(await standin.things()).toEqual([])
  await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'cattle-system' })
})
