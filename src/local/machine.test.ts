import { describe, expect, test } from 'vitest'
import {
  checkMachineName,
  checkSize,
  labelsOfItsOwn,
  type MachineRecord,
  machineOrder,
  nodeLabels,
  replaceNeeded,
  reserved,
  sameOrder,
} from './machine.ts'
import { nodeChange, type NodeObject } from './node-objects.ts'

const order = machineOrder.parse({ cores: 2, memoryGb: 4, role: 'worker' })
const record: MachineRecord = {
  ...order,
  name: 'node-1',
  number: 11,
  orderedBy: 'operator',
  kubernetesVersion: '1.37.2',
}

describe('orders', () => {
  const refused: { body: object; why: string }[] = [
    { body: { memoryGb: 4 }, why: 'without cores' },
    { body: { cores: 0, memoryGb: 4 }, why: 'with no cores' },
    { body: { cores: 2, memoryGb: 4, colour: 'red' }, why: 'with a field nobody knows' },
    { body: { cores: 2, memoryGb: 4, taints: [{ key: 'a', effect: 'Sometimes' }] }, why: 'with an unknown effect' },
    { body: { cores: 2, memoryGb: 4, gpu: 1 }, why: 'of real ones with GPUs' },
    { body: { cores: 2, memoryGb: 4, labels: { 'a b': 'c' } }, why: 'with a label that Kubernetes refuses' },
  ]
  for (const { body, why } of refused)
    test(`are refused ${why}`, () => expect(machineOrder.safeParse(body).success).toBe(false))

  test('may leave out labels and taints, or say null', () => {
    expect(machineOrder.parse({ cores: 1, memoryGb: 1, labels: null, taints: null })).toMatchObject({
      labels: {},
      taints: [],
    })
  })

  test('are the same whatever the order of their labels', () => {
    expect(sameOrder({ ...order, labels: { a: '1', b: '2' } }, { ...order, labels: { b: '2', a: '1' } })).toBe(true)
    expect(sameOrder(order, { ...order, cores: 3 })).toBe(false)
  })

  test('change a living machine, but not its kind', () => {
    expect(replaceNeeded(order, { ...order, cores: 8, role: 'system' })).toBeUndefined()
    expect(replaceNeeded(order, { ...order, simulated: true })).toBe('simulated')
    const simulated = { ...order, simulated: true }
    expect(replaceNeeded(simulated, { ...simulated, gpu: 1 })).toBe('gpu')
  })

  test('of more memory than the host has are refused unless simulated', () => {
    expect(() => checkSize({ ...order, memoryGb: 9 }, 7.6)).toThrow('at most 8')
    expect(() => checkSize({ ...order, memoryGb: 8 }, 7.6)).not.toThrow()
    expect(() => checkSize({ ...order, memoryGb: 900, simulated: true }, 7.6)).not.toThrow()
  })

  test('name machines as hosts are named', () => {
    expect(checkMachineName('worker-1')).toBe('worker-1')
    for (const name of ['w', '1a', 'a_b', 'A1', '../x', 'a'.repeat(41)])
      expect(() => checkMachineName(name)).toThrow('not usable')
  })
})

test('a machine offers exactly what was ordered', () => {
  const host = { cores: 4, memoryKb: 16 * 2 ** 20 }
  const keep = reserved({ cores: 1.5, memoryGb: 4 }, host)
  expect(keep.cpu).toBe('2500m')
  expect(host.memoryKb - Number(keep.memory.replace('Ki', '')) - keep.evictKb).toBe(4 * 2 ** 20)
  expect(reserved({ cores: 8, memoryGb: 64 }, host)).toMatchObject({ cpu: '0m', memory: '0Ki' })
})

test('a node may not give itself the labels of Kubernetes', () => {
  const labels = { 'omegaml.io/role': 'worker', 'node-role.kubernetes.io/worker': '', 'x.k8s.io/y': 'z', plain: 'yes' }
  expect(Object.keys(labelsOfItsOwn(labels))).toEqual(['omegaml.io/role', 'plain'])
})

test('a simulated machine always says so', () => {
  expect(nodeLabels({ ...order, simulated: true })).toMatchObject({ 'localcloud/simulated': 'true', type: 'kwok' })
})

describe('a node is changed', () => {
  const node = (labels: Record<string, string>, ordered?: object, taints: object[] = []): NodeObject =>
    ({
      metadata: {
        name: 'node-1',
        labels,
        annotations: ordered === undefined ? {} : { 'cloudmgr.io/ordered': JSON.stringify(ordered) },
      },
      spec: { taints },
    }) as NodeObject
  const noted = { labels: ['omegaml.io/role'], taints: [] }

  test('not at all when it is as ordered', () => {
    expect(nodeChange(record, node({ 'omegaml.io/role': 'worker', other: 'kept' }, noted))).toBeUndefined()
  })

  test('by what an earlier order put there and this one does not name', () => {
    const before = { labels: ['old', 'omegaml.io/role'], taints: ['only:NoSchedule'] }
    const present = node({ old: 'x', 'omegaml.io/role': 'system' }, before, [{ key: 'only', effect: 'NoSchedule' }])
    expect(nodeChange(record, present)).toMatchObject({
      labels: { old: null, 'omegaml.io/role': 'worker' },
      taints: [],
    })
  })

  test('without touching the taints of others', () => {
    const foreign = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }
    const wanted = { ...record, taints: [{ key: 'only', value: 'me', effect: 'NoSchedule' as const }] }
    const change = nodeChange(wanted, node({ 'omegaml.io/role': 'worker' }, noted, [foreign]))
    expect(change?.taints).toEqual([foreign, { key: 'only', effect: 'NoSchedule', value: 'me' }])
  })
})
