import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Action, ActionContext } from '../../src/actions/action.ts'
import { createFakeHelm } from '../../src/adapters/helm/fake.ts'
import type { Manifest } from '../../src/adapters/kubernetes/port.ts'
import { systemClock } from '../../src/base/clock.ts'
import { clusterFitAction } from '../../src/site/actions/cluster-fit.ts'
import { nodeRolesAction } from '../../src/site/actions/node-roles.ts'
import { reachClusterAction } from '../../src/site/actions/reach-cluster.ts'
import { siteDisksAction } from '../../src/site/actions/site-disks.ts'
import { siteObjectsAction } from '../../src/site/actions/site-objects.ts'
import { findHoldings } from '../../src/site/holdings.ts'
import { diskText, keptDisks } from '../../src/site/kept-disks.ts'
import { keptRoles } from '../../src/site/kept-roles.ts'
import { namespaceManifests, secret } from '../../src/site/manifests.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'

/** Steps of a site in a cluster that is there, against a real API server. Nothing runs on its nodes. */
let cluster: TestCluster
let folder: string

beforeAll(async () => {
  cluster = await startCluster()
  folder = mkdtempSync(join(tmpdir(), 'existing-site-'))
  for (const object of [node('a'), node('b'), storageClass, ...dns]) await cluster.kubernetes.apply(object)
})
afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const node = (name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { theirs: 'yes' } },
  spec: { taints: [{ key: 'theirs', effect: 'PreferNoSchedule' }] },
  status: {
    capacity: { cpu: '4', memory: '16342432Ki' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }],
  },
})
const storageClass: Manifest = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'fast' },
  provisioner: 'csi.example.com',
}
/** A resolver outside the pods' network, as node-local caches and the local cloud have it. */
const dns: readonly Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.9.8.7'] }],
    ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
  },
]

const context: ActionContext = {
  task: { id: 1, command: 1, step: 'test', fencing: 1 },
  signal: new AbortController().signal,
  output: () => {},
  waiting: () => {},
}

async function ensure<Input>(action: Action<Input>, input: Input) {
  return await action.ensure(input, context)
}

/** As the engine does it: gone is what can't be seen any more. */
async function remove<Input>(action: Action<Input>, input: Input): Promise<string> {
  const { message } = await action.remove(input, context)
  expect(await action.observe(input, context)).toMatchObject({ state: 'absent' })
  return message
}

const existing = {
  kind: 'existing' as const,
  roles: {
    dbmaster: { nodes: ['a'], taints: [{ key: 'omegaml', value: 'db', effect: 'NoSchedule' as const }] },
    worker: { nodes: ['b'] },
  },
  storageClass: 'fast',
}
const nodeOf = async (name: string) => await cluster.kubernetes.find({ apiVersion: 'v1', kind: 'Node', name })

test('a cluster is reached, found fit, and its resolver is told', async () => {
  const path = join(folder, 'kubeconfig')
  let reached = false
  const { kubernetes } = cluster
  const sleep = systemClock.sleep.bind(systemClock)
  const reach = reachClusterAction({ kubernetes, sleep, now: Date.now, noteReached: () => void (reached = true) })
  const content = readFileSync(cluster.kubeconfig, 'utf8')
  const { outputs } = await ensure(reach, { path, content, nodes: 2, timeoutSeconds: 60 })
  expect(outputs).toEqual({ dns: '10.9.8.7' })
  expect(reached).toBe(true)
  const providers = resolve(import.meta.dirname, '../../catalog/providers')
  const fit = clusterFitAction({ kubernetes, providers })
  expect(await ensure(fit, { site: 'acme', cluster: existing, selectsRoles: false })).toMatchObject({
    message: 'it will do',
  })
  const roleless = { kind: 'existing' as const, roles: {}, storageClass: 'fast' }
  const workless = ensure(fit, { site: 'acme', cluster: roleless, selectsRoles: false })
  await expect(workless).rejects.toMatchObject({ code: 'cluster-unfit', details: { field: 'provider.roles' } })
  const partly = ensure(fit, { site: 'acme', cluster: existing, selectsRoles: true })
  await expect(partly).rejects.toMatchObject({ code: 'cluster-unfit', details: { value: 'ingress, system' } })
})

test('nodes take their roles, another mapping moves them, and a removal takes back what was given and no more', async () => {
  const roles = nodeRolesAction({ kubernetes: cluster.kubernetes, ...keptRoles(folder) })
  await ensure(roles, { cluster: existing })
  expect((await nodeOf('a'))?.metadata.labels).toMatchObject({ 'omegaml.io/role': 'dbmaster', theirs: 'yes' })
  expect(await ensure(roles, { cluster: existing })).toMatchObject({ changed: false })
  const moved = { ...existing, roles: { worker: { nodes: ['a'] } } }
  await ensure(roles, { cluster: moved })
  expect((await nodeOf('a'))?.metadata.labels).toMatchObject({ 'omegaml.io/role': 'worker' })
  expect((await nodeOf('b'))?.metadata.labels).not.toHaveProperty(['omegaml.io/role'])
  await remove(roles, { cluster: moved })
  for (const name of ['a', 'b']) {
    const found = await nodeOf(name)
    expect(found?.metadata.labels).not.toHaveProperty(['omegaml.io/role'])
    expect(found?.metadata.labels).toMatchObject({ theirs: 'yes' })
    const { taints = [] } = (found?.['spec'] ?? {}) as { taints?: readonly { key: string }[] }
    expect(taints.map(({ key }) => key)).toContain('theirs')
    expect(taints.map(({ key }) => key)).not.toContain('omegaml')
  }
})

