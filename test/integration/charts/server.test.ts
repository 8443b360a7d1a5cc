import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { parse } from 'yaml'
import { kubernetesApply } from '../../../src/actions/kubernetes-apply.ts'
import { bound } from '../../../src/actions/testing.ts'
import { createKubernetes } from '../../../src/adapters/kubernetes/api.ts'
import { testSite } from '../../../src/api/testing.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { TestCluster } from '../../support/kube-apiserver.ts'
import { startCluster } from '../../support/kube-apiserver.ts'
import { gatewayCrds } from './gateway-crds.ts'
import type { ChartName, Manifest, Values } from './helm.ts'
import { chartFolder, chartNames, helm, namespaceOf, renderText, runtimeNamespace, servicesNamespace } from './helm.ts'
import type { Kubectl } from './kubectl.ts'
import { dryRun, get, kubectlFor } from './kubectl.ts'
import { profiles } from './profiles.ts'

let cluster: TestCluster
let kubectl: Kubectl

beforeAll(async () => {
  cluster = await startCluster()
  kubectl = kubectlFor(cluster.kubeconfig)
  for (const crd of gatewayCrds) await cluster.kubernetes.apply(crd)
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s')
  for (const namespace of [servicesNamespace, runtimeNamespace]) {
    await kubectl('create', 'namespace', namespace)
    // Every pod of ours must pass the strictest of Kubernetes' standards, or it does not come to be.
    await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted')
  }
})

afterAll(async () => {
  await cluster?.stop()
})

function release(word: 'install' | 'upgrade', chart: ChartName, values: Values = {}): Promise<string> {
  const name = chart.replace('omegaml-', '')
  return helm([word, name, chartFolder(chart), '--namespace', namespaceOf(chart)], values, cluster.kubeconfig)
}

function uninstall(chart: ChartName): Promise<string> {
  const name = chart.replace('omegaml-', '')
  return helm(['uninstall', name, '--namespace', namespaceOf(chart)], {}, cluster.kubeconfig)
}

