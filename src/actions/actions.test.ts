import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { createFakeHelm } from '../adapters/helm/fake.ts'
import { createFakeJupyterhub } from '../adapters/jupyterhub/fake.ts'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { createFakeMongodb } from '../adapters/mongodb/fake.ts'
import { createFakeRabbitmq } from '../adapters/rabbitmq/fake.ts'
import { createFakeScripts } from '../adapters/scripts/fake.ts'
import { createFakeTerraform } from '../adapters/terraform/fake.ts'
import { helmRelease } from './helm-release.ts'
import { jupyterhubUser } from './jupyterhub-user.ts'
import { kubernetesApply } from './kubernetes-apply.ts'
import { mongodbServer } from './mongodb-server.ts'
import { mongodbUser } from './mongodb-user.ts'
import { pullSecrets } from './pull-secrets.ts'
import { rabbitmqAccess } from './rabbitmq-access.ts'
import { registrySecret } from './registry-secret.ts'
import { runScript } from './run-script.ts'
import { terraformApply } from './terraform-apply.ts'
import { bound } from './testing.ts'
import { volume } from './volume.ts'

const folder = await mkdtemp(join(tmpdir(), 'cloudmgr-actions-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const manifest =
  'apiVersion: v1\nkind: Namespace\nmetadata: {name: "om-${account}"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: limits, namespace: "om-${account}"}\ndata: ${data}\n'
await writeFile(join(folder, 'account.yml'), manifest)

const clock = createFakeClock()
const kubernetes = createFakeKubernetes()
const rabbitmq = createFakeRabbitmq()
const made = new Set<string>()
const scripts = createFakeScripts({
  make: ({ args }) => Number(made.add(args[0] ?? '') === undefined),
  look: ({ args }) => (made.has(args[0] ?? '') ? 0 : 3),
  take: ({ args }) => Number(!made.delete(args[0] ?? '')),
})
const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
  data: { a: 'b' },
}
const access = { vhost: 'shared', user: 'alice', password: 'long-enough' }

const ownServer = createFakeMongodb()
const storage = { account: 'alice', namespace: 'default', name: 'data', sizeGb: 1 }
const volumeParts = {
  kubernetes,
  terraform: createFakeTerraform({
    outputs: (root) => ({ paths: { [root.replace(/.*\/volume-/, '')]: '/mnt/volumes/a' } }),
  }),
  states: { credentialFor: () => ({ env: {}, refused: () => undefined, end: () => {} }) },
  provider: {
    provider: { provider: 'local', title: 'This computer', nodeTypes: {}, volumes: { class: 'ordered' } },
    site: { cluster: 'omega', endpoint: 'https://10.0.0.1:7443', ca: 'CA' },
    env: {},
  },
  folder,
  modules: folder,
}

// As a site and Kubernetes make them.
for (const [kind, name, namespace] of [
  ['Secret', 'pull', 'kube-system'],
  ['ServiceAccount', 'default', 'default'],
] as const)
  await kubernetes.apply({ apiVersion: 'v1', kind, metadata: { name, namespace } })

const parts = { kubernetes, clock, manifests: folder }
const cases = {
  'helm-release': bound(helmRelease({ helm: createFakeHelm(), kubernetes, clock, charts: '/charts' }), {
    release: 'a',
    namespace: 'n',
    chart: 'c',
  }),
  'kubernetes-apply, inline': bound(kubernetesApply(parts), { manifests: [configMap], wait: 'ready' }),
  'kubernetes-apply, a file': bound(kubernetesApply(parts), {
    file: 'account.yml',
    values: { account: 'alice', data: { a: '1' } },
  }),
  'terraform-apply': bound(terraformApply({ terraform: createFakeTerraform(), roots: (root) => join(folder, root) }), {
    root: 'cluster',
    files: { 'main.tf.json': { resource: { terraform_data: { a: { input: 1 } } }, output: { size: { value: 3 } } } },
  }),
  'mongodb-user': bound(mongodbUser({ mongodb: createFakeMongodb() }), {
    user: 'uA',
    password: 'long-enough',
    databases: ['dA'],
  }),
  'rabbitmq-access, shared': bound(rabbitmqAccess({ rabbitmq }), { ...access, account: 'alice' }),
  'rabbitmq-access, own vhost': bound(rabbitmqAccess({ rabbitmq }), {
    ...access,
    vhost: 'own',
    user: 'bob',
    ownVhost: true,
  }),
  'jupyterhub-user': bound(jupyterhubUser({ jupyterhub: createFakeJupyterhub(), clock }), { user: 'alice' }),
  'registry-secret': bound(registrySecret({ kubernetes }), {
    namespace: 'default',
    name: 'registry-a',
    server: 'ghcr.io',
    username: 'alice',
    password: 'a"},{"b',
  }),
  'pull-secrets': bound(pullSecrets({ kubernetes, clock }), {
    namespace: 'default',
    from: 'kube-system',
    names: ['pull'],
  }),
  'mongodb-server': bound(
    mongodbServer({ helm: createFakeHelm(), kubernetes, clock, charts: '/charts', openMongodb: () => ownServer }),
    {
      release: 'database-a',
      namespace: 'default',
      values: { mongodb: { running: true } },
      host: 'database-a.default.svc',
      running: true,
      admin: { user: 'admin', password: 'p' },
      user: 'uA',
      password: 'long-enough',
      database: 'dA',
      store: { server: 'mongodb:27017', user: 'uM', password: 'p', database: 'dM' },
    },
  ),
  'volume, of a storage class': bound(volume({ ...volumeParts, provider: undefined }), storage),
  'volume, of the cloud': bound(volume(volumeParts), storage),
  'run-script': bound(runScript({ scripts }), {
    script: 'make',
    args: ['x'],
    observe: { script: 'look', args: ['x'] },
    remove: { script: 'take', args: ['x'] },
  }),
}

for (const [name, action] of Object.entries(cases)) {
  describe(name, () => {
    test('ensures once, leaves alone after, removes, and observation agrees', async () => {
      expect(await action.observe()).toMatchObject({ state: 'absent' })
      expect(await action.remove()).toMatchObject({ changed: false })
      for (let round = 1; round <= 2; round += 1) {
        expect(await action.ensure()).toMatchObject({ changed: true })
        expect(await action.observe()).toMatchObject({ state: 'present' })
        expect(await action.ensure()).toMatchObject({ changed: false, message: 'already as wanted' })
        expect(await action.remove()).toMatchObject({ changed: true })
        expect(await action.observe()).toMatchObject({ state: 'absent' })
        expect(await action.remove()).toMatchObject({ changed: false })
      }
    })

    test('names what would collide', () => {
      expect(action.locks.length).toBeGreaterThan(0)
    })
  })
}
