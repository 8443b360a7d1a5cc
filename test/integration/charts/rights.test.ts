import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { parse } from 'yaml'
import { helmRelease } from '../../../src/actions/helm-release.ts'
import { kubernetesApply } from '../../../src/actions/kubernetes-apply.ts'
import { pullSecrets } from '../../../src/actions/pull-secrets.ts'
import { registrySecret } from '../../../src/actions/registry-secret.ts'
import { bound } from '../../../src/actions/testing.ts'
import { createHelmCli } from '../../../src/adapters/helm/cli.ts'
import { createKubernetes } from '../../../src/adapters/kubernetes/api.ts'
import type { Kubernetes, Manifest as KubernetesManifest } from '../../../src/adapters/kubernetes/port.ts'
import { testSite } from '../../../src/api/testing.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { findInKubernetes } from '../../../src/books/found-kubernetes.ts'
import type { TestCluster } from '../../support/kube-apiserver.ts'
import { startCluster } from '../../support/kube-apiserver.ts'
import { needProgram } from '../../support/programs.ts'
import type { Manifest } from './helm.ts'
import { chartFolder, chartNames, helm, render, servicesNamespace } from './helm.ts'
import { kubectlFor } from './kubectl.ts'

/** Who has which rights in the cluster: `group/resource (names): verbs`, and what needs them. Nothing else is allowed. */
const expected: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cloudmgr: {
    'namespaces: get, list, create, patch, delete':
      'accounts’ namespaces, made, compared, listed by the books, removed',
    'resourcequotas: get, list, create, patch, delete': 'account/namespace.yml, and orphans of it',
    'limitranges: get, list, create, patch, delete': 'account/namespace.yml, and orphans of it',
    'persistentvolumeclaims: get, list, create, patch, delete': 'action volume',
    'secrets: get, list, watch, create, update, patch, delete':
      'credentials of workers, databases and registries; Helm keeps its releases there, and updates them',
    'services: get, list, watch, create, patch, delete':
      'chart omegaml-storage, of own databases; Helm waits by watching',
    'serviceaccounts (default): get, patch': 'action pull-secrets',
    'persistentvolumes: get, list, create, patch, delete': 'action volume, where the cloud is asked for volumes',
    'pods: list, watch': 'why workloads are not ready, which still end; Helm waits by watching',
    'networking.k8s.io/networkpolicies: get, list, watch, create, patch, delete':
      'account/namespace.yml, and the charts',
    'rbac.authorization.k8s.io/rolebindings: get, list, create, patch':
      'account/namespace.yml lets the API see the pods',
    'rbac.authorization.k8s.io/clusterroles (omegaml-services-account-status): bind': 'the one role that it may bind',
    'nodes: list': 'the books name nodes of pools that nobody has; why a pod waits; networks of nodes',
    'events: list': 'why a pod waits, where an autoscaler makes nodes',
    'metrics.k8s.io/nodes: list': 'what nodes use',
    'metrics.k8s.io/pods: list': 'what pods use',
    'apps/deployments: get, list, watch, create, patch, delete': 'chart omegaml-worker; runtimes that sleep and grow',
    'apps/statefulsets: get, list, watch, create, patch, delete': 'chart omegaml-storage, of own databases',
    'apps/replicasets: list, watch': 'Helm looks through them at the pods of a Deployment',
    'autoscaling/horizontalpodautoscalers: get, list, watch, create, patch, delete': 'chart omegaml-worker',
    'policy/poddisruptionbudgets: get, list, watch, create, patch, delete': 'chart omegaml-worker',
  },
  'cloudmgr, in the services’ namespace': {
    'serviceaccounts/token (node-stats): create': 'the token that kubelets are shown is not its own',
  },
  'node-stats': { 'nodes/stats: get': 'kubelets tell how full their disks are, and no more' },
  omegaweb: { 'nodes: list': 'nodes are shown to everybody who signs in' },
  jupyterhub: {
    'pods: list, watch, create, delete': 'KubeSpawner starts and ends servers, and watches all of them',
    'secrets: create, update, delete': 'the keys of a server (cloudmgr_hub/spawner.py)',
    'events: list, watch': 'KubeSpawner shows the progress of a start',
  },
  'nobody, bound in accounts’ namespaces one by one': {
    'pods: get, list': 'the API shows an account its pods',
    'pods/log: get': 'and their logs',
  },
}

