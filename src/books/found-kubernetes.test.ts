import { expect, test } from 'vitest'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { findInKubernetes } from './found-kubernetes.ts'

test('nodes of pools that accounts ordered are a part of them; those of the site’s own are nobody’s', async () => {
  const kubernetes = createFakeKubernetes()
  for (const pool of ['alice-gpu', 'everything'])
    await kubernetes.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `acme-${pool}-1`, labels: { 'omegaml.io/pool': pool } },
    })
  expect(await findInKubernetes({ kubernetes })).toMatchObject([
    { kind: 'v1/Node', name: 'acme-alice-gpu-1', sure: false, partOf: 'terraform root nodepool-alice-gpu' },
  ])
})
