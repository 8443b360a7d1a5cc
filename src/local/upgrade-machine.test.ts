import { expect, test } from 'vitest'
import { createLog } from '../base/log.ts'
import type { Kube, KubeObject } from './kube.ts'
import { machineOrder, type MachineRecord } from './machine.ts'
import { type Cluster, type Machine, newMachine } from './running.ts'
import { upgradeMachine } from './upgrade-machine.ts'

/** A cluster of two nodes, with a pod that goes elsewhere when it is asked to; everything that is done to it is noted. */
class FakeCluster {
  readonly done: string[] = []
  kubelet = 'v1.36.3'
  unschedulable = false
  pods = ['web']
  /** Dies at the moment this is to be done, as a process that is killed. */
  dieAt: string | undefined

  do(what: string): void {
    if (this.dieAt === what) {
      this.dieAt = undefined
      throw new Error(`killed before: ${what}`)
    }
    this.done.push(what)
  }

  readonly kube = {
    find: async () => ({
      metadata: { name: 'node-1' },
      spec: { unschedulable: this.unschedulable },
      status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: this.kubelet } },
    }),
    merge: async (_path: string, { spec }: { spec: { unschedulable: true | null } }) => {
      this.do(spec.unschedulable === true ? 'cordon' : 'uncordon')
      this.unschedulable = spec.unschedulable === true
      return { metadata: { name: 'node-1' } }
    },
    list: async (path: string): Promise<KubeObject[]> =>
      path.includes('spec.nodeName') ? this.pods.map((name) => ({ metadata: { name, namespace: 'ours' } })) : [],
    create: async () => {
      this.do('evict')
      this.pods = []
      return { metadata: { name: 'web' } }
    },
  } as unknown as Kube
}

function upgradeOf(fake: FakeCluster, hasOthers = true) {
  const record: MachineRecord = {
    ...machineOrder.parse({ cores: 2, memoryGb: 4 }),
    name: 'node-1',
    number: 11,
    orderedBy: 'operator',
    kubernetesVersion: '1.36.3',
  }
  const machine: Machine = newMachine(record)
  const cluster = { kube: fake.kube, record: { kubernetesVersion: '1.37.2' } } as Cluster
  const run = async () =>
    await upgradeMachine({
      cluster,
      machine,
      hasOthers,
      save: (now) => {
        fake.do(`save ${now.kubernetesVersion}${now.upgrade === undefined ? '' : ' under way'}`)
        machine.record = now
      },
      start: async () => {
        fake.do(`start ${machine.record.kubernetesVersion}`)
        fake.kubelet = `v${machine.record.kubernetesVersion}`
      },
      stopped: () => false,
      tell: () => {
        // Read by people only.
      },
      log: createLog('test'),
    })
  return { machine, run }
}

const whole = [
  'save 1.36.3 under way',
  'cordon',
  'evict',
  'save 1.37.2 under way',
  'start 1.37.2',
  'uncordon',
  'save 1.37.2',
]

test('a machine is emptied before its kubelet is exchanged, and used again after', async () => {
  const fake = new FakeCluster()
  await upgradeOf(fake).run()
  expect(fake.done).toEqual(whole)
})

test('where no other machine could take them, pods stay', async () => {
  const fake = new FakeCluster()
  await upgradeOf(fake, false).run()
  expect(fake.done).toEqual(['save 1.37.2 under way', 'start 1.37.2', 'save 1.37.2'])
  expect(fake.pods).toEqual(['web'])
})

test('a machine that its operator had cordoned stays cordoned', async () => {
  const fake = new FakeCluster()
  fake.unschedulable = true
  await upgradeOf(fake).run()
  expect(fake.done).not.toContain('uncordon')
  expect(fake.unschedulable).toBe(true)
})

for (const moment of whole)
  test(`killed before "${moment}" it goes on, and ends as if nothing had happened`, async () => {
    const fake = new FakeCluster()
    const { machine, run } = upgradeOf(fake)
    fake.dieAt = moment
    await expect(run()).rejects.toThrow('killed')
    await run()
    expect(machine.record).toMatchObject({ kubernetesVersion: '1.37.2' })
    expect(machine.record.upgrade).toBeUndefined()
    expect({ kubelet: fake.kubelet, unschedulable: fake.unschedulable }).toEqual({
      kubelet: 'v1.37.2',
      unschedulable: false,
    })
    expect(fake.done.indexOf('evict')).toBeLessThan(fake.done.indexOf('start 1.37.2'))
  })
