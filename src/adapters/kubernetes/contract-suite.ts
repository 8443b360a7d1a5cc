import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '../../base/errors.ts'
import type { Kubernetes, Manifest } from './port.ts'
import { refOf } from './port.ts'

const NAMESPACE = 'contract-suite'

/** What every implementation keeps; run against the fake and against a real API server. */
export function kubernetesContract(start: () => Promise<{ kubernetes: Kubernetes; stop?: () => Promise<void> }>): void {
  let kubernetes: Kubernetes
  let stop: (() => Promise<void>) | undefined

  beforeAll(async () => {
    ;({ kubernetes, stop } = await start())
    await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
  })
  afterAll(async () => stop?.())

  test('applying creates, then changes, then leaves alone', async () => {
    expect(await kubernetes.compare(configMap('a', 'one'))).toBe('absent')
    expect(await kubernetes.apply(configMap('a', 'one'))).toBe('created')
    expect(await kubernetes.apply(configMap('a', 'one'))).toBe('unchanged')
    expect(await kubernetes.compare(configMap('a', 'one'))).toBe('present')
    expect(await kubernetes.compare(configMap('a', 'two'))).toBe('different')
    expect(await kubernetes.apply(configMap('a', 'two'))).toBe('changed')
    expect((await kubernetes.find(refOf(configMap('a', ''))))?.['data']).toEqual({ key: 'two' })
  })

  test("a Secret's texts are stored encoded and compare as present", async () => {
    const secret: Manifest = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: NAMESPACE },
      stringData: { password: 'hidden' },
    }
    await kubernetes.apply(secret)
    expect((await kubernetes.find(refOf(secret)))?.['data']).toEqual({ password: 'aGlkZGVu' })
    expect(await kubernetes.apply(secret)).toBe('unchanged')
    expect(await kubernetes.compare(secret)).toBe('present')
  })

  test('a change touches its fields only, and can be held to what was seen', async () => {
    await kubernetes.apply(configMap('changed', 'one', { shape: 'round' }))
    const ref = refOf(configMap('changed', ''))
    const seen = await kubernetes.find(ref)
    await kubernetes.change(ref, { metadata: { annotations: { note: 'here' } }, data: { more: 'two' } })
    const found = await kubernetes.find(ref)
    expect(found?.['data']).toEqual({ key: 'one', more: 'two' })
    expect(found?.metadata.annotations).toMatchObject({ note: 'here' })
    expect(found?.metadata.labels).toMatchObject({ shape: 'round' })
    const resourceVersion = seen?.metadata['resourceVersion']
    const late = kubernetes.change(ref, { metadata: { resourceVersion, annotations: { note: null } } })
    await expect(late).rejects.toMatchObject({ kind: 'conflict', code: 'kubernetes-conflict' })
    await kubernetes.change(ref, { metadata: { annotations: { note: null } } })
    expect((await kubernetes.find(ref))?.metadata.annotations ?? {}).not.toHaveProperty('note')
    const missing = kubernetes.change(refOf(configMap('nowhere', '')), { data: {} })
    await expect(missing).rejects.toMatchObject({ kind: 'not-found', code: 'kubernetes-not-found' })
  })

  test('lists select by namespace and label', async () => {
    await kubernetes.apply(configMap('red', '1', { colour: 'red' }))
    await kubernetes.apply(configMap('blue', '1', { colour: 'blue' }))
    const found = await kubernetes.list(
      { apiVersion: 'v1', kind: 'ConfigMap' },
      { namespace: NAMESPACE, labels: 'colour=red' },
    )
    expect(found.map((one) => [one.kind, one.metadata.name])).toEqual([['ConfigMap', 'red']])
    const others = await kubernetes.list(
      { apiVersion: 'v1', kind: 'ConfigMap' },
      { namespace: NAMESPACE, labels: 'colour,colour!=red' },
    )
    expect(others.map((one) => one.metadata.name)).toEqual(['blue'])
  })

  test('deleting resolves when the object is gone, and says when there was none', async () => {
    await kubernetes.apply(configMap('gone', '1'))
    expect(await kubernetes.delete(refOf(configMap('gone', '1')))).toBe(true)
    expect(await kubernetes.find(refOf(configMap('gone', '1')))).toBeUndefined()
    expect(await kubernetes.delete(refOf(configMap('gone', '1')))).toBe(false)
  })

  test('a missing namespace refuses its objects as not found', async () => {
    const lost = { ...configMap('a', '1'), metadata: { name: 'a', namespace: 'nowhere' } }
    await expect(kubernetes.apply(lost)).rejects.toMatchObject({ kind: 'not-found', code: 'kubernetes-not-found' })
  })

  test('what does not exist is waited for', async () => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none', namespace: NAMESPACE }
    expect(await kubernetes.readiness(ref)).toMatchObject({ state: 'waiting' })
  })

  test('a pod that runs nowhere yet has said nothing; the log of one that is missing is not found', async () => {
    const containers = [{ name: 'a', image: 'a:1' }]
    const pod: Manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'silent', namespace: NAMESPACE },
      spec: { containers, automountServiceAccountToken: false },
    }
    await kubernetes.apply(pod)
    expect(await kubernetes.podLogs({ namespace: NAMESPACE, name: 'silent', sinceSeconds: 300 })).toBe('')
    const missing = kubernetes.podLogs({ namespace: NAMESPACE, name: 'missing' })
    await expect(missing).rejects.toMatchObject({ kind: 'not-found', code: 'kubernetes-not-found' })
  })

  test('a pod is asked to go, and asking for one that is gone is no error', async () => {
    const spec = { containers: [{ name: 'a', image: 'a:1' }], automountServiceAccountToken: false }
    const pod: Manifest = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'leaves', namespace: NAMESPACE }, spec }
    await kubernetes.apply(pod)
    expect(await kubernetes.evict({ namespace: NAMESPACE, name: 'leaves' })).toBe(true)
    expect(await kubernetes.find(refOf(pod))).toBeUndefined()
    expect(await kubernetes.evict({ namespace: NAMESPACE, name: 'leaves' })).toBe(true)
  })

  test('an administrator may do everything', async () => {
    expect(await kubernetes.isAllowed({ verb: 'create', group: '', resource: 'namespaces' })).toBe(true)
    expect(await kubernetes.isAllowed({ verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'x' })).toBe(
      true,
    )
  })

  test('a service account gets a token for a few minutes; one that is missing gets none', async () => {
    const account = { name: 'shown', namespace: NAMESPACE }
    await kubernetes.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account })
    const { token, expiresAt } = await kubernetes.serviceToken(account)
    expect(token).not.toBe('')
    expect(expiresAt - Date.now()).toBeGreaterThan(60_000)
    expect(expiresAt - Date.now()).toBeLessThan(3_600_000)
    const missing = kubernetes.serviceToken({ name: 'missing', namespace: NAMESPACE })
    await expect(missing).rejects.toMatchObject({ kind: 'not-found', code: 'kubernetes-not-found' })
  })

  test('deleting a namespace takes its objects along', async () => {
    const namespace: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short-lived' } }
    await kubernetes.apply(namespace)
    const inside = { ...configMap('a', '1'), metadata: { name: 'a', namespace: 'short-lived' } }
    await kubernetes.apply(inside)
    await kubernetes.delete(refOf(namespace))
    expect(await kubernetes.find(refOf(inside))).toBeUndefined()
    await expect(kubernetes.apply(inside)).rejects.toBeInstanceOf(AppError)
  })
}

function configMap(name: string, value: string, labels: Record<string, string> = {}): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE, labels }, data: { key: value } }
}
