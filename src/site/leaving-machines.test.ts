import { expect, test } from 'vitest'
import { createTestContext } from '../actions/testing.ts'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { createFakeRancher } from '../adapters/rancher/fake.ts'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { letMachinesGo } from './leaving-machines.ts'

const joined = (key: string) => `module.machines.hcloud_server.this["${key}"]`
const node = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
})

async function setUp(isReached = true) {
  const clock = createFakeClock(0)
  const kubernetes = createFakeKubernetes()
  for (const name of ['acme-worker-1', 'acme-worker-2', 'other-worker-2']) await kubernetes.apply(node(name))
  const api = createFakeRancher()
  api.joined.push({ name: 'custom-1', node: 'acme-worker-1' }, { name: 'custom-2', node: 'acme-worker-2' })
  const rancher = { api, url: 'https://rancher.example.org', token: () => 't' }
  const letGo = letMachinesGo({ site: 'acme', kubernetes, clock, isReached: () => isReached, rancher })
  const closed = async () =>
    (await kubernetes.list({ apiVersion: 'v1', kind: 'Node' }))
      .filter(({ spec }) => (spec as { unschedulable?: boolean } | undefined)?.unschedulable === true)
      .map(({ metadata }) => metadata.name)
  return { letGo, api, closed, now: () => clock.now() }
}

test('the machine that goes is closed and forgotten, and no other', async () => {
  const { letGo, api, closed } = await setUp()
  await letGo([joined('worker-2'), 'module.machines.hcloud_placement_group.this["worker"]'], createTestContext())
  expect(await closed()).toEqual(['acme-worker-2'])
  expect(api.joined.map(({ name }) => name)).toEqual(['custom-1'])
})

const nothing = [
  { why: 'what is no machine', isReached: true, address: 'module.volumes.hcloud_volume.this["worker-2"]' },
  { why: 'the machine of a Rancher', isReached: true, address: 'module.rancher.hcloud_server.this' },
  { why: 'a cluster that never came up', isReached: false, address: joined('worker-2') },
]
for (const { why, isReached, address } of nothing)
  test(`nothing is drained for ${why}`, async () => {
    const { letGo, api, closed } = await setUp(isReached)
    await letGo([address], createTestContext())
    expect(await closed()).toEqual([])
    expect(api.joined).toHaveLength(2)
  })

test('a Rancher that does not let go is waited for, and does not keep the machine', async () => {
  const { letGo, api, now } = await setUp()
  api.deleteMachine = async () => {}
  const context = createTestContext()
  await letGo([joined('worker-2')], context)
  expect(now()).toBeGreaterThanOrEqual(300_000)
  expect(context.reasons).toContain('Rancher to let acme-worker-2 go')
})
