import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { parse } from 'yaml'
import type { ChartName, Manifest, Values } from './helm.ts'
import {
  chartFolder,
  chartNames,
  find,
  helm,
  podsOf,
  render,
  renderText,
  servicesNamespace,
  settingsOf,
} from './helm.ts'
import { profiles } from './profiles.ts'

for (const [profile, valuesOf] of Object.entries(profiles)) {
  describe(`profile ${profile}`, () => {
    for (const chart of chartNames) {
      test(`${chart} passes Helm's lint`, async () => {
        await helm(['lint', '--strict', chartFolder(chart)], valuesOf[chart])
      })

      test(`${chart}: every container is confined, bounded and answers probes`, async () => {
        for (const pod of podsOf(await render(chart, valuesOf[chart]))) checkPod(pod)
      })
    }

    test('all parts together ask for 1.2 cores at most, and for less memory than half of the node', async () => {
      const requests = { cores: 0, memoryMb: 0 }
      for (const chart of chartNames) {
        for (const pod of podsOf(await render(chart, valuesOf[chart]))) {
          // Jobs end, and are not at rest.
          if (pod.kind.endsWith('Job')) continue
          for (const container of pod.spec.containers) {
            requests.cores += cores(container.resources.requests.cpu)
            requests.memoryMb += megabytes(container.resources.requests.memory)
          }
        }
      }
      assert.ok(requests.cores <= 1.2, `${requests.cores} cores`)
      assert.ok(requests.memoryMb <= 4096, `${requests.memoryMb} MB`)
    })
  })
}

test('on a single node no pod selects a role', async () => {
  for (const chart of chartNames) {
    for (const pod of podsOf(await render(chart))) assert.equal(pod.spec.nodeSelector, undefined, pod.owner)
  }
})

const placements: { chart: ChartName; role: string; parts: string[] }[] = [
  { chart: 'omegaml-system', role: 'dbmaster', parts: ['mongodb', 'mysql'] },
  { chart: 'omegaml-system', role: 'ingress', parts: ['rabbitmq'] },
  { chart: 'omegaml-system', role: 'system', parts: ['omegaweb', 'cloudmgr', 'jupyterhub', 'jupyterhub-proxy'] },
  { chart: 'omegaml-ingress', role: 'ingress', parts: ['ingress'] },
  { chart: 'omegaml-worker', role: 'worker', parts: ['worker'] },
]
for (const { chart, role, parts } of placements) {
  test(`with four machines, ${parts.join(', ')} run on the one with the role ${role}`, async () => {
    const pods = podsOf(await render(chart, { nodeRoles: { enabled: true } }))
    for (const part of parts) {
      const pod = pods.find(({ owner }) => owner === part)
      assert.deepEqual(pod?.spec.nodeSelector, { 'omegaml.io/role': role }, part)
    }
  })
}

test('a selector of its own replaces that of the role', async () => {
  const [pod] = podsOf(await render('omegaml-worker', { nodeRoles: { enabled: true }, nodeSelector: { pool: 'gpu' } }))
  assert.deepEqual(pod?.spec.nodeSelector, { pool: 'gpu' })
})

test('only workers that ask for GPUs tolerate what keeps others from them', async () => {
  const own = { key: 'omegaml.io/account', operator: 'Equal', value: 'alice', effect: 'NoSchedule' }
  const gpu = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }
  const [without] = podsOf(await render('omegaml-worker', { tolerations: [own] }))
  assert.deepEqual(without?.spec.tolerations, [own])
  const [pod] = podsOf(await render('omegaml-worker', { tolerations: [own], gpu: 2 }))
  assert.deepEqual(pod?.spec.tolerations, [own, gpu])
  assert.equal(pod?.spec.containers[0]?.resources.limits['nvidia.com/gpu'], 2)
})

