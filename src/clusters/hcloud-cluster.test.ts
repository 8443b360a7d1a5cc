import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { AppError } from '../base/errors.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import type { ClusterKeys } from './cluster-keys.ts'
import { adminAccess, beginCluster, findNotes, keepAccess } from './cluster-rows.ts'
import { freeSubnet, hcloudCluster, hcloudNeighbours, renewAdmins } from './hcloud-cluster.ts'
import { loadProvider } from './provider.ts'
import { testJoining as joining } from './testing.ts'

const ring = parseKeyRing(`k1:${Buffer.alloc(32, 3).toString('base64')}`, 'the test')
const keys = { engine: ring, settings: ring }
const provider = loadProvider(resolve(import.meta.dirname, '../../catalog/providers'), 'hcloud')
const join = async () => ({ joining, agentToken: 'of-the-site' })
const site = { cluster: 'omega', endpoint: '', ca: '', modules: '../../terraform' }
const order = (name: string) => ({ name, type: 'medium', role: 'worker', size: 3, domain: 'd', links: [] })
const day = 86_400_000
const volumeKind = { apiVersion: 'v1', kind: 'PersistentVolume' }
let now = Date.parse('2026-01-01T00:00:00Z')
const clock = {
  now: () => now,
  sleep: async (ms: number) => {
    now += ms
  },
}

let db: Db
beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00Z')
  db = openDatabase('sqlite::memory:')
  await migrate(db)
})
afterEach(async () => await db.destroy())

const maker = () => hcloudCluster({ db, keys, clock, provider, site: 'omega', join, token: 'TOKEN' })
const begun = async (name: string) => await beginCluster(db, { name, account: 1, provider: 'hcloud' }, now)
const variablesOf = async (name: string) => (await maker().rootFor(order(name))).root(site).variables

test('clusters that are ordered at the same time get subnets of their own, which stay theirs; one that is free is used again', async () => {
  const names = ['second', 'third']
  for (const name of names) await begun(name)
  const both = await Promise.all(names.map(variablesOf))
  expect(both.map((one) => String(one['subnet_range'])).toSorted()).toEqual(['10.0.128.0/24', '10.0.129.0/24'])
  expect(await Promise.all(names.map(variablesOf))).toEqual(both)
  await db.deleteFrom('clusters').where('name', '=', 'second').execute()
  await begun('fourth')
  expect((await variablesOf('fourth'))['subnet_range']).toBe(both[0]?.['subnet_range'])
})

test('the first machine is the control plane and works, secrets come by the environment, and nothing is open', async () => {
  await begun('second')
  const { root, env } = await maker().rootFor(order('second'))
  const { main, variables } = root(site)
  expect(variables).toMatchObject({
    name: 'omega-second',
    labels: { site: 'omega', ordered: 'omega-second' },
    control: { count: 1, server_type: 'cx33', role: 'worker' },
    pools: { machine: { role: 'worker', server_type: 'cx33', size: 2 } },
    api_ranges: [],
    load_balancer: false,
  })
  expect(JSON.stringify([main, variables])).not.toContain('PRIVATE KEY')
  expect(env['TF_VAR_keys']).toContain('PRIVATE KEY')
  const { nodes = [] } = maker().stays?.(order('second')) ?? {}
  expect(nodes).toEqual(['omega-second-machine-1', 'omega-second-machine-2'])
  const long = await maker().rootFor(order('a-name-of-nearly-thirty-letters'.slice(0, 30)))
  expect(long.root(site).variables['name']).toMatch(/^[a-z][a-z0-9-]{0,28}[a-z0-9]$/)
})

test('a /24 in the upper half of the network is taken, and a full network is told', () => {
  const small = { ...joining, network_range: '10.9.4.0/22', server: '10.9.6.11' }
  expect(freeSubnet(small, [])).toBe('10.9.7.0/24')
  expect(() => freeSubnet(small, ['10.9.7.0/24'])).toThrow(expect.objectContaining({ code: 'network-full' }))
  expect(freeSubnet({ ...joining, network_range: '192.168.0.0/16' }, [])).toBe('192.168.128.0/24')
})

test('who comes is a machine of the network, or the control machine that passes it on', () => {
  const node = (address: string, podCIDR: string) => {
    const status = { addresses: [{ type: 'InternalIP', address }] }
    return { apiVersion: 'v1', kind: 'Node', metadata: { name: address }, spec: { podCIDR }, status }
  }
  const nodes = [node('10.0.1.2', '10.42.1.0/24'), node('10.0.1.11', '10.42.3.0/24')]
  expect(hcloudNeighbours({ joining, agentToken: '' }, nodes)).toEqual(['10.0.0.0/16', '10.42.3.0/32'])
  expect(hcloudNeighbours({ joining, agentToken: '' }, [])).toEqual(['10.0.0.0/16'])
})

