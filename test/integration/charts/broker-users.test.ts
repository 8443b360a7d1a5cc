import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, test } from 'vitest'
import { createRabbitmq, createRabbitmqMonitor } from '../../../src/adapters/rabbitmq/http.ts'
import { startRabbitmq } from '../../support/rabbitmq.ts'
import type { Manifest } from './helm.ts'
import { find, render } from './helm.ts'

const adminPassword = 'admin-of-tests'
let folder: string
let data: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-rabbit-users-'))
  data = mkdtempSync(join(tmpdir(), 'cloudmgr-rabbit-'))
})
afterAll(() => {
  for (const path of [folder, data]) rmSync(path, { recursive: true, force: true })
})

/** What the pod's init container writes from these Secrets, by its own script in folders of the test. */
async function definitionsOf(secrets: Readonly<Record<string, string>>): Promise<string> {
  const pod = find(await render('omegaml-system'), 'StatefulSet', 'rabbitmq').spec.template.spec
  const prepare = pod.initContainers.find(({ name }: Manifest) => name === 'prepare')
  const root = mkdtempSync(join(folder, 'pod-'))
  for (const [path, text] of Object.entries({ ...secrets, '/run/config/50-cloudmgr.conf': '' })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const path of ['/home-of-rabbitmq', '/conf.d']) mkdirSync(join(root, path))
  const script = prepare.args[0].replaceAll(/(\/run\/|\/home-of-rabbitmq|\/conf\.d)/g, `${root}$1`)
  await promisify(execFile)(prepare.command[0], [...prepare.command.slice(1), script])
  return readFileSync(join(root, 'conf.d/definitions.json'), 'utf8')
}

const secrets = (observer: string) => ({
  '/run/secrets/rabbitmq-admin/username': 'admin',
  '/run/secrets/rabbitmq-admin/password': adminPassword,
  '/run/secrets/rabbitmq-admin/erlang-cookie': 'cookie',
  '/run/secrets/rabbitmq-users/omegaweb-password': observer,
})

test('a broker makes its users at the first start; at later ones it takes new passwords and leaves the rest', async () => {
  const place = { folder: data, node: 'cloudmgr-users@localhost' }
  const first = await startRabbitmq({ ...place, definitions: await definitionsOf(secrets('one"\\$x')) })
  try {
    const broker = createRabbitmq(first.admin)
    assert.deepEqual([...(await broker.listUsers())].sort(), ['admin', 'omegaweb'])
    assert.deepEqual(await broker.listVhosts(), ['omegaml'])
    assert.ok(await broker.findPermissions('omegaml', 'admin'))
    assert.equal(await broker.findPermissions('omegaml', 'omegaweb'), undefined)
    const observer = createRabbitmqMonitor({ ...first.admin, user: 'omegaweb', password: 'one"\\$x' })
    assert.deepEqual(await observer.listConsumers('omegaml'), [])
    await broker.ensureUser('alice', 'secretAlice')
    await broker.ensureQueue('omegaml', 'q-alice')
  } finally {
    await first.stop()
  }
  const second = await startRabbitmq({ ...place, definitions: await definitionsOf(secrets('two')) })
  try {
    const broker = createRabbitmq(second.admin)
    assert.deepEqual(
      [await broker.canLogin('omegaweb', 'one"\\$x'), await broker.canLogin('omegaweb', 'two')],
      [false, true],
    )
    assert.equal(await broker.canLogin('alice', 'secretAlice'), true)
    assert.deepEqual(await broker.listQueues('omegaml'), ['q-alice'])
  } finally {
    await second.stop()
  }
})

test('a Secret without the observer’s password ends the start', async () => {
  const { '/run/secrets/rabbitmq-users/omegaweb-password': _password, ...others } = secrets('x')
  await assert.rejects(definitionsOf(others), /omegaweb-password/)
})
