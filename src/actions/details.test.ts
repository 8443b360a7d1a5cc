import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { createFakeHelm } from '../adapters/helm/fake.ts'
import { createFakeJupyterhub } from '../adapters/jupyterhub/fake.ts'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { createFakeMongodb } from '../adapters/mongodb/fake.ts'
import { createFakeNetwork } from '../adapters/network/fake.ts'
import { createFakeRabbitmq } from '../adapters/rabbitmq/fake.ts'
import { createFakeScripts } from '../adapters/scripts/fake.ts'
import { createFakeTerraform } from '../adapters/terraform/fake.ts'
import { AppError } from '../base/errors.ts'
import { sharedPermissions } from './broker-rights.ts'
import { helmRelease } from './helm-release.ts'
import { helmRollback } from './helm-rollback.ts'
import { jupyterhubServers } from './jupyterhub-servers.ts'
import { jupyterhubUser } from './jupyterhub-user.ts'
import { kubernetesApply } from './kubernetes-apply.ts'
import { mongodbUser } from './mongodb-user.ts'
import { rabbitmqAccess } from './rabbitmq-access.ts'
import { runScript } from './run-script.ts'
import { terraformApply } from './terraform-apply.ts'
import { bound, createTestContext } from './testing.ts'
import { volume } from './volume.ts'
import { waitFor } from './wait-for.ts'

const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'default' }, spec: {} }
const jobRef = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', namespace: 'default' }

describe('helm-release', () => {
  const setUp = (timeoutSeconds = 30) => {
    const helm = createFakeHelm()
    const kubernetes = createFakeKubernetes()
    const make = helmRelease({ helm, kubernetes, clock: createFakeClock(), charts: '/charts' })
    return { helm, kubernetes, action: bound(make, { release: 'a', namespace: 'n', chart: 'c', timeoutSeconds }) }
  }

  test('a removal says which pods it waits for, and until when', async () => {
    const { helm, kubernetes } = setUp()
    const gone = Promise.withResolvers<void>()
    const slow = { ...helm, uninstall: async () => await gone.promise.then(() => true) }
    const make = helmRelease({ helm: slow, kubernetes, clock: createFakeClock(), charts: '/charts' })
    const action = bound(make, { release: 'a', namespace: 'default', chart: 'c' })
    await action.ensure()
    const labels = { app: 'worker' }
    const spec = { template: { metadata: { labels } } }
    const workload = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'w', namespace: 'default' }, spec }
    helm.setObjects('a', 'default', [workload])
    const metadata = { name: 'w-1', namespace: 'default', labels, deletionTimestamp: '2030-01-01T10:20:30Z' }
    await kubernetes.apply({ apiVersion: 'v1', kind: 'Pod', metadata })
    const context = createTestContext()
    const removing = action.remove(context)
    const wanted = 'the end of w-1 (killed at 10:20:30 UTC at the latest)'
    await expect.poll(() => context.reasons.at(-1)).toBe(wanted)
    gone.resolve()
    expect(await removing).toMatchObject({ changed: true })
  })

  test('a stuck release is freed and brought to what is wanted', async () => {
    for (const status of ['pending-install', 'pending-upgrade', 'uninstalling'] as const) {
      const { helm, action } = setUp()
      await action.ensure()
      helm.setStatus('a', 'n', status)
      expect(await action.observe()).toMatchObject({ state: 'different' })
      const context = createTestContext()
      expect(await action.ensure(context)).toMatchObject({ changed: true })
      expect(context.lines.join('\n')).toContain(status)
      expect(await action.observe()).toEqual({ state: 'present' })
    }
  })

  test('a failed upgrade is tried again', async () => {
    const { helm, action } = setUp()
    helm.failNextUpgrade(new AppError('unavailable', 'release-failed', 'upgrading a'))
    await expect(action.ensure()).rejects.toMatchObject({ code: 'release-failed' })
    expect(await action.ensure()).toMatchObject({ changed: true })
    expect(await action.ensure()).toMatchObject({ changed: false })
  })

  test('objects lost outside are seen and brought back', async () => {
    const { helm, action } = setUp()
    await action.ensure()
    helm.setObjects('a', 'n', [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'lost', namespace: 'n' } }])
    expect(await action.observe()).toMatchObject({ state: 'different', detail: 'missing: ConfigMap n/lost' })
    expect(await action.ensure()).toMatchObject({ changed: true })
  })

  test('a workload that never gets ready ends with its last reason', async () => {
    const { helm, kubernetes, action } = setUp()
    await action.ensure()
    const reason = '0 of 1 pods ready: image pull back-off: web:1'
    helm.setObjects('a', 'n', [job])
    await kubernetes.apply(job)
    kubernetes.setReadiness(jobRef, { state: 'waiting', reason })
    const context = createTestContext()
    const failing = action.ensure(context)
    await expect(failing).rejects.toMatchObject({ kind: 'unavailable', code: 'not-ready-in-time' })
    await expect(failing).rejects.toThrow(reason)
    expect(context.reasons[0]).toContain(reason)
  })

  test('a container that does not start is given up after three minutes, not after a quarter of an hour', async () => {
    const { helm, kubernetes, action } = setUp(900)
    await action.ensure()
    helm.setObjects('a', 'n', [job])
    await kubernetes.apply(job)
    const reason = 'image pull back-off: web:none'
    kubernetes.setReadiness(jobRef, { state: 'waiting', reason, broken: true })
    const failing = action.ensure()
    await expect(failing).rejects.toMatchObject({ kind: 'unavailable', code: 'gave-up' })
    await expect(failing).rejects.toThrow(/does not start, 18\d s long: image pull back-off: web:none/)
  })
})

