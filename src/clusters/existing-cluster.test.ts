import { describe, expect, test } from 'vitest'
import {
  type ClusterFacts,
  type ExistingCluster,
  type NodeFacts,
  nodeChanges,
  requireFit,
  unfit,
} from './existing-cluster.ts'

const big = (name: string, more: Partial<NodeFacts> = {}): NodeFacts => ({
  name,
  isReady: true,
  cores: 4,
  memoryGb: 15.6,
  role: undefined,
  taints: [],
  resourceVersion: '7',
  ...more,
})
const csi = { name: 'fast', provisioner: 'ebs.csi.aws.com', isDefault: true }
const localPath = { name: 'local-path', provisioner: 'rancher.io/local-path', isDefault: false }
const good: ClusterFacts = { version: 'v1.35.4-eks-1', nodes: [big('a'), big('b')], classes: [csi], forbidden: [] }
const roles = { dbmaster: { nodes: ['a'] }, worker: { nodes: ['b'] } }

const cases: {
  facts?: Partial<ClusterFacts>
  wanted?: Partial<ExistingCluster>
  says: [string, RegExp][]
  why: string
}[] = [
  { says: [], why: 'a cluster that has everything will do' },
  { wanted: { roles: {} }, says: [], why: 'without roles no node is looked at' },
  { facts: { version: 'v1.29.1' }, says: [['kubernetes', /1\.32 to 1\.37/]], why: 'an old Kubernetes is refused' },
  {
    wanted: { kubernetes: { from: '1.32', to: '1.34' } },
    says: [['kubernetes', /1\.32 to 1\.34/]],
    why: 'a Rancher takes what it takes',
  },
  {
    wanted: { roles: { worker: { nodes: ['c'] } } },
    says: [['provider.roles.worker', /a, b/]],
    why: 'an unknown node is named',
  },
  {
    wanted: { roles: { worker: { nodes: [] } } },
    says: [['provider.roles.worker', /a, b/]],
    why: 'a role needs a node',
  },
  {
    wanted: { roles: { worker: { nodes: ['a'] }, system: { nodes: ['a'] } } },
    says: [['provider.roles.system', /a node for each role/]],
    why: 'a node has one role only',
  },
  {
    facts: { nodes: [big('a', { isReady: false }), big('b', { memoryGb: 3.8 })] },
    says: [
      ['provider.roles.dbmaster', /ready/],
      ['provider.roles.worker', /2 cores and 7 GB/],
    ],
    why: 'nodes must be ready and large enough',
  },
  { wanted: { storageClass: 'slow' }, says: [['storage.class', /fast/]], why: 'a class must be there' },
  { facts: { classes: [localPath] }, says: [['storage.class', /CSI/]], why: 'a class must be named or default' },
  {
    facts: { classes: [csi, localPath] },
    wanted: { storageClass: 'local-path' },
    says: [['storage.class', /fast/]],
    why: 'databases don’t go where they die with a machine',
  },
  {
    facts: { classes: [localPath], nodes: [big('a')] },
    wanted: { storageClass: 'local-path', roles: {} },
    says: [],
    why: 'on a single machine there is no other place',
  },
  {
    facts: { classes: [{ ...csi, provisioner: 'kubernetes.io/no-provisioner' }] },
    says: [['storage.class', /CSI/]],
    why: 'a class must make volumes',
  },
  {
    facts: { forbidden: [{ verb: 'create', group: '', resource: 'namespaces' }] },
    says: [['provider.kubeconfig', /cluster-admin/]],
    why: 'what we must not do is said',
  },
  {
    facts: { classes: [], forbidden: [{ verb: 'list', group: 'storage.k8s.io', resource: 'storageclasses' }] },
    says: [['provider.kubeconfig', /this verb/]],
    why: 'who may not look at classes is not told that there are none',
  },
]

describe('a cluster that exists', () => {
  for (const { facts, wanted, says, why } of cases) {
    test(why, () => {
      const found = unfit({ ...good, ...facts }, { roles, ...wanted })
      expect(found.map(({ field, right }) => [field, right])).toEqual(
        says.map(([field, right]) => [field, expect.stringMatching(right)]),
      )
    })
  }

  test('is refused with the first field and all that is wrong', () => {
    const poor = { ...good, version: 'v1.20.0', classes: [] }
    expect(() => requireFit(poor, { roles })).toThrow(
      expect.objectContaining({ code: 'cluster-unfit', message: expect.stringMatching(/kubernetes.*storage\.class/) }),
    )
    expect(() => requireFit(good, { roles })).not.toThrow()
  })
})

describe('nodes', () => {
  const tainted = { nodes: ['a'], taints: [{ key: 'omegaml.io/db', value: 'yes', effect: 'NoSchedule' as const }] }
  const others = { key: 'example.com/gpu', effect: 'NoSchedule' as const }

  test('get their role and taints, and keep those of others', () => {
    expect(nodeChanges([big('a', { taints: [others] }), big('b')], { dbmaster: tainted })).toEqual([
      { node: 'a', role: 'dbmaster', taints: [others, ...tainted.taints], resourceVersion: '7' },
    ])
  })

  test('that are as wanted are left alone', () => {
    const asWanted = big('a', { role: 'dbmaster', taints: [...tainted.taints, others] })
    expect(nodeChanges([asWanted], { dbmaster: tainted })).toEqual([])
    expect(nodeChanges([big('a', { role: 'worker' })], {})).toEqual([])
  })

  test('that are named no more lose their role and its taints', () => {
    const before = { dbmaster: tainted }
    const node = big('a', { role: 'dbmaster', taints: [...tainted.taints, others] })
    expect(nodeChanges([node, big('b', { role: 'worker' })], { worker: { nodes: ['b'] } }, before)).toEqual([
      { node: 'a', role: undefined, taints: [others], resourceVersion: '7' },
    ])
  })
})
