import { expect, test } from 'vitest'
import { bound } from '../actions/testing.ts'
import { createFakeHcloud } from '../adapters/hcloud/fake.ts'
import type { HcloudThing } from '../adapters/hcloud/port.ts'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { hcloudJoin } from '../clusters/hcloud-nodepool-root.ts'
import { testJoining as joining } from '../clusters/testing.ts'
import { orderedMachinesAction } from './actions/ordered-machines.ts'
import { providerHcloudAction } from './actions/provider-hcloud.ts'

const keys = JSON.stringify({ agent_token: 'of-workers', token: 'of-the-control-plane' })
const place = { apiVersion: 'v1', kind: 'Secret', name: 'cloudmgr-provider', namespace: 'omegaml-services' }

test('the engine gets what machines need to join, and nothing that opens the control plane', async () => {
  const kubernetes = createFakeKubernetes()
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'omegaml-services' } })
  let secrets: Record<string, string> = { token: 'of-the-operator', 'cluster-keys': keys }
  const action = providerHcloudAction({ kubernetes, secrets: () => secrets })
  const step = bound(action, { cluster: 'acme', namespace: 'omegaml-services', joining })
  expect(await step.ensure()).toMatchObject({ changed: true })
  expect(await step.ensure()).toMatchObject({ changed: false })
  const read = async () => {
    const data = (await kubernetes.find(place))?.['data'] as Record<string, string>
    return Object.fromEntries(
      Object.entries(data).map(([name, text]) => [name, Buffer.from(text, 'base64').toString()]),
    )
  }
  const { settings = '', ...rest } = await read()
  expect(rest).toEqual({ provider: 'hcloud', cluster: 'acme', token: 'of-the-operator' })
  expect(hcloudJoin.parse(JSON.parse(settings))).toEqual({ joining, agentToken: 'of-workers' })
  expect(settings).not.toContain('of-the-control-plane')

  // One that can be revoked alone is taken where there is one.
  secrets = { ...secrets, 'cluster-token': 'of-the-cluster' }
  await step.ensure()
  expect((await read())['token']).toBe('of-the-cluster')
})

test('down takes the ordered machines of its own cluster away, then their placement groups', async () => {
  const hcloud = createFakeHcloud()
  const thing = (kind: HcloudThing['kind'], id: number, labels: Record<string, string>) => ({
    kind,
    id,
    name: `${kind} ${id}`,
    labels,
  })
  hcloud.things.push(
    thing('placement group', 1, { cluster: 'acme', ordered: 'acme-alice-gpu' }),
    thing('server', 2, { cluster: 'acme', ordered: 'acme-alice-gpu' }),
    thing('server', 3, { cluster: 'acme', role: 'worker' }),
    thing('server', 4, { cluster: 'other', ordered: 'other-bob-gpu' }),
  )
  const asked: number[] = []
  const spied = {
    ...hcloud,
    delete: async (token: string, one: HcloudThing) => {
      asked.push(one.id)
      await hcloud.delete(token, one)
    },
  }
  const step = bound(orderedMachinesAction({ hcloud: spied, token: () => 't', sleep: async () => {} }), {
    cluster: 'acme',
  })
  expect(await step.observe()).toMatchObject({ state: 'present' })
  expect(await step.remove()).toMatchObject({ changed: true })
  expect(asked).toEqual([2, 1])
  expect(hcloud.things.map(({ id }) => id)).toEqual([3, 4])
  expect([await step.observe(), await step.remove()]).toMatchObject([{ state: 'absent' }, { changed: false }])
})

test('down takes clusters beside the site’s own away, tells which volumes stay, and a purge takes those, too', async () => {
  const hcloud = createFakeHcloud()
  const kinds: readonly HcloudThing['kind'][] = ['volume', 'firewall', 'primary IP', 'server']
  const labels = { cluster: 'acme-second', site: 'acme', ordered: 'acme-second' }
  for (const [index, kind] of kinds.entries()) hcloud.things.push({ kind, id: index, name: `the-${kind}`, labels })
  hcloud.things.push({ kind: 'server', id: 9, name: 'other', labels: { ...labels, site: 'other' } })
  const action = orderedMachinesAction({ hcloud, token: () => 't', sleep: async () => {} })
  const { message } = await bound(action, { cluster: 'acme' }).remove()
  expect(message).toContain("still at Hetzner, and nobody's: volume the-volume")
  expect(hcloud.things.map(({ name }) => name)).toEqual(['the-volume', 'other'])
  expect(await bound(action, { cluster: 'acme' }).observe()).toMatchObject({ state: 'absent' })

  const purge = bound(action, { cluster: 'acme', data: 'delete' })
  expect(await purge.observe()).toMatchObject({ state: 'present' })
  await purge.remove()
  expect(hcloud.things.map(({ name }) => name)).toEqual(['other'])
})
