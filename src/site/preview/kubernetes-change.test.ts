import { expect, test } from 'vitest'
import { localVersions } from '../../base/kubernetes-version.ts'
import type { Cloud } from '../cloud.ts'
import { layoutOf } from '../layout.ts'
import type { Site } from '../site.ts'
import { kubernetesChanges, versionInState } from './kubernetes-change.ts'

const [newest, older] = localVersions
const base: Site = {
  name: 'omega',
  profile: 'single-node',
  domain: 'omega.localhost',
  ports: { http: 1, https: 2, mongo: 3, broker: 4 },
}
const local = (kubernetesVersion?: string): Site => ({
  ...base,
  layout: { file: 'site.yml', ...layoutOf(base), ...(kubernetesVersion === undefined ? {} : { kubernetesVersion }) },
})
const far = (cloud: Cloud): Site => ({ ...base, layout: { file: 'site.yml', ...layoutOf(base), cloud } })
const rancher = (kubernetesVersion?: string): Site =>
  far({
    kind: 'rancher',
    url: 'https://rancher.example.org',
    driver: 'amazonec2',
    machine: {},
    pools: [],
    distribution: 'rke2',
    ...(kubernetesVersion === undefined ? {} : { kubernetesVersion }),
  })
const hcloud = (kubernetesVersion: string): Site =>
  far({ kind: 'hcloud', location: 'fsn1', sshKeys: [], adminCidrs: [], pools: [], kubernetesVersion })

const told: { site: Site; running: string; what: string; detail: RegExp }[] = [
  {
    site: local(),
    running: older,
    what: `Kubernetes ${older} → ${newest}`,
    detail: /control plane, then each machine/,
  },
  { site: rancher('1.34.6'), running: '1.33.9', what: 'Kubernetes 1.33.9 → 1.34.6', detail: /Rancher upgrades/ },
  {
    site: hcloud('1.36.3'),
    running: '1.35.8',
    what: 'Kubernetes 1.35.8 → 1.36.3',
    detail: /machines to come.*by hand/,
  },
]
for (const { site, running, what, detail } of told)
  test(`plan says ${what} in words`, () =>
    expect(kubernetesChanges(site, { version: running })).toMatchObject([
      { level: 'cluster', kind: 'change', what, details: [expect.stringMatching(detail)] },
    ]))

test('nothing is said of what is as it is to be, of a cluster that is not there, and of one that is somebody else’s', () => {
  expect(kubernetesChanges(local(newest), { version: newest })).toEqual([])
  expect(kubernetesChanges(rancher(), { version: '1.35.8' })).toEqual([])
  expect(kubernetesChanges(local(newest), undefined)).toEqual([])
  expect(kubernetesChanges(far({ kind: 'existing', roles: {} }), { version: '1.30.1' })).toEqual([])
})

test('an upgrade that was cut short goes on, and plan says how far it is', () => {
  const running = { version: newest, upgrade: 'machine node-1: 3 pods leave it' }
  expect(kubernetesChanges(local(), running)).toMatchObject([
    { what: `Kubernetes ${newest}: its upgrade goes on`, details: ['machine node-1: 3 pods leave it'] },
  ])
})

const refused: { site: Site; running: string; says: RegExp }[] = [
  { site: local(older), running: newest, says: /goes back.*The way back is \.\/cloudmgr down/ },
  { site: rancher('1.33.9'), running: '1.35.8', says: /goes back.*snapshot of etcd/ },
  { site: rancher('1.35.8'), running: '1.33.9', says: /over a minor version.*first one of 1\.34/ },
  { site: hcloud('1.37.1'), running: '1.35.8', says: /over a minor version.*first one of 1\.36/ },
]
for (const { site, running, says } of refused)
  test(`${running} does not go to what Kubernetes does not support: ${says.source}`, () =>
    expect(() => kubernetesChanges(site, { version: running })).toThrow(says))

test('which version a Rancher was told stands in the state', () => {
  const instances = [{ attributes: { kubernetes_version: 'v1.35.8+rke2r1' } }]
  const cluster = { mode: 'managed', type: 'rancher2_cluster_v2', instances }
  expect(versionInState(JSON.stringify({ resources: [{ mode: 'data', type: 'x' }, cluster] }))).toBe('v1.35.8')
  expect(versionInState(JSON.stringify({ resources: [] }))).toBeUndefined()
  expect(versionInState(undefined)).toBeUndefined()
})