describe('helm-rollback', () => {
  const setUp = async () => {
    const helm = createFakeHelm()
    const release = { name: 'a', namespace: 'n', chart: 'web', values: { size: 1 } }
    const { revision } = await helm.upgrade(release)
    const action = bound(helmRollback({ helm, kubernetes: createFakeKubernetes(), clock: createFakeClock() }), {
      release: 'a',
      namespace: 'n',
      revision,
    })
    return { helm, release, action }
  }

  test('a revision that is there is left alone; a later one gives way to it', async () => {
    const { helm, release, action } = await setUp()
    expect(await action.ensure()).toMatchObject({ changed: false })
    await helm.upgrade({ ...release, values: { size: 2 } })
    expect(await action.observe()).toMatchObject({ state: 'different' })
    expect(await action.ensure()).toMatchObject({ changed: true })
    expect(helm.valuesOf('a', 'n')).toEqual({ size: 1 })
    await action.remove()
    expect(helm.valuesOf('a', 'n')).toEqual({ size: 1 })
  })

  test('an upgrade that was cut off is freed first', async () => {
    const { helm, release, action } = await setUp()
    await helm.upgrade({ ...release, values: { size: 2 } })
    helm.setStatus('a', 'n', 'pending-upgrade')
    expect(await action.ensure()).toMatchObject({ changed: true })
    expect(helm.valuesOf('a', 'n')).toEqual({ size: 1 })
  })

  test('where nothing runs there is nothing to go back to', async () => {
    const { helm, action } = await setUp()
    await helm.uninstall('a', 'n')
    expect(await action.observe()).toMatchObject({ state: 'absent' })
    await expect(action.ensure()).rejects.toMatchObject({ kind: 'conflict', code: 'release-absent' })
  })
})

