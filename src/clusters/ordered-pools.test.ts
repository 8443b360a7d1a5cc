import { expect, test } from 'vitest'
import { orderedIn, type RancherHandover, rancherPoolValues, withOrderedPools } from './ordered-pools.ts'
import type { TerraformRoot } from './root.ts'

const handed = {
  variables: {
    pools: {
      control: { role: 'control', machine_type: 'small-1', size: 1 },
      'alice-taken': { role: 'system', machine_type: 'medium-2', size: 1 },
      everything: { role: 'worker', machine_type: 'large-4', disk_gb: 80, size: 1 },
    },
  },
} as unknown as RancherHandover
const pool = { account: 'alice', name: 'gpu', role: 'gpu', type: 'small', size: 2 }

test('a pool has machines as one of the site’s own has them; small is that of its workers', () => {
  expect(rancherPoolValues(pool, handed)).toEqual({
    role: 'gpu',
    machine_type: 'large-4',
    disk_gb: 80,
    size: 2,
    labels: { 'omegaml.io/pool': 'alice-gpu' },
    taints: [{ key: 'omegaml.io/account', value: 'alice', effect: 'NoSchedule' }],
  })
  expect(rancherPoolValues({ ...pool, type: 'medium-2' }, handed)).toMatchObject({ machine_type: 'medium-2' })
  expect(rancherPoolValues({ ...pool, min: 1, max: 4 }, handed)).toMatchObject({ size: 2, min: 1, max: 4 })
})

const wrong: { why: string; given: object; details: object }[] = [
  { why: 'a type of the control plane alone', given: { type: 'small-1' }, details: { field: 'node-type' } },
  { why: 'min without max', given: { min: 1 }, details: { field: 'min' } },
  { why: 'a size outside', given: { min: 3, max: 4 }, details: { field: 'min' } },
  { why: 'the name of a pool of the site file', given: { name: 'taken' }, details: { field: 'name' } },
]
for (const { why, given, details } of wrong)
  test(`${why} is refused`, () => {
    const refused = expect.objectContaining({ kind: 'invalid', details: expect.objectContaining(details) })
    expect(() => rancherPoolValues({ ...pool, ...given }, handed)).toThrow(refused)
  })

test('the operator’s version changes with what the operator wants, and with nothing that is looked up', () => {
  const root: TerraformRoot = {
    main: { variable: { pools: {} }, module: { cluster: { source: 's' } }, output: {} },
    variables: { name: 'acme', pools: {} },
  }
  const versionOf = (variables: object, ordered = {}) => {
    const { main } = withOrderedPools({ ...root, variables: { ...root.variables, ...variables } }, ordered)
    return (main['output'] as { site_version: { value: string } }).site_version.value
  }
  const first = versionOf({})
  expect(versionOf({ observed: { gpu: 3 } }, { 'alice-gpu': { size: 1 } })).toBe(first)
  expect(versionOf({ pools: { more: {} } })).not.toBe(first)
  expect(orderedIn({})).toBeUndefined()
  expect(orderedIn({ ordered_pools: {} })).toEqual({})
})