/** The rights of a rule, one line for each resource. */
function linesOf(rule: Manifest): string[] {
  const names = rule.resourceNames === undefined ? '' : ` (${rule.resourceNames.join(', ')})`
  return rule.apiGroups.flatMap((group: string) =>
    rule.resources.map(
      (resource: string) => `${group === '' ? '' : `${group}/`}${resource}${names}: ${rule.verbs.join(', ')}`,
    ),
  )
}

test('the charts give these rights and no others', async () => {
  const all = (await Promise.all(chartNames.map(async (chart) => await render(chart)))).flat()
  const bindings = all.filter(({ kind }) => kind === 'ClusterRoleBinding' || kind === 'RoleBinding')
  const found: Record<string, string[]> = {}
  for (const role of all.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')) {
    const { name, namespace } = role.metadata
    const subjects = bindings
      .filter(({ roleRef, metadata }) => roleRef.name === name && metadata.namespace === namespace)
      .flatMap((one) => one.subjects.map((subject: Manifest) => subject.name))
    assert.ok(subjects.length < 2)
    assert.ok(namespace === undefined || namespace === servicesNamespace)
    const where = namespace === undefined ? '' : ', in the services’ namespace'
    const who = subjects.length === 0 ? 'nobody, bound in accounts’ namespaces one by one' : `${subjects[0]}${where}`
    const rights: string[] = role.rules.flatMap(linesOf)
    found[who] = [...(found[who] ?? []), ...rights].sort()
  }
  const wanted = Object.entries(expected).map(([who, rights]) => [who, Object.keys(rights).sort()])
  assert.deepEqual(found, Object.fromEntries(wanted))
})

test('where ordered machines are a cloud’s plain ones, the engine also empties nodes and takes them out', async () => {
  const rules = (await render('omegaml-system', { site: { provider: 'hcloud' } })).flatMap((one) =>
    one.kind === 'ClusterRole' && one.metadata.name.endsWith('-cloudmgr') ? one.rules.flatMap(linesOf) : [],
  )
  const usual = Object.keys(expected['cloudmgr'] ?? {})
  const more = rules.filter((line: string) => !usual.includes(line))
  assert.deepEqual(more, ['nodes: get, patch, delete', 'pods/eviction: create'])
})

test('where a Rancher looks after the cluster, the engine may put namespaces into the site’s project', async () => {
  const site = { provider: 'rancher', rancherProject: 'c-m-abcdefgh:p-12345' }
  const rules = (await render('omegaml-system', { site })).flatMap((one) =>
    one.kind === 'ClusterRole' && one.metadata.name.endsWith('-cloudmgr') ? one.rules.flatMap(linesOf) : [],
  )
  const usual = Object.keys(expected['cloudmgr'] ?? {})
  const more = rules.filter((line: string) => !usual.includes(line))
  assert.deepEqual(more, ['management.cattle.io/projects: updatepsa, manage-namespaces'])
})

test('only those with rights have a token, and none is given by the namespace', async () => {
  const all = (await Promise.all(chartNames.map(async (chart) => await render(chart)))).flat()
  const accounts = all.filter(({ kind }) => kind === 'ServiceAccount')
  const names = accounts.map(({ metadata }) => String(metadata.name)).sort()
  assert.deepEqual(names, ['cloudmgr', 'jupyterhub', 'node-stats', 'omegaweb'])
  for (const one of accounts) assert.equal(one.automountServiceAccountToken, false)
})