describe('terraform-apply', () => {
  const root = mkdtemp(join(tmpdir(), 'cloudmgr-actions-'))
  afterAll(async () => await rm(await root, { recursive: true, force: true }))
  const files = (names: readonly string[]) => ({
    'main.tf.json': {
      resource: { terraform_data: Object.fromEntries(names.map((name) => [name, {}])) },
      output: { a: { value: 1 }, b: { value: 2 } },
    },
  })

  test('a step that may not delete stops before anything was done', async () => {
    const terraform = createFakeTerraform()
    const make = terraformApply({ terraform })
    await bound(make, { root: await root, files: files(['keep', 'go']) }).ensure()
    const refusing = bound(make, { root: await root, files: files(['keep']), deletes: 'refuse' })
    await expect(refusing.ensure()).rejects.toMatchObject({ kind: 'conflict', code: 'terraform-would-delete' })
    expect(await terraform.resources(await root)).toHaveLength(2)
    await bound(make, { root: await root, files: files(['keep']), deletes: ['terraform_data.go'] }).ensure()
    expect(await terraform.resources(await root)).toEqual(['terraform_data.keep'])
  })

  test('what was never finished may be made anew by a step that may not delete', async () => {
    const terraform = createFakeTerraform()
    const preview: typeof terraform.preview = async (folder, options) => ({
      ...(await terraform.preview(folder, options)),
      replaces: ['hcloud_server.one'],
      unfinished: ['hcloud_server.one'],
    })
    const make = terraformApply({ terraform: { ...terraform, preview } })
    const wanted = { root: join(await root, 'unfinished'), files: files(['one']), deletes: 'refuse' as const }
    expect(await bound(make, wanted).ensure()).toMatchObject({ changed: true })
  })

  test('what was lost outside is seen and made again, and outputs are picked by name', async () => {
    const terraform = createFakeTerraform()
    const action = bound(terraformApply({ terraform }), {
      root: await root,
      files: files(['one', 'two']),
      outputs: ['b'],
    })
    expect(await action.ensure()).toMatchObject({ outputs: { b: 2 } })
    terraform.lose(await root, 'terraform_data.one')
    expect(await action.observe()).toMatchObject({ state: 'different' })
    expect(await action.ensure()).toMatchObject({ changed: true })
    expect(await action.observe()).toEqual({ state: 'present' })
  })

  test('an output that a changed module does not give is told by name', async () => {
    const wanted = { root: await root, files: files(['one']), outputs: ['b', 'kubeconfig'] }
    const action = bound(terraformApply({ terraform: createFakeTerraform() }), wanted)
    await expect(action.ensure()).rejects.toMatchObject({
      code: 'terraform-output-missing',
      message: expect.stringContaining('gave no output kubeconfig, which later steps need'),
    })
  })

  test('a failed apply continues with the next', async () => {
    const terraform = createFakeTerraform()
    const action = bound(terraformApply({ terraform }), { root: await root, files: files(['one']) })
    terraform.failNextApply(new AppError('unavailable', 'terraform-failed', 'applying'))
    await expect(action.ensure()).rejects.toMatchObject({ code: 'terraform-failed' })
    expect(await action.ensure()).toMatchObject({ changed: true })
  })
})

describe('kubernetes-apply', () => {
  const clock = createFakeClock()

  test('a failed Job is started anew', async () => {
    const kubernetes = createFakeKubernetes()
    const action = bound(kubernetesApply({ kubernetes, clock, manifests: '/none' }), { manifests: [job] })
    await action.ensure()
    kubernetes.setReadiness(jobRef, { state: 'failed', reason: 'gave up' })
    expect(await action.ensure()).toMatchObject({ changed: true })
  })

  test('waiting ends at once when a Job gave up, with its log', async () => {
    const kubernetes = createFakeKubernetes()
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default', labels: { 'batch.kubernetes.io/job-name': 'j' } },
    }
    await kubernetes.apply(pod)
    kubernetes.setLogs({ namespace: 'default', name: 'p' }, 'no such table\n')
    kubernetes.setReadiness(jobRef, { state: 'failed', reason: 'gave up' })
    const context = createTestContext()
    const action = bound(kubernetesApply({ kubernetes, clock, manifests: '/none' }), {
      manifests: [job],
      wait: 'complete',
    })
    await expect(action.ensure(context)).rejects.toMatchObject({ code: 'gave-up' })
    expect(context.lines).toContain('p: no such table')
  })

  test('wrong inputs are refused with what would be right', () => {
    const { input } = kubernetesApply({ kubernetes: createFakeKubernetes(), clock, manifests: '/none' })
    for (const wrong of [
      {},
      { file: '../x.yml' },
      { file: '/etc/x.yml' },
      { manifests: [{ kind: 'A' }] },
      { file: 'a.yml', manifests: [] },
    ]) {
      expect(input.safeParse(wrong).success).toBe(false)
    }
  })
})

