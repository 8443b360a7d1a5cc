import { expect, test } from 'vitest'
import { restoredState, summaryOf } from './terraform-state.ts'

const machine = (...keys: (string | number)[]) => ({
  mode: 'managed',
  module: 'module.nodepool',
  type: 'localcloud_machine',
  name: 'this',
  instances: keys.map((index_key) => ({ index_key, attributes: { token: 'geheim' } })),
})
const state = (serial: number, resources: object[], lineage = 'l1') =>
  JSON.stringify({ version: 4, serial, lineage, outputs: { key: { value: 'geheim' } }, resources })

test('a summary names what is managed, and no value', () => {
  const single = { mode: 'managed', type: 'localcloud_volume', name: 'a', instances: [{}] }
  const lookedUp = { mode: 'data', type: 'localcloud_dns', name: 'b', instances: [{}] }
  const text = state(7, [machine('b-1', 'a"1', 3), single, lookedUp])
  const summary = summaryOf(text)
  expect(summary).toEqual({
    serial: 7,
    lineage: 'l1',
    bytes: text.length,
    addresses: [
      'localcloud_volume.a',
      'module.nodepool.localcloud_machine.this["a\\"1"]',
      'module.nodepool.localcloud_machine.this["b-1"]',
      'module.nodepool.localcloud_machine.this[3]',
    ],
  })
  expect(JSON.stringify(summary)).not.toContain('geheim')
})

test('what is no state is refused without a word of it', () => {
  for (const text of ['geheim', '"geheim"', 'null', '']) {
    expect(() => summaryOf(text)).toThrow(expect.objectContaining({ code: 'state-unreadable' }))
    expect(() => summaryOf(text)).not.toThrow(/geheim/)
  }
})

test('a restored state follows the present one', () => {
  const restored = restoredState('r', state(2, [machine('a')]), state(9, []))
  expect(JSON.parse(restored ?? '')).toEqual(JSON.parse(state(10, [machine('a')])))
})

test('the state that is there already is not written again', () => {
  expect(restoredState('r', state(2, [machine('a')]), state(9, [machine('a')]))).toBeUndefined()
})

test('a state of another history is refused', () => {
  expect(() => restoredState('r', state(2, [], 'l2'), state(9, []))).toThrow(
    expect.objectContaining({ kind: 'conflict', code: 'state-lineage' }),
  )
})