test('before a cluster goes, accounts are taken away with their claims, and Hetzner deletes the disks of all claims', async () => {
  const kubernetes = createFakeKubernetes()
  const named = (kind: string, name: string, rest: object = {}) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, ...rest },
  })
  await kubernetes.apply(named('Namespace', 'om-alice', { labels: { 'omegaml.io/account': 'alice' } }))
  await kubernetes.apply(named('Namespace', 'others'))
  await kubernetes.apply(named('PersistentVolumeClaim', 'data', { namespace: 'others' }))
  const csi = { driver: 'csi.hetzner.cloud', volumeHandle: '7' }
  const claimRef = { namespace: 'others', name: 'data' }
  await kubernetes.apply({ ...named('PersistentVolume', 'pvc-1'), spec: { csi, claimRef } })
  await kubernetes.apply({ ...named('PersistentVolume', 'pvc-2'), spec: { csi } })
  await kubernetes.apply({ ...named('PersistentVolume', 'folder'), spec: { hostPath: { path: '/f' } } })
  const seen: unknown[] = []
  const driver = async (reason: string | undefined) => {
    if (reason !== 'Hetzner to delete pvc-1, pvc-2') return
    for (const name of ['pvc-1', 'pvc-2']) {
      seen.push((await kubernetes.find({ ...volumeKind, name }))?.['spec'])
      await kubernetes.delete({ ...volumeKind, name })
    }
  }
  const { signal } = new AbortController()
  await maker().beforeRemoval?.('second', kubernetes, {
    signal,
    output: () => {},
    waiting: (reason) => void driver(reason),
  })
  const deleting = { persistentVolumeReclaimPolicy: 'Delete' }
  expect(seen).toMatchObject([deleting, deleting])
  const left = async (kind: string) =>
    (await kubernetes.list({ apiVersion: 'v1', kind })).map(({ metadata }) => metadata.name)
  expect(await left('Namespace')).toEqual(['others'])
  expect(await left('PersistentVolumeClaim')).toEqual([])
  expect(await left('PersistentVolume')).toEqual(['folder'])
})

test('a cluster that does not answer goes all the same after a while, and it is told what may be left of it', async () => {
  const kubernetes = createFakeKubernetes()
  kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'gone'))
  const lines: string[] = []
  const { signal } = new AbortController()
  const running = { signal, output: (line: string) => void lines.push(line), waiting: () => {} }
  await maker().beforeRemoval?.('second', kubernetes, running)
  expect(lines).toEqual([expect.stringContaining('hcloud volume list -l cluster=omega-second')])
})

test('the administrator’s certificate is made anew two months before it ends, in notes and kubeconfig alike', async () => {
  await begun('second')
  const { keys: made } = (await notesIn('second')) ?? {}
  const access = await maker().made({ api_server: 'https://10.0.128.11:6443' }, order('second'))
  await keepAccess(db, keys, 'second', { ...access, observer: '' }, now)
  expect(await renewAdmins(db, keys, now + 300 * day)).toEqual([])

  const late = now + 310 * day
  expect(await renewAdmins(db, keys, late)).toEqual(['second'])
  const kubeconfig = (await adminAccess(db, keys, 'second')) ?? ''
  const { users } = parse(kubeconfig) as { users: { user: { 'client-certificate-data': string } }[] }
  const certificate = Buffer.from(users[0]?.user['client-certificate-data'] ?? '', 'base64')
  expect(new X509Certificate(certificate).validToDate.getTime()).toBeGreaterThan(late + 360 * day)
  const { keys: after } = (await notesIn('second')) ?? {}
  expect(after).toMatchObject({ admin_crt: certificate.toString(), token: made?.token })
  expect(await renewAdmins(db, keys, late)).toEqual([])
  // An order that had read its notes before.
  await keepAccess(db, keys, 'second', { ...access, observer: '' }, now)
  expect(await renewAdmins(db, keys, late)).toEqual(['second'])
  expect(await adminAccess(db, keys, 'second')).toBe(kubeconfig)
})

async function notesIn(name: string): Promise<{ readonly keys: ClusterKeys } | undefined> {
  await maker().rootFor(order(name))
  return (await findNotes(db, keys, name)) as { keys: ClusterKeys } | undefined
}