describe('accounts', () => {
  test('another password, other rights or another rule is different, and is mended', async () => {
    const rabbitmq = createFakeRabbitmq()
    const action = bound(rabbitmqAccess({ rabbitmq }), {
      vhost: 'v',
      user: 'u',
      password: 'long-enough',
      account: 'alice',
    })
    await action.ensure()
    const spoilings = [
      () => rabbitmq.ensureUser('u', 'another-one'),
      () => rabbitmq.ensurePermissions('v', 'u', { configure: '.*', write: '.*', read: '.*' }),
      () => rabbitmq.deletePolicy('v', 'cloudmgr-forward'),
    ]
    for (const spoil of spoilings) {
      await spoil()
      expect(await action.observe()).toMatchObject({ state: 'different' })
      await action.ensure()
      expect(await action.observe()).toEqual({ state: 'present' })
    }
    expect(await rabbitmq.findPermissions('v', 'u')).toEqual(sharedPermissions('alice'))
  })

  test("removal takes an account's queue along and leaves the shared vhost with the others", async () => {
    const rabbitmq = createFakeRabbitmq()
    const alice = bound(rabbitmqAccess({ rabbitmq }), {
      vhost: 'v',
      user: 'ua',
      password: 'long-enough',
      account: 'alice',
    })
    const bob = bound(rabbitmqAccess({ rabbitmq }), { vhost: 'v', user: 'ub', password: 'long-enough', account: 'bob' })
    await alice.ensure()
    await bob.ensure()
    await rabbitmq.ensureQueue('v', 'q-alice')
    await rabbitmq.deleteUser('ua')
    expect(await alice.observe()).toMatchObject({ state: 'different' })
    await alice.remove()
    expect(await rabbitmq.listQueues('v')).toEqual(['default'])
    expect(await bob.observe()).toEqual({ state: 'present' })
  })

  test('a rotated MongoDB password is mended, and removal drops only owned databases', async () => {
    const mongodb = createFakeMongodb()
    const make = mongodbUser({ mongodb })
    const user = { user: 'uA', databases: ['dA', 'dGroup'], owned: ['dA'] }
    await bound(make, { ...user, password: 'first-word' }).ensure()
    const rotated = bound(make, { ...user, password: 'second-word' })
    expect(await rotated.observe()).toMatchObject({ state: 'different' })
    expect(await rotated.ensure()).toMatchObject({ changed: true })
    await rotated.remove()
    expect(mongodb.dropped).toEqual(['dA'])
    expect(make.input.safeParse({ ...user, databases: ['admin'], password: 'long-enough' }).success).toBe(false)
  })

  test("a user's notebook server is stopped before the user goes", async () => {
    const jupyterhub = createFakeJupyterhub()
    const action = bound(jupyterhubUser({ jupyterhub, clock: createFakeClock() }), { user: 'alice' })
    await action.ensure()
    await jupyterhub.startServer('alice')
    expect(await action.remove()).toMatchObject({ changed: true })
    expect(await action.observe()).toEqual({ state: 'absent' })
  })
})

