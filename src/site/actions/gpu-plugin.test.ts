import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { ActionContext } from '../../actions/action.ts'
import { createFakeHelm } from '../../adapters/helm/fake.ts'
import { createFakeKubernetes } from '../../adapters/kubernetes/fake.ts'
import type { Manifest } from '../../adapters/kubernetes/port.ts'
import { systemClock } from '../../base/clock.ts'
import { gpuPluginAction } from './gpu-plugin.ts'

const place = ['nvidia-device-plugin', 'kube-system'] as const
const wanted = { provider: 'existing', gpu: { wanted: true, roles: [] } }

function world() {
  const [helm, kubernetes] = [createFakeHelm(), createFakeKubernetes()]
  const providers = resolve(import.meta.dirname, '../../../catalog/providers')
  const action = gpuPluginAction({ helm, kubernetes, clock: systemClock, providers, folder: '/charts' })
  const context: ActionContext = {
    task: { id: 1, command: 1, step: 'gpu-plugin', fencing: 1 },
    signal: new AbortController().signal,
    output: () => {},
    waiting: () => {},
  }
  return { helm, kubernetes, action, context }
}

const node = (status: object): Manifest => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status })

test('it comes where machines have GPUs, stays as it is, and goes with the last of them', async () => {
  const { helm, action, context } = world()
  expect(await action.observe(wanted, context)).toMatchObject({ state: 'absent' })
  expect(await action.ensure(wanted, context)).toMatchObject({ changed: true })
  expect(await helm.find(...place)).toMatchObject({ status: 'deployed' })
  expect(helm.valuesOf(...place)).toEqual({})
  expect(await action.ensure(wanted, context)).toMatchObject({ changed: false })
  const none = { ...wanted, gpu: { wanted: false, roles: [] } }
  expect(await action.observe(none, context)).toMatchObject({ state: 'different' })
  expect(await action.ensure(none, context)).toMatchObject({ changed: true })
  expect(await helm.find(...place)).toBeUndefined()
  expect(await action.ensure(none, context)).toMatchObject({ changed: false })
})

test('ours stays ours when its nodes offer their GPUs', async () => {
  const { kubernetes, action, context } = world()
  await action.ensure(wanted, context)
  await kubernetes.apply(node({ capacity: { 'nvidia.com/gpu': '4' } }))
  expect(await action.ensure(wanted, context)).toMatchObject({ changed: false, message: 'nothing is missing' })
  expect(await action.remove(wanted, context)).toMatchObject({ changed: true })
})

test('nodes of a cluster that is there are found by their roles', async () => {
  const { helm, action, context } = world()
  await action.ensure({ ...wanted, gpu: { wanted: true, roles: ['gpu'] } }, context)
  expect(JSON.stringify(helm.valuesOf(...place))).toContain(
    '{"key":"omegaml.io/role","operator":"In","values":["gpu"]}',
  )
})

const others: { who: string; object: Manifest }[] = [
  { who: 'a plugin whose nodes offer GPUs', object: node({ capacity: { 'nvidia.com/gpu': '1' } }) },
  {
    who: 'NVIDIA’s GPU operator',
    object: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'clusterpolicies.nvidia.com' },
    },
  },
]
for (const { who, object } of others)
  test(`${who} is left alone`, async () => {
    const { helm, kubernetes, action, context } = world()
    await kubernetes.apply(object)
    expect(await action.ensure(wanted, context)).toMatchObject({ changed: false })
    expect(await helm.find(...place)).toBeUndefined()
    expect(await action.remove(wanted, context)).toMatchObject({ changed: false, message: 'none is ours' })
  })