describe('the API server accepts every manifest, strictly', () => {
  const ways: { chart: ChartName; values: Values; why: string }[] = [
    ...Object.entries(profiles).flatMap(([why, valuesOf]) =>
      chartNames.map((chart) => ({ chart, values: valuesOf[chart], why })),
    ),
    { chart: 'omegaml-ingress', values: { ingress: { kind: 'ingress', className: 'x' } }, why: 'Ingress objects' },
    { chart: 'omegaml-ingress', values: { ingress: { kind: 'gateway', className: 'x' } }, why: 'a Gateway' },
    {
      chart: 'omegaml-ingress',
      values: { ingress: { kind: 'gateway', className: 'x', tlsRoute: true }, tls: { secretName: 'site-tls' } },
      why: 'a Gateway that passes TLS through',
    },
    {
      chart: 'omegaml-ingress',
      values: {
        ingress: { kind: 'gateway', gatewayName: 'shared', gatewayNamespace: 'infra', tlsRoute: true },
        tls: { secretName: 'site-tls' },
      },
      why: 'routes of a Gateway that exists',
    },
    {
      chart: 'omegaml-ingress',
      values: {
        ingress: { kind: 'ingress', className: 'x', annotations: { 'cert-manager.io/cluster-issuer': 'a' } },
        tls: { secretName: 'site-tls' },
        service: { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      },
      why: 'Ingress objects with a certificate, TCP by a load balancer',
    },
    {
      chart: 'omegaml-system',
      values: {
        caConfigMap: 'ca',
        imagePullSecrets: ['pull'],
        mongodb: { enabled: false, external: { host: 'db.example.com', tls: true, cidrs: ['10.9.0.5/32'] } },
        mysql: { enabled: false, external: { host: 'sql.example.com', tls: true, adminSecret: 'dba' } },
        rabbitmq: { enabled: false, external: { host: 'mq.example.com', managementUrl: 'https://mq.example.com' } },
        jupyterhub: { enabled: false, external: { apiUrl: 'https://hub.example.com', namespace: 'hub' } },
      },
      why: 'services that are elsewhere',
    },
    {
      chart: 'omegaml-system',
      values: { mongodb: { storage: { claim: 'data-of-old' } }, rabbitmq: { storage: { mode: 'template' } } },
      why: 'claims that exist',
    },
    {
      chart: 'omegaml-storage',
      values: {
        path: { kind: 'hostPath', folder: '/srv/data', nodeSelector: { 'kubernetes.io/hostname': 'node-1' } },
        volumes: { mysql: { mode: 'existingClaim', claim: 'data-of-old' }, rabbitmq: null },
      },
      why: 'folders of one node, a claim that exists, a volume left out',
    },
    {
      chart: 'omegaml-storage',
      values: {
        orderedClass: 'ordered',
        volumes: { mongodb: null, mysql: null, rabbitmq: null },
        mongodb: { enabled: true, claim: 'database-docs', adminSecret: 'database-docs', memoryGb: 3 },
      },
      why: 'a database server of an account’s own',
    },
    {
      chart: 'omegaml-storage',
      values: {
        volumes: {
          mongodb: { mode: 'storageClass', size: '1Gi', storageClass: 'fast' },
          mysql: { mode: 'nfs', size: '1Gi', nfs: { server: '10.0.0.5', path: '/exports/mysql', options: ['ro'] } },
          shared: { mode: 'path', size: '1Gi', accessMode: 'ReadWriteMany', namespace: runtimeNamespace },
        },
      },
      why: 'volumes of every mode',
    },
    {
      chart: 'omegaml-system',
      values: {
        mongodb: { storage: { mode: 'template', class: 'fast' }, tolerations: [{ key: 'db', operator: 'Exists' }] },
        mysql: { storage: { mode: 'none' } },
        networkPolicies: { extraIngressPeers: [{ ipBlock: { cidr: '10.1.0.0/16' } }] },
        imagePullSecrets: ['registry'],
      },
      why: 'storage of every mode',
    },
    {
      chart: 'omegaml-worker',
      values: {
        shared: false,
        caConfigMap: 'ca',
        volumes: [{ name: 'pylib', claim: 'pylib', mountPath: '/app/pylib' }],
        networkPolicies: { extraEgress: [{ to: [{ ipBlock: { cidr: '10.9.0.0/24' } }] }] },
      },
      why: 'an own runtime',
    },
  ]
  for (const { chart, values, why } of ways) {
    test(`${chart}: ${why}`, async () => {
      await dryRun(kubectl, await renderText(chart, values))
    })
  }

  test('a field that does not exist would be noticed', async () => {
    const wrong = (await renderText('omegaml-worker')).replace(
      'terminationGracePeriodSeconds',
      'terminationGraceSeconds',
    )
    await assert.rejects(dryRun(kubectl, wrong), /unknown field/)
  })

  test('one of a Gateway, too', async () => {
    const values = { ingress: { kind: 'gateway', className: 'x' } }
    const wrong = (await renderText('omegaml-ingress', values)).replace('gatewayClassName', 'gatewayClass')
    await assert.rejects(dryRun(kubectl, wrong), /gatewayClass/)
  })
})

describe('storage', () => {
  const bound = async () => {
    for (const name of ['mongodb', 'mysql', 'rabbitmq']) {
      const condition = '--for=jsonpath={.status.phase}=Bound'
      await kubectl('wait', condition, `pvc/${name}`, '--namespace', servicesNamespace, '--timeout=60s')
    }
  }

  test('claims bind their volumes, and volumes made anew for the same folders bind again', async () => {
    await release('install', 'omegaml-storage')
    await bound()
    await uninstall('omegaml-storage')
    await kubectl('wait', '--for=delete', 'pv', '--all', '--timeout=60s')
    await release('install', 'omegaml-storage')
    await bound()
  })

  test('with keep, claims and volumes outlive the release and are taken over by the next', async () => {
    await release('upgrade', 'omegaml-storage', { keep: true })
    const before = await get(kubectl, 'pvc', 'mongodb', '--namespace', servicesNamespace)
    await uninstall('omegaml-storage')
    await release('install', 'omegaml-storage', { keep: true })
    const after = await get(kubectl, 'pvc', 'mongodb', '--namespace', servicesNamespace)
    assert.equal(after.metadata.uid, before.metadata.uid)
    assert.equal(after.status.phase, 'Bound')
  })

  test('a claim that exists is taken as it is', async () => {
    const values = { keep: true, volumes: { models: { mode: 'existingClaim', claim: 'mysql' } } }
    const before = await get(kubectl, 'pvc', 'mysql', '--namespace', servicesNamespace)
    await release('upgrade', 'omegaml-storage', values)
    const after = await get(kubectl, 'pvc', 'mysql', '--namespace', servicesNamespace)
    assert.equal(after.metadata.uid, before.metadata.uid)
    await release('upgrade', 'omegaml-storage', { keep: true })
  })

  test('a claim that should exist but does not is named', async () => {
    const values = { keep: true, volumes: { models: { mode: 'existingClaim', claim: 'models-of-alice' } } }
    await assert.rejects(
      release('upgrade', 'omegaml-storage', values),
      /volumes\.models: claim "models-of-alice" does not exist/,
    )
  })
})

describe('services', () => {
  const secrets = async () => {
    const list = await get(kubectl, 'secrets', '--namespace', servicesNamespace)
    const ours = list.items.filter(({ type }: { type: string }) => type === 'Opaque')
    return Object.fromEntries(
      ours.map(({ metadata, data }: { metadata: { name: string }; data: unknown }) => [metadata.name, data]),
    )
  }
  const generation = async (kind: string, name: string): Promise<number> =>
    (await get(kubectl, kind, name, '--namespace', servicesNamespace)).metadata.generation

  test('installed, every workload gets its pods past Pod Security "restricted"', async () => {
    for (const chart of ['omegaml-system', 'omegaml-ingress', 'omegaml-worker'] as const)
      await release('install', chart)
    for (const owner of [
      'mongodb',
      'mysql',
      'rabbitmq',
      'jupyterhub',
      'jupyterhub-proxy',
      'omegaweb',
      'cloudmgr',
      'cloudmgr-migrate',
      'ingress',
    ]) {
      await podOf(servicesNamespace, owner)
    }
    await podOf(runtimeNamespace, 'runtime-worker')
  })

  test('secrets stay as they are through upgrades, and through removal and a new installation', async () => {
    const first = await secrets()
    assert.deepEqual(Object.keys(first).sort(), [
      'cloudmgr-bootstrap',
      'cloudmgr-engine-keys',
      'cloudmgr-keys',
      'jupyterhub',
      'mongodb-admin',
      'mysql-root',
      'mysql-users',
      'rabbitmq-admin',
      'rabbitmq-users',
    ])
    await release('upgrade', 'omegaml-system', { domain: 'other.example' })
    assert.deepEqual(await secrets(), first)
    await uninstall('omegaml-system')
    assert.deepEqual(await secrets(), first)
    await release('install', 'omegaml-system')
    assert.deepEqual(await secrets(), first)
  })

  test('a key that an older version did not have is added beside the kept ones', async () => {
    const patch = JSON.stringify([{ op: 'remove', path: '/data/proxy-token' }])
    const before = (await secrets())['jupyterhub']
    await kubectl('patch', 'secret', 'jupyterhub', '--namespace', servicesNamespace, '--type=json', '--patch', patch)
    await release('upgrade', 'omegaml-system')
    const after = (await secrets())['jupyterhub']
    assert.ok(after['proxy-token'])
    assert.deepEqual({ ...after, 'proxy-token': '' }, { ...before, 'proxy-token': '' })
  })

  test('a new version of the service leaves the databases alone', async () => {
    const before = [
      await generation('statefulset', 'mongodb'),
      await generation('statefulset', 'mysql'),
      await generation('statefulset', 'rabbitmq'),
    ]
    const web = await generation('deployment', 'omegaweb')
    await release('upgrade', 'omegaml-system', {
      images: { cloudmgr: { repository: 'omegaml/cloudmgr', tag: 'next' } },
    })
    const after = [
      await generation('statefulset', 'mongodb'),
      await generation('statefulset', 'mysql'),
      await generation('statefulset', 'rabbitmq'),
    ]
    assert.deepEqual(after, before)
    assert.ok((await generation('deployment', 'omegaweb')) > web)
  })

  test('a changed configuration of nginx starts new pods, the same one does not', async () => {
    const first = await generation('deployment', 'ingress')
    await release('upgrade', 'omegaml-ingress')
    assert.equal(await generation('deployment', 'ingress'), first)
    await release('upgrade', 'omegaml-ingress', { maxBodySize: '1m' })
    assert.ok((await generation('deployment', 'ingress')) > first)
  })

  test('an account’s namespace, as the engine makes it with its own rights, opens its pods to the API', async () => {
    const engine = createKubernetes({ kubeconfig: await kubeconfigOf('cloudmgr') })
    const manifests = join(import.meta.dirname, '../../../catalog/manifests')
    const values = {
      namespace: 'om-alice',
      account: 'alice',
      site: { ...testSite, dnsPeers: [], namespaceAnnotations: {} },
    }
    const action = kubernetesApply({ kubernetes: engine, clock: systemClock, manifests })
    const namespace = bound(action, { file: 'account/namespace.yml', values })
    await namespace.ensure()
    assert.equal((await namespace.observe()).state, 'present')
    const api = createKubernetes({ kubeconfig: await kubeconfigOf('omegaweb') })
    assert.deepEqual(await api.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'om-alice' }), [])
    await assert.rejects(api.list({ apiVersion: 'v1', kind: 'Pod' }), { kind: 'forbidden' })
    await assert.rejects(api.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: servicesNamespace }), {
      kind: 'forbidden',
    })
    assert.ok(Array.isArray(await api.list({ apiVersion: 'v1', kind: 'Node' })))
    const more = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'more', namespace: 'om-alice' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'ServiceAccount', name: 'cloudmgr', namespace: servicesNamespace }],
    }
    await assert.rejects(engine.apply(more), { kind: 'forbidden' })
  })

  /** Of a service account, with a token as its pod gets one. */
  async function kubeconfigOf(account: string): Promise<string> {
    const token = (await kubectl('create', 'token', account, '--namespace', servicesNamespace)).trim()
    const given: Manifest = parse(await readFile(cluster.kubeconfig, 'utf8'))
    const name = given.contexts[0].name
    return JSON.stringify({
      ...given,
      users: [{ name: account, user: { token } }],
      contexts: [{ name, context: { cluster: given.clusters[0].name, user: account } }],
      'current-context': name,
    })
  }

  const rights: { who: 'cloudmgr' | 'jupyterhub' | 'omegaweb'; may: boolean; words: string[]; why: string }[] = [
    { who: 'cloudmgr', may: true, words: ['create', 'namespaces'], why: 'the engine makes accounts’ namespaces' },
    { who: 'cloudmgr', may: true, words: ['patch', 'networkpolicies', '--namespace=om-alice'], why: 'and closes them' },
    { who: 'cloudmgr', may: false, words: ['create', 'clusterrolebindings'], why: 'it can’t give itself more' },
    {
      who: 'cloudmgr',
      may: false,
      words: ['create', 'pods', '--namespace=kube-system'],
      why: 'it starts nothing itself',
    },
    { who: 'cloudmgr', may: false, words: ['get', 'nodes'], why: 'nodes are the operator’s' },
    { who: 'cloudmgr', may: true, words: ['list', 'nodes'], why: 'it names those that nobody has' },
    { who: 'cloudmgr', may: false, words: ['delete', 'nodes'], why: 'but takes none away' },
    { who: 'cloudmgr', may: true, words: ['create', 'persistentvolumes'], why: 'it stands before ordered volumes' },
    { who: 'cloudmgr', may: true, words: ['delete', 'persistentvolumes'], why: 'and goes with them' },
    { who: 'cloudmgr', may: false, words: ['create', 'roles', '--namespace=om-alice'], why: 'it makes no roles' },
    { who: 'omegaweb', may: true, words: ['list', 'nodes'], why: 'the API shows nodes' },
    { who: 'omegaweb', may: false, words: ['get', 'nodes', '--subresource=proxy'], why: 'but does not enter them' },
    {
      who: 'omegaweb',
      may: false,
      words: ['list', 'pods', '--namespace=kube-system'],
      why: 'it sees no pods of others',
    },
    { who: 'omegaweb', may: false, words: ['get', 'pods', '--subresource=log'], why: 'nor reads logs everywhere' },
    { who: 'omegaweb', may: false, words: ['list', 'secrets', '--namespace=om-alice'], why: 'nor Secrets anywhere' },
    {
      who: 'jupyterhub',
      may: true,
      words: ['create', 'pods', '--namespace=om-alice'],
      why: 'the hub starts notebooks',
    },
    {
      who: 'jupyterhub',
      may: false,
      words: ['list', 'secrets', '--namespace=om-alice'],
      why: 'but does not look around in Secrets',
    },
    { who: 'jupyterhub', may: false, words: ['create', 'namespaces'], why: 'and makes no namespaces' },
    {
      who: 'jupyterhub',
      may: false,
      words: ['create', 'pods', '--subresource=exec', '--namespace=om-alice'],
      why: 'nor enters pods',
    },
  ]
  for (const { who, may, words, why } of rights) {
    test(why, async () => {
      const account = `system:serviceaccount:${servicesNamespace}:${who}`
      // Ends with 1 for "no", and says so.
      const answer = await kubectl('auth', 'can-i', ...words, '--as', account).catch((error) =>
        String(error.stdout).trim(),
      )
      assert.equal(answer.split('\n').at(-1), may ? 'yes' : 'no')
    })
  }
})

/** Waits for a pod of a component; the events say why when there is none. */
async function podOf(namespace: string, component: string): Promise<void> {
  const selector = `app.kubernetes.io/component=${component}`
  try {
    await kubectl('wait', '--for=create', 'pod', '--selector', selector, '--namespace', namespace, '--timeout=30s')
  } catch (cause) {
    const events = await kubectl('get', 'events', '--namespace', namespace)
    throw new Error(`no pod of ${component}:\n${events}`, { cause })
  }
}