describe('wait-for', () => {
  const setUp = () => {
    const [kubernetes, network, clock] = [createFakeKubernetes(), createFakeNetwork(), createFakeClock()]
    return { kubernetes, network, make: waitFor({ kubernetes, network, clock }) }
  }

  test('each kind of condition ends when it holds', async () => {
    const { kubernetes, make } = setUp()
    await kubernetes.apply(job)
    const inputs = [
      { job: { name: 'j', namespace: 'default' } },
      { workload: { kind: 'Namespace', name: 'default' } },
      { http: { url: 'http://a/' } },
      { tcp: { host: 'a', port: 1 } },
    ]
    kubernetes.setReadiness(
      { apiVersion: 'v1', kind: 'Namespace', name: 'default' },
      { state: 'ready', reason: 'active' },
    )
    for (const one of inputs) expect(await bound(make, one).ensure()).toMatchObject({ changed: false })
  })

  test('of a pod that no node takes it says what it lacks; the scheduler’s words where nodes can’t be looked at', async () => {
    const { kubernetes, make } = setUp()
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace: 'default' } }
    const unscheduled = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'd-1', namespace: 'default' },
      spec: { containers: [], nodeSelector: { 'omegaml.io/pool': 'gpu' } },
      status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] },
    }
    const reason = '0 of 1 pods ready: no node takes it: 0/3 nodes'
    kubernetes.setReadiness(
      { ...deployment, name: 'd', namespace: 'default' },
      { state: 'waiting', reason, unscheduled },
    )
    const wanted = { workload: { kind: 'Deployment', name: 'd', namespace: 'default' }, timeoutSeconds: 1 }
    const context = createTestContext()
    await expect(bound(make, wanted).ensure(context)).rejects.toThrow('0 of 1 pods ready: pool gpu has no node')
    expect(context.reasons[0]).toContain('pool gpu has no node')
    const blind = waitFor({
      kubernetes: {
        ...kubernetes,
        list: async () => {
          throw new AppError('forbidden', 'kubernetes-forbidden', 'no')
        },
      },
      network: createFakeNetwork(),
      clock: createFakeClock(),
    })
    await expect(bound(blind, wanted).ensure()).rejects.toThrow(reason)
  })

  test('each kind of condition says why it does not hold, and ends with the last reason', async () => {
    const { network, make } = setUp()
    network.setStatus('http://a/', 503)
    network.setStatus('http://b/', undefined)
    network.setOpen('a', 1, false)
    const inputs = [
      { input: { http: { url: 'http://a/' } }, reason: /status 503/ },
      { input: { http: { url: 'http://b/' } }, reason: /asking http:\/\/b/ },
      { input: { tcp: { host: 'a', port: 1 } }, reason: /connecting to a:1/ },
      { input: { job: { name: 'none', namespace: 'default' } }, reason: /does not exist yet/ },
    ]
    for (const { input, reason } of inputs) {
      const context = createTestContext()
      const failing = bound(make, { ...input, timeoutSeconds: 5 }).ensure(context)
      await expect(failing).rejects.toMatchObject({ kind: 'unavailable', code: 'not-ready-in-time' })
      await expect(failing).rejects.toThrow(reason)
      expect(context.reasons[0]).toMatch(reason)
    }
  })

  test('an abort ends the waiting', async () => {
    const { make } = setUp()
    const abort = new AbortController()
    abort.abort(new Error('stopped'))
    await expect(bound(make, { tcp: { host: 'a', port: 1 } }).ensure(createTestContext(abort.signal))).rejects.toThrow(
      'stopped',
    )
  })

  test('no condition, or two, is refused', () => {
    const { make } = setUp()
    expect(make.input.safeParse({}).success).toBe(false)
    expect(make.input.safeParse({ tcp: { host: 'a', port: 1 }, http: { url: 'http://a/' } }).success).toBe(false)
    expect(make.input.safeParse({ http: { url: 'file:///etc' } }).success).toBe(false)
  })
})

describe('run-script', () => {
  const cases = [
    {
      code: 75,
      error: { kind: 'unavailable', code: 'script-busy' },
      why: 'a script that asks for a later try gets one',
    },
    { code: 1, error: { kind: 'conflict', code: 'script-failed' }, why: 'any other code fails the step' },
  ]
  for (const { code, error, why } of cases) {
    test(why, async () => {
      const action = bound(runScript({ scripts: createFakeScripts({ one: () => code }) }), { script: 'one' })
      await expect(action.ensure()).rejects.toMatchObject(error)
    })
  }

  test('paths and removals that nobody can check are refused', () => {
    const { input } = runScript({ scripts: createFakeScripts({}) })
    expect(input.safeParse({ script: '../a.sh' }).success).toBe(false)
    expect(input.safeParse({ script: 'a.sh', remove: { script: 'b.sh' } }).success).toBe(false)
  })
})