const claim = (namespace: string, name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '3Gi' } }, storageClassName: 'fast' },
})
const service = (namespace: string, type: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'way-in', namespace },
  spec: { type, ports: [{ port: 80, protocol: 'TCP' }] },
})
const account = (name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: `om-${name}`, labels: { 'omegaml.io/account': name } },
})

test('what the site left is named, goes without the data, then with it, and somebody else’s stays', async () => {
  const { kubernetes } = cluster
  const theirs: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'theirs' } }
  const made = [theirs, ...namespaceManifests('acme'), account('anna'), account('boris')]
  const inside = [
    service('theirs', 'LoadBalancer'),
    claim('theirs', 'data'),
    service('omegaml-services', 'LoadBalancer'),
    claim('omegaml-services', 'mongodb'),
    secret('omegaml-services', 'mongodb-admin', { password: 'x' }),
    claim('om-anna', 'home'),
    service('om-boris', 'ClusterIP'),
  ]
  for (const object of [...made, ...inside]) await kubernetes.apply(object)
  expect(await findHoldings(kubernetes, 'acme')).toEqual({
    claims: [
      { namespace: 'omegaml-services', name: 'mongodb', size: '3Gi' },
      { namespace: 'om-anna', name: 'home', size: '3Gi' },
    ],
    loadBalancers: ['omegaml-services/way-in'],
  })
  expect(await findHoldings(kubernetes, 'another')).toEqual({ claims: [], loadBalancers: [] })

  const objects = siteObjectsAction({ kubernetes, helm: createFakeHelm(), sleep: systemClock.sleep.bind(systemClock) })
  const kept = await remove(objects, { site: 'acme', of: 'accounts', data: 'keep' })
  expect(kept).toContain('kept: PersistentVolumeClaim om-anna/home')
  await remove(objects, { site: 'acme', of: 'site', data: 'keep' })
  const names = async () =>
    (await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' })).map(({ metadata }) => metadata.name)
  expect(await names()).toEqual(expect.arrayContaining(['omegaml-services', 'om-anna', 'theirs']))
  expect(await names()).not.toContain('om-boris')
  expect(await findHoldings(kubernetes, 'acme')).toMatchObject({ loadBalancers: [] })

  await remove(objects, { site: 'acme', of: 'accounts', data: 'delete' })
  await remove(objects, { site: 'acme', of: 'site', data: 'delete' })
  expect((await names()).filter((name) => name.startsWith('om'))).toEqual([])
  const theirClaims = await kubernetes.list(
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
    { namespace: 'theirs' },
  )
  expect(theirClaims).toHaveLength(1)
})

test('disks of a cluster that goes are kept, taken up again by the claims of their names, and go at last', async () => {
  const { kubernetes } = cluster
  const notes = keptDisks(folder)
  const disks = siteDisksAction({ kubernetes, sleep: (ms) => systemClock.sleep(ms), ...notes })
  const input = { site: 'acme', volumes: { mongodb: 1 }, data: 'keep' as const }
  const volumeOf = async () => await kubernetes.find({ apiVersion: 'v1', kind: 'PersistentVolume', name: 'pvc-1' })
  const policyOf = async () =>
    ((await volumeOf())?.['spec'] as { persistentVolumeReclaimPolicy?: string } | undefined)
      ?.persistentVolumeReclaimPolicy
  const bound = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'omegaml-services', name: 'mongodb' }
  const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'omegaml-services' } }
  await kubernetes.apply(space)
  await kubernetes.apply(diskClaim)
  await kubernetes.apply(disk)
  await expect.poll(async () => (await kubernetes.readiness(bound)).state, { timeout: 30_000 }).toBe('ready')

  await disks.remove(input, context)
  expect(await policyOf()).toBe('Retain')
  expect(notes.lastDisks().map(diskText)).toEqual(['omegaml-services/mongodb (1Gi, vol-1 of csi.example.com)'])
  // The cluster goes, another one comes.
  await kubernetes.delete({ ...bound, apiVersion: 'v1' })
  await kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name: 'pvc-1' })
  expect((await disks.ensure(input, context)).changed).toBe(true)
  expect((await disks.ensure(input, context)).changed).toBe(false)
  await kubernetes.apply(diskClaim)
  await expect.poll(async () => (await kubernetes.readiness(bound)).state, { timeout: 30_000 }).toBe('ready')
  expect((await kubernetes.find(bound))?.['spec']).toMatchObject({ volumeName: 'pvc-1' })
  expect((await volumeOf())?.['spec']).toMatchObject({ csi: { volumeHandle: 'vol-1', fsType: 'ext4' } })

  await disks.remove({ ...input, data: 'delete' }, context)
  expect(await policyOf()).toBe('Delete')
  await kubernetes.delete(bound)
  await kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name: 'pvc-1' })
  await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'omegaml-services' })
})

const diskClaim: Manifest = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'mongodb', namespace: 'omegaml-services' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'fast',
    resources: { requests: { storage: '1Gi' } },
  },
}
/** As the driver makes it for the claim. */
const disk: Manifest = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'pvc-1', annotations: { 'pv.kubernetes.io/provisioned-by': 'csi.example.com' } },
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Gi' },
    storageClassName: 'fast',
    persistentVolumeReclaimPolicy: 'Delete',
    csi: { driver: 'csi.example.com', volumeHandle: 'vol-1', fsType: 'ext4' },
    claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'omegaml-services', name: 'mongodb' },
  },
}
