import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import type { Kubernetes, Manifest } from '../../src/adapters/kubernetes/port.ts'
import { changeNodes, lookAt, nodeChanges, unfit } from '../../src/clusters/existing-cluster.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'

/** The checks of a cluster that exists, against a real API server. Nodes are objects only: nothing runs on them. */
let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
  for (const name of ['node-a', 'node-b']) await cluster.kubernetes.apply(node(name))
  await cluster.kubernetes.apply(storageClass('fast', 'csi.example.com'))
  await cluster.kubernetes.apply(storageClass('local-path', 'rancher.io/local-path'))
})

afterAll(async () => cluster?.stop())

function node(name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { taints: [{ key: 'example.com/gpu', effect: 'PreferNoSchedule' }] },
    status: {
      capacity: { cpu: '4', memory: '16342432Ki' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }],
    },
  }
}

function storageClass(name: string, provisioner: string): Manifest {
  return { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner }
}

const roles = {
  dbmaster: { nodes: ['node-a'], taints: [{ key: 'omegaml.io/db', value: 'yes', effect: 'NoSchedule' as const }] },
  worker: { nodes: ['node-b'] },
}

test('an administrator’s cluster will do, and its nodes take their roles once', async () => {
  const wanted = { roles, storageClass: 'fast', rancher: true }
  const facts = await lookAt(cluster.kubernetes, wanted)
  expect(unfit(facts, wanted)).toEqual([])
  const look = async () => (await lookAt(cluster.kubernetes, wanted)).nodes
  await changeNodes(cluster.kubernetes, async () => nodeChanges(await look(), roles))
  const found = await cluster.kubernetes.find({ apiVersion: 'v1', kind: 'Node', name: 'node-a' })
  expect(found?.metadata.labels).toMatchObject({ 'omegaml.io/role': 'dbmaster', 'kubernetes.io/hostname': 'node-a' })
  const { taints } = (found?.['spec'] ?? {}) as { taints?: readonly { key: string }[] }
  expect(taints?.map(({ key }) => key)).toEqual(expect.arrayContaining(['example.com/gpu', 'omegaml.io/db']))
  expect(nodeChanges(await look(), roles)).toEqual([])

  await changeNodes(cluster.kubernetes, async () => nodeChanges(await look(), { worker: { nodes: ['node-b'] } }, roles))
  const bare = await cluster.kubernetes.find({ apiVersion: 'v1', kind: 'Node', name: 'node-a' })
  expect(bare?.metadata.labels).not.toHaveProperty(['omegaml.io/role'])
  expect(JSON.stringify(bare?.['spec'])).not.toContain('omegaml.io/db')
})

test('a node that somebody changed meanwhile is looked at again, not overwritten', async () => {
  const ref = { apiVersion: 'v1', kind: 'Node', name: 'node-a' }
  const mine = { key: 'example.com/mine', value: 'x', effect: 'NoSchedule' as const }
  let isFirst = true
  const look = async () => {
    const { nodes } = await lookAt(cluster.kubernetes, { roles })
    const taints = nodes.find(({ name }) => name === 'node-a')?.taints ?? []
    if (isFirst) await cluster.kubernetes.change(ref, { spec: { taints: [...taints, mine] } })
    isFirst = false
    return nodeChanges(nodes, { system: { nodes: ['node-a'] } })
  }
  await changeNodes(cluster.kubernetes, look)
  const found = await cluster.kubernetes.find(ref)
  expect(found?.metadata.labels).toMatchObject({ 'omegaml.io/role': 'system' })
  expect(JSON.stringify(found?.['spec'])).toContain('example.com/mine')
})

test('a node that never keeps still is told as a conflict', async () => {
  const { nodes } = await lookAt(cluster.kubernetes, { roles })
  await cluster.kubernetes.change(
    { apiVersion: 'v1', kind: 'Node', name: 'node-a' },
    { metadata: { labels: { mine: 'x' } } },
  )
  const late = changeNodes(cluster.kubernetes, async () => nodeChanges(nodes, { dbmaster: { nodes: ['node-a'] } }))
  await expect(late).rejects.toMatchObject({ kind: 'conflict', code: 'kubernetes-conflict' })
})

test('a class that keeps volumes on one machine, and one that is not there, are refused with what is', async () => {
  for (const storageClass of ['local-path', 'slow', undefined]) {
    const facts = await lookAt(cluster.kubernetes, { roles: {}, storageClass })
    expect(unfit(facts, { roles: {}, storageClass })).toMatchObject([{ check: 'storage', right: 'one of fast' }])
  }
})

test('who may only look is told each verb that is missing, and that an administrator has them', async () => {
  const viewer = await asServiceAccount('viewer', 'view')
  const facts = await lookAt(viewer, { roles })
  const missing = unfit(facts, { roles, storageClass: 'fast' }).filter(({ check }) => check === 'permissions')
  expect(missing.map(({ value }) => value)).toEqual(
    expect.arrayContaining([
      'must not create namespaces',
      'must not patch nodes',
      'must not create deployments.apps',
      'must not list storageclasses.storage.k8s.io',
    ]),
  )
  expect(missing.map(({ value }) => value)).not.toContain('must not get pods/log')
})

test('a certificate that the kubeconfig does not trust is told with what to put there', async () => {
  const admin = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as {
    clusters: { name: string; cluster: object }[]
  }
  const clusters = admin.clusters.map(({ name, cluster: one }) => ({
    name,
    cluster: { ...one, 'certificate-authority': undefined, 'certificate-authority-data': undefined },
  }))
  const stranger = createKubernetes({ kubeconfig: JSON.stringify({ ...admin, clusters }) })
  const asked = lookAt(stranger, { roles: {} })
  await expect(asked).rejects.toMatchObject({ kind: 'unavailable', code: 'kubernetes-untrusted' })
  await expect(asked).rejects.toThrow(/certificate-authority-data/)
})

/** A kubeconfig of a service account that has this ClusterRole. */
async function asServiceAccount(name: string, clusterRole: string): Promise<Kubernetes> {
  const subject = { kind: 'ServiceAccount', name, namespace: 'default' }
  const bind = (role: string): Manifest => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `${name}-${role}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [subject],
  })
  const objects: Manifest[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } },
    bind(clusterRole),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: { name, namespace: 'default', annotations: { 'kubernetes.io/service-account.name': name } },
    },
  ]
  for (const object of objects) await cluster.kubernetes.apply(object)
  const token = await vi.waitFor(
    async () => {
      const secret = await cluster.kubernetes.find({ apiVersion: 'v1', kind: 'Secret', name, namespace: 'default' })
      const { token: found } = (secret?.['data'] ?? {}) as { token?: string }
      if (found === undefined) throw new Error('the token is not there yet')
      return Buffer.from(found, 'base64').toString()
    },
    { timeout: 30_000, interval: 100 },
  )
  const admin = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as Record<string, unknown>
  const kubeconfig = JSON.stringify({ ...admin, users: [{ name: 'admin', user: { token } }] })
  return createKubernetes({ kubeconfig })
}
