import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { poolMachines } from './nodepool.ts'
import { credentialEnv, loadProvider, nodeTypeOf } from './provider.ts'

const pool = { account: 'alice', name: 'gpu', role: 'worker', size: 2 }
const type = { cores: 1, memoryGb: 2 }

test('a pool has one machine for each of its size, labelled, and closed to other accounts', () => {
  expect(poolMachines(pool, type)).toEqual({
    'alice-gpu-1': {
      role: 'worker',
      ...type,
      labels: { 'omegaml.io/pool': 'alice-gpu' },
      taints: [{ key: 'omegaml.io/account', value: 'alice', effect: 'NoSchedule' }],
      simulated: false,
    },
    'alice-gpu-2': expect.anything(),
  })
})

test('a shared pool takes everybody’s pods', () => {
  expect(poolMachines({ ...pool, size: 1, shared: true }, type)['alice-gpu-1']?.taints).toEqual([])
})

test('another size leaves the machines that stay as they are', () => {
  const [two, three] = [poolMachines(pool, type), poolMachines({ ...pool, size: 3 }, type)]
  expect(three).toMatchObject(two)
})

describe('providers', () => {
  const folder = resolve(import.meta.dirname, '../../catalog/providers')

  test('name what a node type has', () => {
    expect(nodeTypeOf(loadProvider(folder, 'local'), 'small')).toEqual({ cores: 1, memoryGb: 2 })
  })

  test('refuse an unknown type with the known ones', () => {
    const wrong = {
      code: 'node-type-unknown',
      details: { field: 'node-type', value: 'huge', right: 'small, medium, large' },
    }
    expect(() => nodeTypeOf(loadProvider(folder, 'local'), 'huge')).toThrow(expect.objectContaining(wrong))
    expect(() => nodeTypeOf(loadProvider(folder, 'local'), 'toString')).toThrow(/toString/)
  })

  test('pin what a cluster lacks at Hetzner: what nodes wait for comes first', () => {
    const charts = loadProvider(folder, 'hcloud').charts ?? []
    expect(charts.map(({ release, bootstrap }) => [release, bootstrap])).toEqual([
      ['hcloud-cloud-controller-manager', true],
      ['hcloud-csi', false],
      ['cert-manager', false],
    ])
  })

  test('are files: one that is not there is named', () => {
    expect(() => loadProvider(folder, 'moon')).toThrow(join(folder, 'moon.yml'))
  })
})

describe('a credential of the account’s own', () => {
  const cloud = { provider: 'acme', title: 'Acme', nodeTypes: {}, credential: { key: 'ACME_ID', secret: 'ACME_KEY' } }
  const own = { name: 'mine', key: 'id', secret: 'geheim' }

  test('becomes the variables of the provider’s plugin', () => {
    expect(credentialEnv(cloud, own)).toEqual({ ACME_ID: 'id', ACME_KEY: 'geheim' })
    expect(credentialEnv({ ...cloud, credential: { secret: 'TOKEN' } }, own)).toEqual({ TOKEN: 'geheim' })
  })

  const wrong: { why: string; given: () => unknown; field: string }[] = [
    { why: 'of another cloud', given: () => credentialEnv(cloud, { ...own, provider: 'other' }), field: 'credential' },
    {
      why: 'without the name of its key',
      given: () => credentialEnv(cloud, { name: 'mine', secret: 'x' }),
      field: 'key',
    },
    {
      why: 'of a cloud without',
      given: () => credentialEnv({ ...cloud, credential: undefined }, own),
      field: 'credential',
    },
  ]
  for (const { why, given, field } of wrong) {
    test(`${why} is refused without a word of the secret`, () => {
      expect(given).toThrow(
        expect.objectContaining({ code: 'credential-invalid', details: expect.objectContaining({ field }) }),
      )
      expect(given).not.toThrow(/geheim/)
    })
  }
})