test('a volume of the cloud is bound by its id, kept, and used in its location only', async () => {
  const csi = {
    driver: 'csi.hetzner.cloud',
    volumeHandle: '4711',
    topology: { 'csi.hetzner.cloud/location': 'fsn1' },
  }
  const volumes = { mongodb: { mode: 'csi', size: '20Gi', csi } }
  const manifests = await render('omegaml-storage', { volumes })
  const { spec } = find(manifests, 'PersistentVolume', `${servicesNamespace}-mongodb`)
  assert.deepEqual(spec.csi, { driver: 'csi.hetzner.cloud', volumeHandle: '4711', fsType: 'ext4' })
  assert.equal(spec.persistentVolumeReclaimPolicy, 'Retain')
  const [expression] = spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions
  assert.deepEqual(expression, { key: 'csi.hetzner.cloud/location', operator: 'In', values: ['fsn1'] })
  assert.equal(find(manifests, 'PersistentVolumeClaim', 'mongodb').spec.volumeName, `${servicesNamespace}-mongodb`)
})

test('a digest wins over the tag', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const manifests = await render('omegaml-system', {
    images: { mongodb: { repository: 'r.example/m', tag: 'x', digest } },
  })
  assert.equal(
    find(manifests, 'StatefulSet', 'mongodb').spec.template.spec.containers[0].image,
    `r.example/m@${digest}`,
  )
})