describe('with its own rights the engine does all that plans ask of Kubernetes', () => {
  let cluster: TestCluster
  let folder: string
  let kubernetes: Kubernetes
  let kubeconfig: string
  const site = { ...testSite, dnsPeers: [], namespaceAnnotations: {} }

  beforeAll(async () => {
    cluster = await startCluster()
    folder = mkdtempSync(join(tmpdir(), 'cloudmgr-rights-'))
    await helm(
      ['install', 'system', chartFolder('omegaml-system'), '--namespace', servicesNamespace, '--create-namespace'],
      {},
      cluster.kubeconfig,
    )
    const kubectl = kubectlFor(cluster.kubeconfig)
    const token = (await kubectl('create', 'token', 'cloudmgr', '--namespace', servicesNamespace)).trim()
    const given: Manifest = parse(readFileSync(cluster.kubeconfig, 'utf8'))
    kubeconfig = join(folder, 'kubeconfig')
    writeFileSync(kubeconfig, JSON.stringify({ ...given, users: [{ ...given.users[0], user: { token } }] }))
    kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
    const parts = {
      kubernetes,
      clock: systemClock,
      manifests: join(chartFolder('omegaml-system'), '../../catalog/manifests'),
    }
    const values = { namespace: 'om-alice', account: 'alice', site }
    const namespace = bound(kubernetesApply(parts), { file: 'account/namespace.yml', values })
    await namespace.ensure()
    assert.equal((await namespace.observe()).state, 'present')
  })

  afterAll(async () => {
    await cluster?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const releaseOf = (chart: string, values: Record<string, unknown>) => {
    const cli = createHelmCli({ program: needProgram('helm'), folder: join(folder, 'helm'), kubeconfig, kubernetes })
    const charts = join(chartFolder('omegaml-system'), '..')
    const action = helmRelease({ helm: cli, kubernetes, clock: systemClock, charts })
    return bound(action, { release: chart, namespace: 'om-alice', chart, values, createNamespace: false })
  }

  const releases: { chart: string; values: Record<string, unknown>; change: Record<string, unknown> }[] = [
    {
      chart: 'omegaml-worker',
      // None: without nodes no worker would ever be ready.
      values: { replicas: 0, podDisruptionBudgets: { enabled: true } },
      change: { replicas: 0, taskTimeoutSeconds: 60 },
    },
    {
      chart: 'omegaml-storage',
      values: { volumes: { mongodb: null, mysql: null, rabbitmq: null }, mongodb: { enabled: true, running: false } },
      change: {
        volumes: { mongodb: null, mysql: null, rabbitmq: null },
        mongodb: { enabled: true, running: false, memoryGb: 2 },
      },
    },
  ]
  for (const { chart, values, change } of releases) {
    test(`${chart}: installed, upgraded, put to sleep, removed`, async () => {
      await releaseOf(chart, values).ensure()
      const changed = releaseOf(chart, change)
      assert.equal((await changed.observe()).state, 'different')
      await changed.ensure()
      assert.equal((await changed.observe()).state, 'present')
      const [workload] = await kubernetes.list(
        {
          apiVersion: 'apps/v1',
          kind: chart === 'omegaml-worker' ? 'Deployment' : 'StatefulSet',
        },
        { namespace: 'om-alice' },
      )
      assert.ok(workload)
      const { apiVersion, kind, metadata } = workload
      await kubernetes.change(
        { apiVersion, kind, name: metadata.name, namespace: 'om-alice' },
        { spec: { replicas: 0 } },
      )
      await changed.remove()
      assert.equal((await changed.observe()).state, 'absent')
    }, 120_000)
  }

  test('claims, the volumes before them, and growth by load', async () => {
    const metadata = { name: 'data', namespace: 'om-alice' }
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'x' }
    const objects: KubernetesManifest[] = [
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } },
      },
      {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'worker', namespace: 'om-alice' },
        spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'worker' }, maxReplicas: 2 },
      },
    ]
    for (const object of objects) {
      assert.equal(await kubernetes.apply(object), 'created')
      const { name, namespace } = object.metadata
      assert.equal(await kubernetes.delete({ ...object, name, namespace }), true)
    }
  })

  test('registry credentials: an account’s own, and the site’s, which its pods then pull with', async () => {
    const admin = cluster.kubernetes
    const data = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') }
    const type = 'kubernetes.io/dockerconfigjson'
    const metadata = { name: 'pull', namespace: servicesNamespace }
    await admin.apply({ apiVersion: 'v1', kind: 'Secret', metadata, type, data })
    const site = bound(pullSecrets({ kubernetes, clock: systemClock }), {
      namespace: 'om-alice',
      from: servicesNamespace,
      names: ['pull'],
    })
    assert.equal((await site.observe()).state, 'absent')
    await site.ensure()
    assert.equal((await site.observe()).state, 'present')
    assert.equal((await site.ensure()).changed, false)
    const pod = await admin.apply(podOf('notebook')).then(() => admin.find({ ...podRef, name: 'notebook' }))
    assert.ok(pod)
    assert.deepEqual((pod['spec'] as Manifest).imagePullSecrets, [{ name: 'pull' }])
    const own = bound(registrySecret({ kubernetes }), {
      namespace: 'om-alice',
      name: 'registry-mine',
      server: 'ghcr.io',
      username: 'a',
      password: 'b',
    })
    await own.ensure()
    await own.remove()
    await site.remove()
    assert.equal((await site.observe()).state, 'absent')
  })

  test('a pull secret that the site names but does not have is named', async () => {
    const action = pullSecrets({ kubernetes, clock: systemClock })
    const missing = bound(action, { namespace: 'om-alice', from: servicesNamespace, names: ['nowhere'] })
    await assert.rejects(missing.ensure(), /Secret omegaml-services\/nowhere: it does not exist/)
  })

  test('the books see everything there is', async () => {
    const found = await findInKubernetes({ kubernetes })
    assert.ok(found.some(({ kind, name }) => kind === 'v1/Namespace' && name === 'om-alice'))
    for (const kind of ['v1/ResourceQuota', 'v1/LimitRange', 'networking.k8s.io/v1/NetworkPolicy'])
      assert.ok(
        found.some((one) => one.kind === kind),
        kind,
      )
  })

  test('a site whose services are elsewhere opens its accounts’ namespaces for them alone', async () => {
    const parts = {
      kubernetes,
      clock: systemClock,
      manifests: join(chartFolder('omegaml-system'), '../../catalog/manifests'),
    }
    const egress = [{ to: [{ ipBlock: { cidr: '10.9.0.5/32' } }], ports: [{ protocol: 'TCP', port: 27018 }] }]
    const values = { namespace: 'om-alice', elsewhere: { ingress: [], egress } }
    const action = bound(kubernetesApply(parts), { file: 'account/elsewhere.yml', values })
    await action.ensure()
    assert.equal((await action.observe()).state, 'present')
  })

  test('of other service accounts than the one for kubelets it gets no token, and that one may do nothing else', async () => {
    const { token } = await kubernetes.serviceToken({ namespace: servicesNamespace, name: 'node-stats' })
    const foreign = [
      { namespace: servicesNamespace, name: 'jupyterhub' },
      { namespace: 'om-alice', name: 'default' },
    ]
    for (const account of foreign) await assert.rejects(kubernetes.serviceToken(account), { kind: 'forbidden' })
    const given: Manifest = parse(readFileSync(cluster.kubeconfig, 'utf8'))
    const file = JSON.stringify({ ...given, users: [{ ...given.users[0], user: { token } }] })
    const asNode = createKubernetes({ kubeconfig: file })
    const may = async (verb: string, resource: string) => await asNode.isAllowed({ verb, group: '', resource })
    assert.equal(await may('get', 'nodes/stats'), true)
    for (const [verb, resource] of [
      ['get', 'nodes/proxy'],
      ['create', 'nodes/proxy'],
      ['create', 'nodes/stats'],
      ['get', 'nodes/log'],
      ['get', 'nodes/metrics'],
      ['get', 'nodes/pods'],
      ['list', 'nodes'],
      ['list', 'secrets'],
      ['create', 'serviceaccounts/token'],
    ] as const)
      assert.equal(await may(verb, resource), false, `${verb} ${resource}`)
  })

  test('what it has no right to is refused', async () => {
    await assert.rejects(kubernetes.list({ apiVersion: 'v1', kind: 'ConfigMap' }), { kind: 'forbidden' })
    await assert.rejects(kubernetes.apply(podOf('mine')), { kind: 'forbidden' })
  })

  test('the account’s namespace goes with all of it', async () => {
    assert.equal(await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' }), true)
  })
})

const podRef = { apiVersion: 'v1', kind: 'Pod', namespace: 'om-alice' }

function podOf(name: string): KubernetesManifest {
  const securityContext = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const spec = { containers: [{ name: 'a', image: 'private.example.com/a:1', securityContext }] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'om-alice' }, spec }
}
