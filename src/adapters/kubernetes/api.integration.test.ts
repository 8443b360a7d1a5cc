import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestCluster } from '../../../test/support/kube-apiserver.ts'
import { startCluster } from '../../../test/support/kube-apiserver.ts'
import { createKubernetes } from './api.ts'
import { kubernetesContract } from './contract-suite.ts'
import type { Manifest } from './port.ts'
import { refOf } from './port.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster?.stop())

kubernetesContract(async () => ({ kubernetes: cluster.kubernetes }))

describe('a real API server', () => {
  test('says its version', async () => {
    expect(await cluster.kubernetes.version()).toMatch(/^v1\./)
  })

  test('an unknown kind, a misspelt field and a wrong value are refused with their names', async () => {
    const { kubernetes } = cluster
    const thing: Manifest = { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 'x' } }
    await expect(kubernetes.apply(thing)).rejects.toMatchObject({ kind: 'invalid', code: 'kubernetes-kind-unknown' })
    const misspelt: Manifest = { ...deployment(), spec: { ...(deployment()['spec'] as object), replicsa: 2 } }
    await expect(kubernetes.apply(misspelt)).rejects.toMatchObject({ kind: 'invalid', code: 'kubernetes-invalid' })
    const wrong: Manifest = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'Not_A_Name', namespace: 'default' },
    }
    await expect(kubernetes.apply(wrong)).rejects.toMatchObject({ kind: 'invalid' })
  })

  test('fields of others stay, and ours win over theirs', async () => {
    const { kubernetes } = cluster
    await kubernetes.apply(deployment())
    // The server fills in defaults of its own: applying again is no change.
    expect(await kubernetes.apply(deployment())).toBe('unchanged')
    expect(await kubernetes.compare(deployment())).toBe('present')
  })

  test('what somebody changed comes back, and what we no longer say goes', async () => {
    const { kubernetes } = cluster
    const metadata = { name: 'shared', namespace: 'default' }
    const of = (data: Record<string, string>): Manifest => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
    const ref = refOf(of({}))
    await kubernetes.apply(of({ ours: '1', old: '1' }))
    await kubernetes.change(ref, { data: { ours: 'theirs', more: '2' } })
    expect(await kubernetes.compare(of({ ours: '1', old: '1' }))).toBe('different')
    expect(await kubernetes.apply(of({ ours: '1', old: '1' }))).toBe('changed')
    expect(await kubernetes.apply(of({ ours: '1', old: '1' }))).toBe('unchanged')
    expect(await kubernetes.compare(of({ ours: '1' }))).toBe('different')
    expect(await kubernetes.apply(of({ ours: '1' }))).toBe('changed')
    expect((await kubernetes.find(ref))?.['data']).toEqual({ ours: '1', more: '2' })
  })

  test('an object that an older version applied is as wanted, though it has no digest yet', async () => {
    const { kubernetes } = cluster
    await kubernetes.apply(deployment())
    await kubernetes.change(refOf(deployment()), { metadata: { annotations: { 'cloudmgr.io/applied': null } } })
    expect(await kubernetes.compare(deployment())).toBe('present')
    expect(await kubernetes.apply(deployment())).toBe('unchanged')
  })

  test('a workload without a node says what it waits for', async () => {
    const { kubernetes } = cluster
    await kubernetes.apply(deployment())
    await expect.poll(async () => (await kubernetes.readiness(refOf(deployment()))).reason).toMatch(/0 of 1 pods/)
    expect(await kubernetes.delete(refOf(deployment()))).toBe(true)
    expect(
      await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'default', labels: 'app=web' }),
    ).toEqual([])
  })

  test('an object held by a finalizer is still there when the time is over', async () => {
    const { kubernetes } = cluster
    const held: Manifest = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'held', namespace: 'default', finalizers: ['cloudmgr.test/held'] },
    }
    await kubernetes.apply(held)
    const reasons: string[] = []
    const deleting = kubernetes.delete(refOf(held), { timeoutMs: 200, onWaiting: (reason) => reasons.push(reason) })
    await expect(deleting).rejects.toMatchObject({ kind: 'unavailable', code: 'still-there' })
    expect(reasons[0]).toContain('cloudmgr.test/held')
    expect(await kubernetes.compare(held)).toBe('different')
    await kubernetes.apply({ ...held, metadata: { name: 'held', namespace: 'default', finalizers: [] } })
    await expect.poll(() => kubernetes.find(refOf(held))).toBeUndefined()
  })

  test('a server that does not answer is unavailable, a wrong token forbidden', async () => {
    const dead = createKubernetes({ kubeconfig: kubeconfig('https://127.0.0.1:1') })
    await expect(dead.version()).rejects.toMatchObject({ kind: 'unavailable', code: 'kubernetes-unreachable' })
    await expect(createKubernetes({ kubeconfigFile: '/nonexistent' }).version()).rejects.toMatchObject({
      kind: 'invalid',
    })
  })
})

function deployment(): Manifest {
  const labels = { app: 'web' }
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'web', image: 'web:1', ports: [{ containerPort: 80 }] }] },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  }
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'a', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'a', user: { token: 'wrong' } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  })
}