test('one registry serves every image of every chart, and every pod may sign in there', async () => {
  const common = { imagePullSecrets: ['pull'], images: { registry: 'registry.example.com/mirror' } }
  const pods = []
  for (const chart of ['omegaml-system', 'omegaml-ingress', 'omegaml-worker'] as const)
    pods.push(...podsOf(await render(chart, common)))
  for (const { owner, spec } of pods) {
    assert.deepEqual(spec.imagePullSecrets, [{ name: 'pull' }], owner)
    for (const { image } of [...(spec.initContainers ?? []), ...spec.containers])
      assert.match(image, /^registry\.example\.com\/mirror\//, owner)
  }
  assert.equal(pods.length, 10)
})

test('what the engine and the hub start comes from that registry, too', async () => {
  const images = { registry: 'registry.example.com', mongodb: { repository: 'mongo', tag: '8' } }
  const manifests = await render('omegaml-system', { images, imagePullSecrets: ['one', 'two'] })
  const site = parse(find(manifests, 'ConfigMap', 'cloudmgr-site').data['site.yml'])
  assert.deepEqual(site.images, {
    runtime: 'registry.example.com/omegaml/omegaml-runtime:0.1.0',
    mongodb: 'registry.example.com/mongo:8',
  })
  assert.deepEqual(site.imagePullSecrets, ['one', 'two'])
  const hub = find(manifests, 'Deployment', 'jupyterhub').spec.template.spec.containers[0].env as Manifest[]
  const value = (name: string) => hub.find((entry) => entry.name === name)?.value
  assert.equal(value('JUPYTER_PULL_SECRETS'), 'one,two')
  assert.equal(value('JUPYTER_IMAGE'), site.images.runtime)
})

test('a repository that names its registry keeps it', async () => {
  for (const repository of ['ghcr.io/a/b', 'localhost/b', '10.0.0.1:5000/b']) {
    const images = { registry: 'registry.example.com', mongodb: { repository, tag: '1' } }
    const server = find(await render('omegaml-system', { images }), 'StatefulSet', 'mongodb')
    assert.equal(server.spec.template.spec.containers[0].image, `${repository}:1`)
  }
})

test('passwords appear in Secrets only', async () => {
  const manifests = await render('omegaml-system')
  const secrets = manifests.filter(({ kind }) => kind === 'Secret')
  const others = JSON.stringify(manifests.filter(({ kind }) => kind !== 'Secret'))
  const words = secrets.flatMap(({ data }) => Object.values(data as Record<string, string>))
  const hidden = words.map((word) => Buffer.from(word, 'base64').toString()).filter((word) => word !== 'admin')
  assert.equal(hidden.length, 16)
  for (const word of hidden) assert.ok(!others.includes(word))
})

test('two renderings have no password in common', async () => {
  const [first, second] = [await render('omegaml-system'), await render('omegaml-system')]
  const data = (manifests: Manifest[]) => find(manifests, 'Secret', 'mysql-root').data.password
  assert.notEqual(data(first), data(second))
})

test('a changed image makes another migration Job, the same one does not', async () => {
  const job = async (values: Values) =>
    (await render('omegaml-system', values)).find(({ kind }) => kind === 'Job')?.metadata.name
  const image = (tag: string) => ({ images: { cloudmgr: { repository: 'omegaml/cloudmgr', tag } } })
  assert.equal(await job(image('1.0')), await job(image('1.0')))
  assert.notEqual(await job(image('1.0')), await job(image('1.1')))
  assert.match(String(await job(image('1.0'))), /^cloudmgr-migrate-1-0-[0-9a-f]{8}$/)
})

test('what is switched off is not there, and the external service is used instead', async () => {
  const manifests = await render('omegaml-system', {
    mongodb: { enabled: false, external: { host: 'db.example.com', port: 27018, existingSecret: 'their-mongo' } },
    mysql: { enabled: false, external: { host: 'sql.example.com', existingSecret: 'their-mysql' } },
    rabbitmq: {
      enabled: false,
      external: { host: 'mq.example.com', managementUrl: 'https://mq.example.com', existingSecret: 'their-mq' },
    },
    jupyterhub: { enabled: false },
  })
  assert.deepEqual(
    podsOf(manifests)
      .map(({ owner }) => owner.replace(/-0-1-0.*/, ''))
      .sort(),
    ['cloudmgr', 'cloudmgr-migrate', 'omegaweb'],
  )
  const env = find(manifests, 'Deployment', 'cloudmgr').spec.template.spec.containers[0].env as Manifest[]
  const value = (name: string) => env.find((entry) => entry.name === name)
  assert.equal(value('CLOUDMGR_MONGODB_HOST').value, 'db.example.com:27018')
  assert.equal(value('CLOUDMGR_DATABASE_PASSWORD').valueFrom.secretKeyRef.name, 'their-mysql')
  assert.equal(value('CLOUDMGR_RABBITMQ_URL').value, 'https://mq.example.com')
  assert.equal(value('CLOUDMGR_JUPYTERHUB_URL'), undefined)
})

test('what the operator says of the site wins over what the chart fills in', async () => {
  const text = find(
    await render('omegaml-system', { site: { mongo: { publicHost: 'm.example.com' }, tls: true } }),
    'ConfigMap',
    'cloudmgr-site',
  ).data['site.yml']
  assert.match(text, /publicHost: m\.example\.com/)
  assert.match(text, /internalHost: mongodb\.omegaml-services\.svc\.cluster\.local:27017/)
  assert.match(text, /tls: true/)
})

test('the name that the client has built in leads to the hub, and others can be named', async () => {
  const names = async (values: Values = {}) =>
    /server_name (hub\.\S.*);/.exec(await renderText('omegaml-ingress', values))?.[1]
  assert.equal(await names(), 'hub.omega.localhost hub.omegaml.io')
  assert.equal(await names({ hubAliases: [] }), 'hub.omega.localhost')
  await assert.rejects(renderText('omegaml-ingress', { hubAliases: ['a; return 200'] }), /hubAliases/)
})

test('the internal port is never routed to, in any kind of ingress', async () => {
  for (const kind of ['nginx', 'ingress', 'gateway']) {
    const text = await renderText('omegaml-ingress', {
      ingress: { kind, className: 'x' },
      tls: { secretName: 'site-tls' },
    })
    assert.doesNotMatch(text, /omegaweb\S*:8080|name: omegaweb\s+port: (\{number: )?8080/)
  }
})

test('an issuer fills the Secret of the certificate, for every name of the site', async () => {
  const issuer = { name: 'letsencrypt', kind: 'ClusterIssuer' }
  const manifests = await render('omegaml-ingress', { tls: { secretName: 'site-tls', issuer } })
  assert.deepEqual(find(manifests, 'Certificate', 'site-tls').spec, {
    secretName: 'site-tls',
    dnsNames: ['hub', 'notebook', '*.notebook', 'mongo', 'broker'].map((name) => `${name}.omega.localhost`),
    privateKey: { rotationPolicy: 'Always' },
    issuerRef: { group: 'cert-manager.io', ...issuer },
  })
  assert.ok(!(await renderText('omegaml-ingress', { tls: { secretName: 'site-tls' } })).includes('kind: Certificate'))
})

test('nginx reads a changed certificate anew, and is the process that is asked to stop', async () => {
  const container = async (values: Values) =>
    (podsOf(await render('omegaml-ingress', values))[0] as Manifest).spec.containers[0]
  const { command, args } = await container({ tls: { secretName: 'site-tls' } })
  assert.deepEqual(command, ['sh', '-euc'])
  assert.match(args[0], /-s reload[\s\S]*\nexec nginx [^\n]*daemon off;"\s*$/)
  assert.equal((await container({})).command[0], 'nginx')
})

test('a shared runtime says so to its workers, an own one too', async () => {
  for (const shared of [true, false]) {
    const env = settingsOf(await render('omegaml-worker', { shared, queues: ['default', 'gpu'] }), 'worker')
    assert.equal(env['OMEGA_WORKER_SHARED'], shared ? 'yes' : 'no')
    assert.equal(env['CELERY_Q'], 'default,gpu')
  }
})

test('a worker may finish the longest task before it is killed', async () => {
  const [pod] = podsOf(await render('omegaml-worker', { taskTimeoutSeconds: 3000 }))
  assert.ok(pod?.spec.terminationGracePeriodSeconds > 3000)
})

test('databases open no connections, and accept those who need them and nobody else', async () => {
  const manifests = await render('omegaml-system')
  const policy = find(manifests, 'NetworkPolicy', 'mysql').spec
  assert.deepEqual(policy.policyTypes, ['Ingress', 'Egress'])
  assert.equal(policy.egress, undefined)
  const peers = policy.ingress.flatMap((rule: Manifest) =>
    rule.from.map((peer: Manifest) => peer.podSelector.matchLabels['app.kubernetes.io/component']),
  )
  assert.deepEqual(peers.sort(), ['cloudmgr', 'cloudmgr-migrate', 'jupyterhub', 'omegaweb'])
})

test('the broker’s management answers the engine and the API’s observer, the database the API as any account', async () => {
  const manifests = await render('omegaml-system')
  const admitted = (policy: string, port: string) =>
    find(manifests, 'NetworkPolicy', policy)
      .spec.ingress.filter((rule: Manifest) => rule.ports[0].port === port)
      .flatMap((rule: Manifest) => rule.from)
      .flatMap((peer: Manifest) => peer.podSelector?.matchLabels['app.kubernetes.io/component'] ?? [])
      .sort()
  assert.deepEqual(admitted('rabbitmq', 'management'), ['cloudmgr', 'omegaweb'])
  assert.deepEqual(admitted('mongodb', 'mongodb'), ['cloudmgr', 'ingress', 'omegaweb'])
})

test('the API has no administrator’s password, of the broker, the databases or the hub', async () => {
  const { spec } = find(await render('omegaml-system'), 'Deployment', 'omegaweb').spec.template
  const secrets = [...spec.containers, ...spec.initContainers]
    .flatMap(({ env }: Manifest) => env)
    .flatMap(({ valueFrom }: Manifest) => valueFrom?.secretKeyRef ?? [])
    .map(({ name, key }: Manifest) => `${name}/${key}`)
  assert.deepEqual([...new Set(secrets)].sort(), [
    'cloudmgr-bootstrap/bootstrap-key',
    'cloudmgr-keys/settings-keys',
    // What JupyterHub proves with that it asks: the other half is the hub's own.
    'jupyterhub/oidc-secret',
    'mysql-users/omegaweb-password',
    'rabbitmq-users/omegaweb-password',
  ])
})

test('with an external broker the observer’s password may be missing', async () => {
  const external = { host: 'mq.example.com', managementUrl: 'https://mq.example.com', existingSecret: 'their-mq' }
  const manifests = await render('omegaml-system', { rabbitmq: { enabled: false, external } })
  const env = find(manifests, 'Deployment', 'omegaweb').spec.template.spec.containers[0].env as Manifest[]
  const observer = env.find(({ name }) => name === 'CLOUDMGR_RABBITMQ_OBSERVER_PASSWORD')
  assert.deepEqual(observer.valueFrom.secretKeyRef, { name: 'their-mq', key: 'omegaweb-password', optional: true })
})

test('the API is given the secret of another issuer where the values name one', async () => {
  const secretOf = async (values: Record<string, unknown>) => {
    const manifests = await render('omegaml-system', values)
    const env = find(manifests, 'Deployment', 'omegaweb').spec.template.spec.containers[0].env as Manifest[]
    return env.find(({ name }) => name === 'CLOUDMGR_OPENID_SECRET')?.valueFrom.secretKeyRef
  }
  assert.equal(await secretOf({}), undefined)
  const named = await secretOf({ openid: { existingSecret: 'login' } })
  assert.deepEqual({ name: named.name, key: named.key }, { name: 'login', key: 'client-secret' })
})

test('cluster-wide the API lists nodes and nothing else; pods and logs are a role that nothing binds here', async () => {
  const manifests = await render('omegaml-system')
  const bindings = manifests.filter(({ kind }) => /^(Cluster)?RoleBinding$/.test(kind))
  const ofApi = bindings.filter(({ subjects }) => subjects.some(({ name }: Manifest) => name === 'omegaweb'))
  assert.deepEqual(
    ofApi.map(({ roleRef }) => roleRef.name),
    ['omegaml-services-omegaweb'],
  )
  assert.deepEqual(find(manifests, 'ClusterRole', 'omegaml-services-omegaweb').rules, [
    { apiGroups: [''], resources: ['nodes'], verbs: ['list'] },
  ])
  assert.deepEqual(
    bindings.filter(({ roleRef }) => roleRef.name === 'omegaml-services-account-status'),
    [],
  )
  const engine = find(manifests, 'ClusterRole', 'omegaml-services-cloudmgr').rules as Manifest[]
  const metrics = engine.filter(({ apiGroups }) => apiGroups.includes('metrics.k8s.io'))
  assert.deepEqual(metrics, [{ apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'], verbs: ['list'] }])
})

test('what is there more than once is spread over machines, each version by itself; what is alone is not', async () => {
  const spread = async (replicas: number) => {
    const [system, ingress, worker] = await Promise.all([
      render('omegaml-system', { omegaweb: { replicas } }),
      render('omegaml-ingress', { nginx: { replicas } }),
      render('omegaml-worker', { replicas }),
    ])
    const pods = [...podsOf(system), ...podsOf(ingress), ...podsOf(worker)]
    return pods.filter(({ spec }) => spec.topologySpreadConstraints !== undefined)
  }
  assert.deepEqual(await spread(1), [])
  const pods = await spread(2)
  assert.deepEqual(pods.map(({ owner }) => owner).sort(), ['ingress', 'omegaweb', 'worker'])
  for (const { owner, spec, labels } of pods) {
    const [constraint] = spec.topologySpreadConstraints
    assert.deepEqual(constraint.labelSelector.matchLabels, labels, owner)
    assert.equal(constraint.whenUnsatisfiable, 'ScheduleAnyway', owner)
  }
})

function checkPod({ owner, kind, spec }: { owner: string; kind: string; spec: Manifest }): void {
  assert.equal(spec.securityContext.runAsNonRoot, true, owner)
  assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault', owner)
  const needsToken = ['cloudmgr', 'jupyterhub', 'omegaweb'].includes(owner)
  assert.equal(spec.automountServiceAccountToken, needsToken, owner)
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const name = `${owner}/${container.name}`
    assert.deepEqual(container.securityContext.capabilities.drop, ['ALL'], name)
    assert.equal(container.securityContext.allowPrivilegeEscalation, false, name)
    assert.equal(container.securityContext.readOnlyRootFilesystem, true, name)
    assert.ok(container.resources.requests.cpu && container.resources.requests.memory, `${name} requests`)
    assert.ok(container.resources.limits.memory, `${name} memory limit`)
    const mounts = container.volumeMounts.map((mount: Manifest) => mount.name)
    const volumes = (spec.volumes ?? []).map((volume: Manifest) => volume.name)
    assert.deepEqual(
      mounts.filter((mount: string) => !volumes.includes(mount)),
      [],
      `${name} mounts`,
    )
  }
  // The engine listens nowhere, so nobody could ask it.
  if (kind.endsWith('Job') || owner === 'cloudmgr') return
  for (const container of spec.containers)
    assert.ok(container.readinessProbe && container.livenessProbe, `${owner} probes`)
}

function cores(quantity: string): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity)
}

function megabytes(quantity: string): number {
  const number = Number(/^\d+/.exec(quantity)?.[0])
  return quantity.endsWith('Gi') ? number * 1024 : number
}
