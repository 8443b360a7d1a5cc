import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ClusterSpec } from './cluster-spec.ts'
import { loadRancherMatrix, rancherLine } from './rancher-versions.ts'
import { type RancherSettings, rancherEnv, rancherRoot } from './rancher-root.ts'

const spec: ClusterSpec = {
  name: 'omega',
  domain: 'omega.example.com',
  kubernetesVersion: '1.35.8',
  pools: [
    { name: 'control', role: 'control', machineType: 't3.large', size: 1 },
    {
      name: 'gpu',
      role: 'worker',
      machineType: 'g5.xlarge',
      size: 1,
      min: 0,
      max: 4,
      diskGb: 100,
      labels: { team: 'a' },
      taints: [{ key: 'gpu', effect: 'NoSchedule' }],
    },
  ],
  volumes: { mongodb: 20 },
}

const settings: RancherSettings = {
  url: 'https://rancher.example.com',
  driver: 'amazonec2',
  machine: { region: 'eu-central-1' },
  distribution: 'rke2',
  modules: '../../../terraform',
}

test('pools are passed on by name, with what was left out left out', () => {
  expect(rancherRoot(spec, settings).variables['pools']).toEqual({
    control: { role: 'control', machine_type: 't3.large', size: 1, labels: {}, taints: [] },
    gpu: {
      role: 'worker',
      machine_type: 'g5.xlarge',
      size: 1,
      min: 0,
      max: 4,
      disk_gb: 100,
      labels: { team: 'a' },
      taints: [{ key: 'gpu', value: '', effect: 'NoSchedule' }],
    },
  })
})

test.each([
  ['rke2', undefined, 'v1.35.8+rke2r1'],
  ['rke2', 2, 'v1.35.8+rke2r2'],
  ['k3s', undefined, 'v1.35.8+k3s1'],
] as const)('the version says that %s is installed (release %s)', (distribution, release, version) => {
  const more = release === undefined ? {} : { distributionRelease: release }
  const { variables } = rancherRoot(spec, { ...settings, distribution, ...more })
  expect(variables['kubernetes_version']).toBe(version)
})

test('what people chose is in the variables only, where it is no template', () => {
  const evil = '${file("/etc/passwd")}'
  const [control, gpu] = spec.pools
  if (control === undefined || gpu === undefined) throw new Error('two pools')
  const { main, variables } = rancherRoot(
    { ...spec, pools: [control, { ...gpu, name: evil, labels: { team: evil } }] },
    {
      ...settings,
      machine: { region: evil },
      adopt: { 'rancher2_cluster_v2.this': evil },
      quota: { project: { pods: evil }, namespace: {} },
    },
  )
  expect(JSON.stringify(main)).not.toContain('passwd')
  expect(variables['amazonec2']).toEqual({ region: evil })
})

test('every variable of the values is declared, and passed on', () => {
  const { main, variables } = rancherRoot(spec, { ...settings, ca: 'PEM', monitoring: {}, observed: { gpu: 2 } })
  expect(Object.keys(main['variable'] as object)).toEqual(expect.arrayContaining(Object.keys(variables)))
  expect(main['module']).toMatchObject({ cluster: { observed: '${var.observed}', monitoring: '${var.monitoring}' } })
})

test('the provider’s version is that of the Rancher, as the catalogue has it', () => {
  const matrix = loadRancherMatrix(join(import.meta.dirname, '../../catalog/rancher.yml'))
  for (const { rancher } of matrix.lines) {
    const line = rancherLine(matrix, rancher)
    const { main, variables } = rancherRoot(spec, settings, line)
    expect(main['terraform']).toMatchObject({ required_providers: { rancher2: { version: line.provider } } })
    expect(variables['rancher_minor']).toBe(rancher)
  }
  expect(JSON.stringify(rancherRoot(spec, settings).main)).not.toContain('~>')
})

test('k3s brings its own network', () => {
  expect(rancherRoot(spec, { ...settings, distribution: 'k3s', cni: 'cilium' }).variables).not.toHaveProperty('cni')
})

test('simulated machines are refused by the field that asks for them', () => {
  const [control] = spec.pools
  if (control === undefined) throw new Error('a pool')
  const pools = [{ ...control, simulated: true }]
  expect(() => rancherRoot({ ...spec, pools }, settings)).toThrow(
    expect.objectContaining({
      kind: 'invalid',
      details: expect.objectContaining({ field: 'pools.control.simulated' }),
    }),
  )
})

test('what exists already is taken over', () => {
  const { main, variables } = rancherRoot(spec, {
    ...settings,
    adopt: { 'rancher2_cluster_v2.this': 'fleet-default/omega' },
  })
  expect(main['import']).toEqual([{ to: 'module.cluster.rancher2_cluster_v2.this', id: '${var.adopted[0]}' }])
  expect(variables['adopted']).toEqual(['fleet-default/omega'])
})

test('secrets come by the environment, and none of their signs is a template', () => {
  const env = rancherEnv({
    token: 'token-x:y',
    credential: { secret_key: 'a${b}%{c}$d\\f\f' },
    servicePassword: '${plain}',
    alerts: { webhooks: ['https://hook.example.com/1'] },
  })
  expect(env).toEqual({
    RANCHER_TOKEN_KEY: 'token-x:y',
    TF_VAR_credential: '{"secret_key":"a$${b}%%{c}$d\\\\f\\u000c"}',
    TF_VAR_service_password: '${plain}',
    TF_VAR_alerts: '{"webhooks":["https://hook.example.com/1"]}',
  })
})