describe('volume', () => {
  const wanted = { account: 'alice', namespace: 'default', name: 'data', sizeGb: 5 }
  const unused = {
    terraform: createFakeTerraform(),
    states: { credentialFor: () => ({ env: {}, refused: () => undefined, end: () => {} }) },
  }
  const partsOf = (kubernetes: Kubernetes) => ({ kubernetes, ...unused, folder: '/nowhere', modules: '/nowhere' })

  test('whoever still mounts it is named while its removal waits', async () => {
    const kubernetes = createFakeKubernetes()
    const mounted = { volumes: [{ name: 'x', persistentVolumeClaim: { claimName: 'data' } }] }
    const pod = (name: string, spec: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec,
    })
    await kubernetes.apply(pod('jupyter-alice', mounted))
    await kubernetes.apply(pod('other', { volumes: [] }))
    const action = bound(volume(partsOf(kubernetes)), wanted)
    await action.ensure()
    const context = createTestContext()
    await action.remove(context)
    expect(context.reasons).toEqual(['its data goes when nobody mounts it any more: jupyter-alice does'])
  })

  test('claims that name no class get the site’s; one that was made with another keeps it', async () => {
    const kubernetes = createFakeKubernetes()
    const named = { ...wanted, name: 'named', class: 'slow' }
    const classOf = async (name: string) => {
      const found = await kubernetes.find({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name,
        namespace: 'default',
      })
      return (found?.['spec'] as { storageClassName?: string } | undefined)?.storageClassName
    }
    await bound(volume(partsOf(kubernetes)), { ...wanted, name: 'before' }).ensure()
    const parts = { ...partsOf(kubernetes), usualClass: 'fast' }
    for (const one of [{ ...wanted, name: 'before' }, { ...wanted, name: 'new' }, named]) {
      await bound(volume(parts), one).ensure()
      expect(await bound(volume(parts), one).observe()).toMatchObject({ state: 'present' })
    }
    expect([await classOf('before'), await classOf('new'), await classOf('named')]).toEqual([undefined, 'fast', 'slow'])
  })

  test('a smaller size and a class that the cloud does not have are refused before anything is touched', async () => {
    const kubernetes = createFakeKubernetes()
    await bound(volume(partsOf(kubernetes)), wanted).ensure()
    const smaller = bound(volume(partsOf(kubernetes)), { ...wanted, sizeGb: 4 })
    await expect(smaller.ensure()).rejects.toMatchObject({
      code: 'volume-shrinks',
      details: { field: 'size', value: 4 },
    })
    const provider = {
      provider: { provider: 'local', title: 'This computer', nodeTypes: {}, volumes: { class: 'ordered' } },
      site: { cluster: 'omega', endpoint: 'https://10.0.0.1:7443', ca: 'CA' },
      env: {},
    }
    const classy = bound(volume({ ...partsOf(kubernetes), provider }), { ...wanted, name: 'other', class: 'ssd' })
    await expect(classy.ensure()).rejects.toMatchObject({ code: 'storage-class-unknown', details: { field: 'class' } })
  })
})

describe('jupyterhub-servers', () => {
  test('stops what runs, once, and leaves nothing to remove', async () => {
    const jupyterhub = createFakeJupyterhub()
    await jupyterhub.ensureUser('alice')
    await jupyterhub.startServer('alice')
    const action = (running: boolean) =>
      bound(jupyterhubServers({ jupyterhub, clock: createFakeClock() }), { user: 'alice', running })
    expect(await action(true).ensure()).toMatchObject({ changed: false })
    expect(await action(false).observe()).toMatchObject({ state: 'different' })
    expect(await action(false).ensure()).toMatchObject({ changed: true })
    expect(await action(false).ensure()).toMatchObject({ changed: false })
    expect(await action(false).observe()).toMatchObject({ state: 'present' })
    expect(await action(true).observe()).toMatchObject({ state: 'absent' })
  })
})
