import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { hcloudMachines, hcloudNodepoolRoot } from './hcloud-nodepool-root.ts'
import { loadProvider } from './provider.ts'
import { testJoining as joining } from './testing.ts'

const provider = loadProvider(resolve(import.meta.dirname, '../../catalog/providers'), 'hcloud')
const pool = { account: 'alice', name: 'gpu', role: 'worker', size: 2 }

test('a word for a size is one of Hetzner’s types, and its own words are taken, too', () => {
  const types = ['small', 'large', 'ccx43'].map(
    (type) => hcloudMachines(pool, type, 'acme', provider)['acme-alice-gpu-1'],
  )
  expect(types.map((machine) => machine?.['server_type'])).toEqual(['cx23', 'cx43', 'ccx43'])
  expect(types[0]).toEqual({
    role: 'worker',
    server_type: 'cx23',
    labels: { 'omegaml.io/pool': 'alice-gpu' },
    taints: [{ key: 'omegaml.io/account', value: 'alice', effect: 'NoSchedule' }],
  })
})

test('another size leaves the machines that stay as they are, and long names stay apart', () => {
  const three = hcloudMachines({ ...pool, size: 3 }, 'small', 'acme', provider)
  expect(three).toMatchObject(hcloudMachines(pool, 'small', 'acme', provider))
  const long = { ...pool, account: 'a'.repeat(30), name: 'p'.repeat(15) }
  const names = Object.keys(hcloudMachines(long, 'small', 'c'.repeat(30), provider))
  expect(new Set(names).size).toBe(2)
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,63}$/)
})

test('tokens are in neither file of the root', () => {
  const root = hcloudNodepoolRoot({ cluster: 'acme', joining, modules: '../../terraform' }, pool, {})
  expect(root.variables).toEqual({ cluster: 'acme', pool: 'acme-alice-gpu', joining, machines: {} })
  expect(root.main).toMatchObject({
    variable: { agent_token: { sensitive: true } },
    module: { nodepool: { source: '../../terraform/hcloud-nodepool', agent_token: '${var.agent_token}' } },
  })
})
