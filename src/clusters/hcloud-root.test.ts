import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ClusterSpec, PoolSpec } from './cluster-spec.ts'
import { type HcloudSettings, hcloudClusterRoot, hcloudEnv, hcloudVolumesRoot } from './hcloud-root.ts'
import { loadProvider } from './provider.ts'

const provider = loadProvider(resolve(import.meta.dirname, '../../catalog/providers'), 'hcloud')
const pool = (name: string, more: Partial<PoolSpec> = {}): PoolSpec => ({
  name,
  role: name,
  machineType: 'cx33',
  size: 1,
  ...more,
})
const spec: ClusterSpec = {
  name: 'omega',
  domain: 'omega.example.com',
  kubernetesVersion: '1.35.8',
  pools: [pool('control'), pool('dbmaster', { machineType: 'ccx13' }), pool('worker', { size: 2 })],
  volumes: { mongodb: 20, mysql: 10 },
}
const settings: HcloudSettings = { location: 'fsn1', apiRanges: ['203.0.113.7/32'], modules: '../../terraform' }
const of = (pools: readonly PoolSpec[]) => hcloudClusterRoot({ ...spec, pools }, settings, provider)

test('the pool of role control is the control plane, the others are machines', () => {
  expect(hcloudClusterRoot(spec, settings, provider).variables).toMatchObject({
    k3s_version: 'v1.35.8+k3s1',
    control: { count: 1, server_type: 'cx33', role: 'control' },
    pools: { dbmaster: { server_type: 'ccx13', size: 1 }, worker: { size: 2, labels: {}, taints: [] } },
    ssh_ranges: [],
  })
})

test('a single machine is the control plane too', () => {
  const { variables } = of([pool('worker', { machineType: 'cx43' })])
  expect(variables).toMatchObject({ control: { count: 1, server_type: 'cx43', role: 'worker' }, pools: {} })
})

test('volumes are a root of their own, in the cluster’s location', () => {
  expect(hcloudVolumesRoot(spec, settings).variables).toEqual({
    name: 'omega',
    location: 'fsn1',
    volumes: { mongodb: { size_gb: 20 }, mysql: { size_gb: 10 } },
  })
  expect(JSON.stringify(hcloudClusterRoot(spec, settings, provider))).not.toContain('mongodb')
})

test('what people chose is a value, never a template, and no secret is in a file', () => {
  const hostile = `\${file("/etc/passwd")}`
  const pools = [pool('control'), pool(hostile, { role: hostile, labels: { a: hostile } })]
  const root = hcloudClusterRoot({ ...spec, name: hostile, pools }, { ...settings, location: hostile }, provider)
  expect(JSON.stringify(root.main)).not.toContain('passwd')
  expect(root.variables['name']).toBe(hostile)
  expect(root.variables).not.toHaveProperty('keys')
  expect(root.main['variable']).toMatchObject({ keys: { sensitive: true }, hcloud_token: { sensitive: true } })
})

test('secrets come by the environment, and are read as they are', () => {
  const keys = { token: `\${t}`, agent_token: 'a', files: { 'a.crt': 'x\ny' }, admin_crt: 'c', admin_key: 'k' }
  const env = hcloudEnv({ token: 'T', clusterToken: 'C', keys })
  expect(env).toMatchObject({ HCLOUD_TOKEN: 'T', TF_VAR_hcloud_token: 'C' })
  expect(env['TF_VAR_keys']).toContain(`"token":"$\${t}"`)
})

describe('refused, with the field and what would be right:', () => {
  const cases: { pools: PoolSpec[]; field: string; why: string }[] = [
    { pools: [pool('worker'), pool('system')], field: 'pools.control', why: 'several pools without a control plane' },
    { pools: [pool('worker', { size: 2 })], field: 'pools.control', why: 'two machines without a control plane' },
    { pools: [pool('control', { size: 2 })], field: 'pools.control.size', why: 'an even control plane' },
    {
      pools: [pool('control'), pool('more', { role: 'control' })],
      field: 'pools.control',
      why: 'two control planes',
    },
    { pools: [pool('control', { machineType: 'huge' })], field: 'pools.control.machineType', why: 'an unknown type' },
    { pools: [pool('control', { diskGb: 100 })], field: 'pools.control.diskGb', why: 'a disk of another size' },
    { pools: [pool('worker', { min: 1, max: 3 })], field: 'pools.worker.min', why: 'a range that nothing scales' },
    { pools: [pool('worker', { simulated: true })], field: 'pools.worker.simulated', why: 'simulated machines' },
    {
      pools: [pool('worker', { labels: { 'omegaml.io/role': 'x' } })],
      field: 'pools.worker.labels',
      why: 'a role by label',
    },
  ]
  for (const { pools, field, why } of cases) {
    test(why, () => {
      expect(() => of(pools)).toThrow(
        expect.objectContaining({ code: 'pool-invalid', details: expect.objectContaining({ field }) }),
      )
    })
  }
})
