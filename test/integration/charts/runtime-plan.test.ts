import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'vitest'
import { parsePlan } from '../../../src/catalog/load.ts'
import { resolveGiven } from '../../../src/catalog/resolve.ts'
import { testSite } from '../../../src/api/testing.ts'
import { find, render, settingsOf, type Values } from './helm.ts'

const file = resolve(import.meta.dirname, '../../../catalog/plans/runtime.yml')
const plan = parsePlan(readFileSync(file, 'utf8'), file)
const place = { plan: 'runtime', step: 'workers', field: 'with' }

/** What Helm gets when somebody orders a runtime with these parameters. */
function valuesOf(params: Values, change: Values = {}): Values {
  const account = { name: 'alice', namespace: 'om-alice', apikey: 'k', keyId: '0a1b2c' }
  const site = {
    ...testSite,
    pip: { PIP_INDEX_URL: 'https://pypi.test/simple' },
    images: { runtime: '10.0.0.1:5000/runtime@sha256:0a' },
    dnsCidrs: ['10.1.2.3/32'],
  }
  const values = {
    params: { ...plan.checkParams(params), ...change },
    account,
    site,
    place: { home: true, site, egress: [] },
  }
  const workers = plan.steps.find(({ step }) => step === 'workers')
  return (resolveGiven(workers?.with, values, place) as { values: Values }).values
}

test('an order without a word becomes a worker that takes the tasks with its label and those without one', async () => {
  const objects = await render('omegaml-worker', valuesOf({}))
  const { spec } = find(objects, 'Deployment', 'worker').spec.template
  const [worker] = spec.containers
  assert.equal(find(objects, 'Deployment', 'worker').spec.replicas, 1)
  assert.equal(worker.image, '10.0.0.1:5000/runtime@sha256:0a')
  assert.deepEqual(spec.nodeSelector, { 'omegaml.io/role': 'worker' })
  const { CELERY_Q, OMEGA_WORKER_SHARED } = settingsOf(objects, 'worker')
  assert.deepEqual([CELERY_Q, OMEGA_WORKER_SHARED], ['worker,default', 'no'])
  assert.deepEqual(worker.envFrom, [{ secretRef: { name: 'worker-settings' } }])
  // A running task is finished before its worker goes.
  assert.equal(spec.terminationGracePeriodSeconds, 1260)
  assert.equal(spec.initContainers, undefined)
  assert.equal(find(objects, 'Deployment', 'worker').spec.template.metadata.annotations['cloudmgr.io/key'], '0a1b2c')
})

test('every parameter reaches the workers, packages as arguments of their own', async () => {
  const params = {
    label: 'gpu',
    'default-tasks': false,
    role: 'gpu-nodes',
    size: 3,
    gpu: 2,
    cpu: '500m',
    memory: '4Gi',
    image: 'mine/runtime:1',
    registry: 'mine',
    storage: 'data',
    packages: ['lightgbm==4.6.0', 'dask[array]>=2026.1'],
  }
  const objects = await render('omegaml-worker', valuesOf(params))
  const { spec } = find(objects, 'Deployment', 'worker').spec.template
  const [worker] = spec.containers
  assert.equal(find(objects, 'Deployment', 'worker').spec.replicas, 3)
  assert.deepEqual(worker.resources.limits, { cpu: '500m', memory: '4Gi', 'nvidia.com/gpu': 2 })
  assert.deepEqual(spec.imagePullSecrets, [{ name: 'registry-mine' }])
  assert.deepEqual(spec.volumes.at(-1), { name: 'storage', persistentVolumeClaim: { claimName: 'storage-data' } })
  const [install] = spec.initContainers
  assert.deepEqual(install.args, params.packages)
  assert.deepEqual(install.env.at(-1), { name: 'PIP_INDEX_URL', value: 'https://pypi.test/simple' })
  assert.equal(install.image, 'mine/runtime:1')
  assert.equal(install.securityContext.readOnlyRootFilesystem, true)
  assert.equal(settingsOf(objects, 'worker')['CELERY_Q'], 'gpu')
})

test('suspended, nothing runs, whatever it grew by before', async () => {
  const growing = await render('omegaml-worker', valuesOf({ autoscale: 'hpa', min: 1, max: 4 }))
  assert.equal(find(growing, 'HorizontalPodAutoscaler', 'worker').spec.maxReplicas, 4)
  const suspended = await render('omegaml-worker', valuesOf({ autoscale: 'hpa', min: 1, max: 4 }, plan.suspended))
  assert.equal(find(suspended, 'Deployment', 'worker').spec.replicas, 0)
  assert.equal(
    suspended.some(({ kind }) => kind === 'HorizontalPodAutoscaler'),
    false,
  )
})

test('workers that may sleep, or grow by their tasks, leave their number to the engine', async () => {
  const rulesOf = async (params: Values, change: Values = {}) => {
    const { metadata, spec } = find(await render('omegaml-worker', valuesOf(params, change)), 'Deployment', 'worker')
    const rules = metadata.annotations?.['cloudmgr.io/scaling']
    assert.equal(metadata.labels['cloudmgr.io/scaling'], rules === undefined ? undefined : 'engine')
    return { replicas: spec.replicas, rules: rules === undefined ? undefined : JSON.parse(rules) }
  }
  const queues = ['worker', 'default']
  const sleeping = { sleepMinutes: 15, concurrency: 2, queues, revision: 1 }
  assert.deepEqual(await rulesOf({}), { replicas: 1, rules: undefined })
  assert.deepEqual(await rulesOf({ sleep: 15, size: 2 }), {
    replicas: undefined,
    rules: { least: 2, most: 2, ...sleeping },
  })
  assert.deepEqual(await rulesOf({ sleep: 15, autoscale: 'hpa', min: 1, max: 4 }), {
    replicas: undefined,
    rules: { least: 1, ...sleeping },
  })
  const growing = { autoscale: 'queue', min: 0, max: 3, concurrency: 4 }
  assert.deepEqual(await rulesOf(growing), {
    replicas: undefined,
    rules: { least: 0, most: 3, sleepMinutes: 0, concurrency: 4, queues, revision: 1 },
  })
  // A suspended one has no rules to be woken by.
  assert.deepEqual(await rulesOf({ ...growing, sleep: 15 }, plan.suspended), { replicas: 0, rules: undefined })
})

test('none by CPU alone: without a worker there is nothing to measure', () => {
  assert.throws(() => plan.checkParams({ autoscale: 'hpa', min: 0 }), /min 0 must be 1 or more/)
  assert.equal(plan.checkParams({ autoscale: 'queue', min: 0 })['min'], 0)
})

test('packages in a shared runtime are refused', async () => {
  await assert.rejects(render('omegaml-worker', { packages: ['x'] }), /own runtime/)
})
