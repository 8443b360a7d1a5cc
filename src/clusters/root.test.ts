import { expect, test } from 'vitest'
import { machinesOf, profiles } from './profiles.ts'
import { clusterRoot, type LocalSite, volumesRoot } from './root.ts'

const site: LocalSite = {
  name: 'omega',
  domain: 'omega.localhost',
  kubernetesVersion: '1.37.2',
  endpoint: 'unix:///state/cloud/api.sock',
  ports: [{ host: 8080, node: 30080 }],
  volumes: { mongodb: 20, mysql: 10 },
  machines: machinesOf('single-node'),
  modules: '../../../terraform',
}

test('the volumes stage orders each volume at its size', () => {
  expect(volumesRoot(site).variables['volumes']).toEqual({ mongodb: { size_gb: 20 }, mysql: { size_gb: 10 } })
})

test('the cluster stage uses the volumes by name and makes none', () => {
  const root = clusterRoot(site)
  expect(root.variables['volumes']).toEqual(['mongodb', 'mysql'])
  expect(JSON.stringify(root.main)).not.toContain('local-volumes')
})

test('what people chose is a value, never a template', () => {
  const hostile = `\${file("/etc/passwd")}`
  const root = clusterRoot({
    ...site,
    domain: hostile,
    machines: { [hostile]: { role: hostile, cores: 1, memoryGb: 1 } },
  })
  expect(JSON.stringify(root.main)).not.toContain('passwd')
  expect(root.variables['domain']).toBe(hostile)
})

test('the kubeconfig is handed out as a secret', () => {
  const output = clusterRoot(site).main['output'] as Record<string, { sensitive?: boolean }>
  expect(output['kubeconfig']?.sensitive).toBe(true)
})

test('a single node is a worker with four cores and 8 GB', () => {
  expect(machinesOf('single-node')).toEqual({ 'node-1': { role: 'worker', cores: 4, memoryGb: 8 } })
})

test('the minimal profile has one machine for each role', () => {
  expect(Object.values(profiles.minimal).map(({ role, cores, memoryGb }) => [role, cores, memoryGb])).toEqual([
    ['dbmaster', 2, 8],
    ['ingress', 2, 4],
    ['system', 2, 4],
    ['worker', 2, 8],
  ])
})

test('an unknown profile is refused with the known ones', () => {
  expect(() => machinesOf('huge')).toThrow(expect.objectContaining({ kind: 'invalid', code: 'unknown-profile' }))
  expect(() => machinesOf('toString')).toThrow(expect.objectContaining({ code: 'unknown-profile' }))
})
