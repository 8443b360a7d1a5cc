import { expect, test } from 'vitest'
import { machineOrder, type MachineRecord, type MachineUpgrade } from './machine.ts'
import { mustDrain, nextToUpgrade, upgradeText } from './upgrade.ts'

const machine = (name: string, kubernetesVersion: string, upgrade?: MachineUpgrade): { record: MachineRecord } => ({
  record: {
    ...machineOrder.parse({ cores: 2, memoryGb: 4 }),
    name,
    number: 11,
    orderedBy: 'operator',
    kubernetesVersion,
    ...(upgrade === undefined ? {} : { upgrade }),
  },
})

const turns: { machines: { record: MachineRecord }[]; next: string | undefined; why: string }[] = [
  { machines: [], next: undefined, why: 'without machines nothing is to be done' },
  { machines: [machine('a', '1.37.2'), machine('b', 'v1.37.2')], next: undefined, why: 'all have it' },
  { machines: [machine('b', '1.36.3'), machine('a', '1.36.3')], next: 'a', why: 'by name' },
  { machines: [machine('a', '1.37.2'), machine('b', '1.36.3')], next: 'b', why: 'those that have it are left alone' },
  {
    machines: [machine('a', '1.36.3'), machine('b', '1.36.3', { cordoned: true })],
    next: 'b',
    why: 'one that is cordoned already comes first, or two would be away',
  },
  {
    machines: [machine('a', '1.36.3'), machine('b', '1.37.2', { cordoned: true })],
    next: 'b',
    why: 'one that was killed before it was uncordoned is ended first',
  },
]
for (const { machines, next, why } of turns)
  test(`next is ${next}: ${why}`, () => expect(nextToUpgrade(machines, '1.37.2')?.record.name).toBe(next))

test('a machine is drained for another minor version, where another one could take its pods', () => {
  expect(mustDrain('1.36.3', '1.37.2', true)).toBe(true)
  expect(mustDrain('1.36.3', '1.37.2', false)).toBe(false)
  expect(mustDrain('1.37.1', '1.37.2', true)).toBe(false)
})

test('people read from where to where it goes', () => {
  expect(upgradeText('1.36.3', '1.37.2', 'control plane')).toBe('Kubernetes 1.36.3 → 1.37.2, control plane')
  expect(upgradeText('1.37.2', '1.37.2', 'machine a: 2 pods come up')).toBe(
    'Kubernetes 1.37.2, machine a: 2 pods come up',
  )
})
