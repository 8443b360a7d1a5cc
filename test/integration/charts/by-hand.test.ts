import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, test } from 'vitest'
import { startHouse } from '../../../src/api/testing.ts'
import type { TestCluster } from '../../support/kube-apiserver.ts'
import { startCluster } from '../../support/kube-apiserver.ts'
import { needProgram } from '../../support/programs.ts'
import type { Manifest } from './helm.ts'
import { runtimeNamespace, servicesNamespace } from './helm.ts'
import { get, type Kubectl, kubectlFor } from './kubectl.ts'

const project = resolve(import.meta.dirname, '../../..')
let cluster: TestCluster
let kubectl: Kubectl
let folder: string

beforeAll(async () => {
  cluster = await startCluster()
  kubectl = kubectlFor(cluster.kubeconfig)
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-by-hand-'))
  symlinkSync(join(project, 'charts'), join(folder, 'charts'))
})

afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a block of docs/charts.md as a reader would, with nothing but a kubeconfig. */
async function follow(block: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const docs = readFileSync(join(project, 'docs/charts.md'), 'utf8')
  const script = new RegExp(`<!-- tested: ${block} -->\n\`\`\`sh\n([^]*?)\n\`\`\``).exec(docs)?.[1]
  assert.ok(script, `docs/charts.md has no block ${block}`)
  const path = [...new Set(['helm', 'kubectl'].map((name) => dirname(needProgram(name)))), process.env['PATH']].join(
    ':',
  )
  await promisify(execFile)('sh', ['-euc', script], {
    cwd: folder,
    env: { PATH: path, HOME: folder, KUBECONFIG: cluster.kubeconfig, ...env },
  })
}

test('installed by hand as the docs say, every workload is there and nothing else was needed', async () => {
  await follow('install', { REGISTRY: 'registry.test' })
  const names = async (namespace: string) =>
    (await get(kubectl, 'deployments,statefulsets', '--namespace', namespace)).items
      .map(({ metadata }: Manifest) => metadata.name)
      .sort()
  assert.deepEqual(await names(servicesNamespace), [
    'cloudmgr',
    'ingress',
    'jupyterhub',
    'jupyterhub-proxy',
    'mongodb',
    'mysql',
    'omegaweb',
    'rabbitmq',
  ])
  assert.deepEqual(await names(runtimeNamespace), ['omegaml-worker'])
  // What pods name must exist: a pod of a missing Secret, claim or ConfigMap would wait for ever.
  for (const namespace of [servicesNamespace, runtimeNamespace]) {
    for (const kind of ['secrets', 'configmaps', 'persistentvolumeclaims'] as const) {
      const there = (await get(kubectl, kind, '--namespace', namespace)).items.map(
        ({ metadata }: Manifest) => metadata.name,
      )
      for (const name of await needed(namespace, kind)) assert.ok(there.includes(name), `${kind} ${namespace}/${name}`)
    }
  }
})

test('the first accounts are made with the Secrets that are there, and the bootstrap key ends', async () => {
  const bootstrapKey = await secret(servicesNamespace, 'cloudmgr-bootstrap', 'bootstrap-key')
  const house = await startHouse({ bootstrapKey })
  try {
    await house.open.listen({ host: '127.0.0.1', port: 0 })
    const { port } = house.open.server.address() as AddressInfo
    await follow('accounts', { HUB: `http://127.0.0.1:${port}` })
    const made = JSON.parse(readFileSync(join(folder, 'admin.json'), 'utf8'))
    assert.equal(made.omworker.apikey, await secret(runtimeNamespace, 'omworker', 'apikey'))
    assert.equal(made.jyadmin.apikey, await secret(servicesNamespace, 'jupyterhub', 'jyadmin-apikey'))
    assert.match(made.admin.apikey, /^[A-Za-z0-9]{32,64}$/)
    assert.equal(existsSync(join(folder, 'bootstrap-header')), false)
    await assert.rejects(follow('accounts', { HUB: `http://127.0.0.1:${port}` }), /403/)
  } finally {
    await house.close()
  }
})

