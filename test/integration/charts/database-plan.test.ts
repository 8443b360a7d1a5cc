import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'vitest'
import { testSite } from '../../../src/api/testing.ts'
import { parsePlan } from '../../../src/catalog/load.ts'
import { resolveGiven } from '../../../src/catalog/resolve.ts'
import { render, type Values } from './helm.ts'

const file = resolve(import.meta.dirname, '../../../catalog/plans/database.yml')
const plan = parsePlan(readFileSync(file, 'utf8'), file)
const place = { plan: 'database', step: 'server', field: 'with' }

/** What Helm gets when somebody orders a database with these parameters. */
function valuesOf(params: Values, change: Values = {}): Values {
  const access = { mongouser: 'u', mongopassword: 'p', mongodbname: 'd' }
  const values = {
    params: { ...plan.checkParams({ name: 'docs', ...params }), ...change },
    account: { name: 'alice', namespace: 'om-alice' },
    site: { ...testSite, images: { mongodb: '10.0.0.1:5000/mongodb@sha256:0a' } },
    settings: { admin: { user: 'admin', password: 'a' }, qualifiers: { default: access } },
    store: access,
  }
  const server = plan.steps.find(({ step }) => step === 'server')
  return (resolveGiven(server?.with, values, place) as { values: Values }).values
}

test('an order becomes one server on its own volume, that its namespace and cloudmgr reach', async () => {
  const objects = await render('omegaml-storage', valuesOf({ memory: 2, cpu: '500m' }))
  assert.deepEqual(new Set(objects.map(({ kind }) => kind)), new Set(['NetworkPolicy', 'Service', 'StatefulSet']))
  const [server] = objects.filter(({ kind }) => kind === 'StatefulSet')
  assert.equal(server?.spec.replicas, 1)
  const { spec } = server?.spec.template ?? {}
  const [container] = spec.containers
  assert.equal(container.image, '10.0.0.1:5000/mongodb@sha256:0a')
  assert.deepEqual(container.resources.limits, { cpu: '500m', memory: '2Gi' })
  assert.equal(container.args.at(-1), '0.75')
  assert.deepEqual(spec.volumes[0], { name: 'data', persistentVolumeClaim: { claimName: 'database-docs' } })
  assert.deepEqual(spec.nodeSelector, { 'omegaml.io/role': 'worker' })
  const [policy] = objects.filter(({ kind }) => kind === 'NetworkPolicy')
  assert.deepEqual(policy?.spec.ingress[0].from[0], { podSelector: {} })
  assert.equal(policy?.spec.egress, undefined)
})

test('suspended, no server runs', async () => {
  const objects = await render('omegaml-storage', valuesOf({}, plan.suspended))
  const [server] = objects.filter(({ kind }) => kind === 'StatefulSet')
  assert.equal(server?.spec.replicas, 0)
})
