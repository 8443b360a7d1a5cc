import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { selfCheckManifests } from '../../../src/site/actions/self-check.ts'
import { hubPython } from '../../support/jupyterhub.ts'
import type { TestCluster } from '../../support/kube-apiserver.ts'
import { startCluster } from '../../support/kube-apiserver.ts'
import type { ChartName, Manifest, Values } from './helm.ts'
import { podsOf, render } from './helm.ts'
import { dryRun, type Kubectl, kubectlFor } from './kubectl.ts'

const namespace = 'strict'
const noVolumes = { mongodb: null, mysql: null, rabbitmq: null }

/** Every way in which a pod comes to be, and whose pods come of it: a new one must be told here. */
const sources: { why: string; chart: ChartName; values: Values; pods: string[] }[] = [
  {
    why: 'the services of a site',
    chart: 'omegaml-system',
    values: {},
    pods: [
      'cloudmgr',
      'cloudmgr-migrate',
      'jupyterhub',
      'jupyterhub-proxy',
      'mongodb',
      'mysql',
      'omegaweb',
      'rabbitmq',
    ],
  },
  {
    why: 'services of a site with all that can be added to a pod',
    chart: 'omegaml-system',
    values: {
      caConfigMap: 'ca',
      imagePullSecrets: ['pull'],
      nodeRoles: { enabled: true },
      mysql: { enabled: false, external: { host: 'sql.example.com', adminSecret: 'dba', tls: true } },
      mongodb: { storage: { mode: 'none' } },
    },
    pods: ['cloudmgr', 'cloudmgr-migrate', 'jupyterhub', 'jupyterhub-proxy', 'mongodb', 'omegaweb', 'rabbitmq'],
  },
  { why: 'the way in', chart: 'omegaml-ingress', values: { tls: { secretName: 'tls' } }, pods: ['ingress'] },
  { why: 'shared workers', chart: 'omegaml-worker', values: { caConfigMap: 'ca' }, pods: ['worker'] },
  {
    why: 'workers of an account’s own',
    chart: 'omegaml-worker',
    values: {
      shared: false,
      packages: ['lightgbm==4.6.0'],
      gpu: 1,
      volumes: [{ name: 'storage', claim: 'storage-data', mountPath: '/mnt/data' }],
    },
    pods: ['worker'],
  },
  {
    why: 'a database of an account’s own',
    chart: 'omegaml-storage',
    values: { volumes: noVolumes, mongodb: { enabled: true } },
    pods: ['storage'],
  },
  { why: 'volumes', chart: 'omegaml-storage', values: {}, pods: [] },
]

/** What does not pass, and why it can't: `<pod>: reason`. The docs say the same. */
const exceptions: Readonly<Record<string, string>> = {}

describe('Pod Security `restricted`', () => {
  let cluster: TestCluster
  let kubectl: Kubectl

  // Made on first use.
  beforeAll(() => void hubPython(), 300_000)
  beforeAll(async () => {
    cluster = await startCluster()
    kubectl = kubectlFor(cluster.kubeconfig)
    await kubectl('create', 'namespace', namespace)
    await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted')
    await kubectl('wait', '--for=create', 'serviceaccount/default', '--namespace', namespace, '--timeout=30s')
  })
  afterAll(async () => {
    await cluster?.stop()
  })

  /** Asks the API server, which makes nothing. A pod's own service account would have to be there. */
  const admitted = async (name: string, { serviceAccountName: _account, ...spec }: Manifest): Promise<void> => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: { ...spec, restartPolicy: 'Never' },
    }
    await dryRun(kubectl, JSON.stringify(pod))
  }
  const passes = async (name: string, spec: Manifest): Promise<void> => {
    if (exceptions[name] === undefined) await admitted(name, spec)
    // A reason that is none any more goes.
    else await assert.rejects(admitted(name, spec), /violates PodSecurity/)
  }

  for (const { why, chart, values, pods } of sources) {
    test(`${why}: ${pods.join(', ') || 'no pod'}`, async () => {
      const found = podsOf(await render(chart, values)).map((pod) => ({ ...pod, owner: nameOf(pod.owner) }))
      assert.deepEqual(found.map(({ owner }) => owner).sort(), pods)
      for (const { owner, spec } of found) await passes(owner, spec)
    })
  }

  test('notebooks, as the hub starts them', async () => {
    const config = {
      OMEGA_USERID: 'alice',
      OMEGA_APIKEY: 'k',
      JUPYTER_IMAGE: 'registry.test/runtime:1',
      JUPYTER_NODE_SELECTOR: 'omegaml.io/role=worker',
      JUPYTER_CONFIG: { packages: ['lightgbm==4.6.0'], privileged: true, uid: 0 },
      CLUSTER_STORAGE: {
        volumes: [
          { name: 'home', persistentVolumeClaim: { claimName: 'home' } },
          { name: 'x', hostPath: { path: '/' } },
        ],
        volumeMounts: [{ name: 'home', mountPath: '/home/jovyan' }],
      },
    }
    const { spec } = notebookOf(config, cluster.kubeconfig)
    assert.deepEqual(
      [...spec.initContainers, ...spec.containers].map(({ name, image }: Manifest) => [name, image]),
      [
        ['packages', 'registry.test/runtime:1'],
        ['notebook', 'registry.test/runtime:1'],
      ],
    )
    assert.deepEqual(spec.imagePullSecrets, [{ name: 'pull' }])
    await passes('notebook', spec)
  })

  test('the check with which a site begins', async () => {
    const notebook = { host: 'notebook.omega.localhost', port: 8080 }
    const values = {
      userid: 'demo',
      apikey: 'k',
      namespace,
      image: 'a:1',
      script: 's',
      env: {},
      notebook,
      timeoutSeconds: 60,
    }
    const job = selfCheckManifests(values, '').find(({ kind }) => kind === 'Job') as Manifest
    await passes('self-check', job.spec.template.spec)
  })

  test('what breaks the standard would be noticed', async () => {
    const [pod] = podsOf(await render('omegaml-worker'))
    assert.ok(pod)
    const { securityContext: _rules, ...loose } = pod.spec
    await assert.rejects(admitted('loose', loose), /violates PodSecurity/)
  })
})

/** Without the migration's version and hash. */
function nameOf(owner: string): string {
  return owner.replace(/^(cloudmgr-migrate)-.*/, '$1')
}

/** The pod that the image's own spawner makes of an account's configuration. */
function notebookOf(config: object, kubeconfig: string): Manifest {
  const image = resolve(import.meta.dirname, '../../../images/jupyterhub')
  const { stdout, stderr, status } = spawnSync(hubPython(), [resolve(import.meta.dirname, 'notebook-pod.py'), image], {
    input: JSON.stringify(config),
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      KUBECONFIG: kubeconfig,
      JUPYTER_PULL_SECRETS: 'pull',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}
