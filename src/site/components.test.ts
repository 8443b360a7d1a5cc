import { expect, test } from 'vitest'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { cores, gigabytes, readComponents, readNodes } from './components.ts'

test('quantities are told as people count', () => {
  expect(['4', '3500m'].map(cores)).toEqual(['4', '3.5'])
  expect(['8Gi', '8388608Ki', '1000000000'].map(gigabytes)).toEqual(['8.0', '8.0', '0.9'])
})

test('components and nodes are read with their states', async () => {
  const kubernetes = createFakeKubernetes()
  const status = { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '4', memory: '8Gi' } }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'omegaml-services' } })
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1', labels: { 'omegaml.io/role': 'worker' } },
    status,
  })
  const web = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'omegaweb', namespace: 'omegaml-services' },
  }
  await kubernetes.apply(web)
  expect(await readComponents(kubernetes)).toMatchObject([{ name: 'omegaweb', kind: 'Deployment', state: 'ready' }])
  expect(await readNodes(kubernetes)).toEqual([
    { name: 'node-1', role: 'worker', ready: true, cores: '4', memoryGb: '8.0' },
  ])
})