test('upgraded and rolled back by hand, Secrets and databases are what they were', async () => {
  const kept = async () => {
    const lists = await get(kubectl, 'secrets,statefulsets,persistentvolumeclaims', '--namespace', servicesNamespace)
    return lists.items
      .filter(({ type }: Manifest) => type !== 'helm.sh/release.v1')
      .map(({ kind, metadata, data, spec }: Manifest) => ({ kind, uid: metadata.uid, data, template: spec?.template }))
  }
  const replicas = async () =>
    (await get(kubectl, 'deployment', 'omegaweb', '--namespace', servicesNamespace)).spec.replicas
  const before = await kept()
  await follow('upgrade')
  assert.equal(await replicas(), 2)
  assert.deepEqual(await kept(), before)
  await follow('rollback')
  assert.equal(await replicas(), 1)
  assert.deepEqual(await kept(), before)
})

test('uninstalled, nothing stays but what the docs name', async () => {
  await follow('uninstall')
  const left = async (namespace: string) => await everything(namespace)
  assert.deepEqual(await left(servicesNamespace), [
    'Secret/cloudmgr-bootstrap',
    'Secret/cloudmgr-engine-keys',
    'Secret/cloudmgr-keys',
    'Secret/jupyterhub',
    'Secret/mongodb-admin',
    'Secret/mysql-root',
    'Secret/mysql-users',
    'Secret/rabbitmq-admin',
    'Secret/rabbitmq-users',
  ])
  await kubectl('delete', 'secret', '--namespace', servicesNamespace, '-l', 'app.kubernetes.io/component=secrets')
  assert.deepEqual(await left(servicesNamespace), [])
  assert.deepEqual(await left(runtimeNamespace), ['Secret/omworker'])
  for (const kind of ['clusterroles', 'clusterrolebindings', 'persistentvolumes', 'storageclasses'])
    assert.deepEqual((await get(kubectl, kind, '-l', 'app.kubernetes.io/part-of=omegaml')).items, [], kind)
})

async function secret(namespace: string, name: string, key: string): Promise<string> {
  const { data } = await get(kubectl, 'secret', name, '--namespace', namespace)
  return Buffer.from(data[key], 'base64').toString()
}

/** Names that pods of the namespace's workloads refer to and can't start without. */
async function needed(namespace: string, kind: 'secrets' | 'configmaps' | 'persistentvolumeclaims'): Promise<string[]> {
  const { items } = await get(kubectl, 'deployments,statefulsets,jobs', '--namespace', namespace)
  const pods: Manifest[] = items.map(({ spec }: Manifest) => spec.template.spec)
  const volumes = pods.flatMap(({ volumes = [] }) => volumes)
  const all = pods.flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers])
  const env = all
    .flatMap(({ env = [] }: Manifest) => env)
    .flatMap(({ valueFrom }: Manifest) => valueFrom?.secretKeyRef ?? [])
    .filter(({ optional }: Manifest) => optional !== true)
  switch (kind) {
    case 'secrets':
      return [
        ...env.map(({ name }) => name),
        ...all.flatMap(({ envFrom = [] }: Manifest) => envFrom).map(({ secretRef }: Manifest) => secretRef.name),
        ...volumes.flatMap(({ secret }) => (secret?.optional === true ? [] : (secret?.secretName ?? []))),
      ]
    case 'configmaps':
      return volumes.flatMap(({ configMap }) => configMap?.name ?? [])
    case 'persistentvolumeclaims':
      return volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [])
  }
}

/** Kind and name of all objects of a namespace that Kubernetes itself did not put there. */
async function everything(namespace: string): Promise<string[]> {
  const kinds = (await kubectl('api-resources', '--namespaced', '--verbs=list', '--output=name'))
    .split('\n')
    .filter((kind) => !/^(events|endpoints|endpointslices|controllerrevisions|leases)\b/.test(kind))
  const { items } = await get(kubectl, kinds.join(','), '--namespace', namespace)
  return items
    .map(({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`)
    .filter((name: string) => !['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'].includes(name))
    .sort()
}
