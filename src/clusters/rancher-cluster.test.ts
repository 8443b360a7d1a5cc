import { expect, test } from 'vitest'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { RancherHandover } from './ordered-pools.ts'
import { credentialOf, rancherCluster, withRancherToken } from './rancher-cluster.ts'
import { type MachineDriver, rancherEnv, rancherRoot } from './rancher-root.ts'

const order = { name: 'second', type: 'small', role: 'worker', size: 2, domain: 'x.test', links: [] }
const site = { cluster: 'acme', endpoint: '', ca: '', modules: '../../terraform' }

function handover(change: Partial<RancherHandover> = {}): RancherHandover {
  const pools = [
    { name: 'control', role: 'control', machineType: 'm6i.large', size: 3 },
    { name: 'data', role: 'dbmaster', machineType: 'r6i.large', size: 1 },
    { name: 'everything', role: 'worker', machineType: 'm6i.2xlarge', size: 5, min: 3, max: 9 },
  ]
  const { main, variables } = rancherRoot(
    { name: 'acme', domain: 'acme.test', kubernetesVersion: '1.35.8', pools, volumes: {} },
    {
      url: 'https://rancher.example.org',
      ca: 'THE CA',
      driver: 'amazonec2',
      machine: { region: 'eu-central-1' },
      credentialName: 'of-the-site',
      distribution: 'rke2',
      additionalManifest: 'a CSI driver',
      snapshots: { retention: 5, s3: { bucket: 'b', endpoint: 'e', folder: 'acme' } },
      monitoring: {},
      observed: { everything: 7 },
      adopt: { 'rancher2_cluster_v2.this': 'fleet-default/acme' },
      modules: 'elsewhere',
    },
  )
  const s3 = { accessKey: 'a', secretKey: 's' }
  const alerts = { webhooks: ['https://secret.example.org'] }
  const env = { ...rancherEnv({ token: 't:s', s3, alerts, servicePassword: 'p' }), AWS_SECRET_ACCESS_KEY: 'backend' }
  const backend = { name: 's3', settings: {} }
  return { main, variables, backend, env, url: 'https://rancher.example.org', token: 't:s', ...change }
}

const makerWith = (handed: RancherHandover, clock: Clock = systemClock) =>
  rancherCluster({
    site: 'acme',
    handover: async () => handed,
    takeServiceTokens: async () => {},
    ways: async () => [],
    clock,
  })

test('as the site’s own cluster, with pools of its own, and none of what is the site’s alone', async () => {
  const { root, env } = await makerWith(handover()).rootFor(order)
  const { main, variables } = root(site)
  expect(variables).toEqual({
    rancher_url: 'https://rancher.example.org',
    rancher_ca: 'THE CA',
    kubernetes_version: 'v1.35.8+rke2r1',
    amazonec2: { region: 'eu-central-1' },
    credential_name: 'of-the-site',
    additional_manifest: 'a CSI driver',
    snapshots: { retention: 5, s3: { bucket: 'b', endpoint: 'e', folder: 'acme/acme-second' } },
    name: 'acme-second',
    ordered_by: 'acme',
    namespaces: {},
    pools: {
      control: { role: 'control', machine_type: 'm6i.large', size: 1, labels: {}, taints: [] },
      workers: { role: 'worker', machine_type: 'm6i.2xlarge', size: 2 },
    },
  })
  expect(main).toMatchObject({ terraform: { backend: { http: {} } } })
  expect(main).not.toHaveProperty('import')
  expect(Object.keys(env).toSorted()).toEqual(['RANCHER_TOKEN_KEY', 'TF_VAR_s3_credential'])
})

test('an account’s own credential takes the place of the site’s', async () => {
  const credential = { name: 'gold', key: 'AKIA', secret: 'x${y}' }
  const { root, env } = await makerWith(handover()).rootFor({ ...order, credential })
  expect(root(site).variables).not.toHaveProperty('credential_name')
  expect(env['TF_VAR_credential']).toBe('{"access_key":"AKIA","secret_key":"x$${y}"}')
})

const credentials: { driver: MachineDriver; given: object; fields?: object; right?: string }[] = [
  { driver: 'linode', given: { secret: 's' }, fields: { token: 's' } },
  { driver: 'digitalocean', given: { secret: 's', provider: 'digitalocean' }, fields: { access_token: 's' } },
  { driver: 'google', given: { secret: '{}' }, fields: { auth_encoded_json: '{}' } },
  { driver: 'openstack', given: { secret: 's', provider: 'rancher' }, fields: { password: 's' } },
  { driver: 'amazonec2', given: { secret: 's' }, right: 'the access_key as key' },
  { driver: 'linode', given: { secret: 's', provider: 'hcloud' }, right: 'one for linode' },
  {
    driver: 'azure',
    given: { secret: 's' },
    right: 'a JSON object with client_id, client_secret, subscription_id as secret',
  },
  {
    driver: 'vsphere',
    given: { secret: '{"username":"u"}' },
    right: 'a JSON object with username, password, vcenter as secret',
  },
  {
    driver: 'vsphere',
    given: { secret: '{"username":"u","password":"p","vcenter":"v"}' },
    fields: { username: 'u', password: 'p', vcenter: 'v' },
  },
]
for (const { driver, given, fields, right } of credentials)
  test(`a credential for ${driver} of ${Object.keys(given).join(', ')}: ${right ?? 'as its fields'}`, () => {
    const read = () => credentialOf({ name: 'gold', secret: '', ...given }, driver)
    if (right === undefined) expect(read()).toEqual(fields)
    else
      expect(read).toThrow(
        expect.objectContaining({ code: 'credential-invalid', details: { field: 'credential', right } }),
      )
  })

test('the way in is Rancher’s proxy, with the token that was handed over last; others stay as they are', async () => {
  const { kubeconfig, apiServer } = await makerWith(handover()).made({ cluster_id: 'c-m-1' }, order)
  expect(apiServer).toBe('https://rancher.example.org/k8s/clusters/c-m-1')
  expect(kubeconfig).toContain(Buffer.from('THE CA').toString('base64'))
  expect(kubeconfig).not.toContain('t:s')
  expect(await withRancherToken(kubeconfig, async () => handover({ token: 'new:one' }))).toContain('new:one')
  const unread = () => expect.unreachable('it is no cluster of the Rancher')
  expect(await withRancherToken('users: [{name: admin, user: {token: x}}]', unread)).toContain('admin')
})

test('disks of claims that are left go before the cluster; one that is lost says what to look for', async () => {
  const lines: string[] = []
  const running = {
    signal: AbortSignal.timeout(5000),
    output: (line: string) => void lines.push(line),
    waiting: () => {},
  }
  const kubernetes = createFakeKubernetes()
  const maker = makerWith(handover())
  await maker.beforeRemoval?.('second', kubernetes, running)
  expect(lines).toEqual([])
  kubernetes.failWith(new AppError('not-found', 'kubernetes-not-found', 'cluster not found'))
  let now = 0
  const clock = { now: () => now, sleep: async (ms: number) => void (now += ms) }
  await makerWith(handover(), clock).beforeRemoval?.('second', kubernetes, running)
  expect(lines).toEqual([expect.stringContaining('cluster acme-second')])
})
