import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bound, createTestContext } from '../../src/actions/testing.ts'
import { volume } from '../../src/actions/volume.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { createStateStore, rootLock } from '../../src/clusters/terraform-states.ts'
import { volumeName } from '../../src/clusters/volume.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from '../support/fake-local-cloud.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { render } from './charts/helm.ts'

/** An ordered volume with the real OpenTofu, provider, API server and controllers; no node mounts it. */
const project = resolve(import.meta.dirname, '../..')
const wanted = { account: 'alice', namespace: 'om-alice', name: 'storage-data', sizeGb: 5, access: 'ReadWriteMany' }
const name = volumeName(wanted)
const path = `/v1/volumes/${name}`

let folder: string
let cloud: FakeLocalCloud
let cluster: TestCluster
let db: Db
let states: StateBackend
let make: (change?: object) => ReturnType<typeof bound>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-volume-'))
  const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
  const mirror = (await writeMirror(join(folder, 'mirror'), paths['terraform-provider-localcloud'])).folder
  cloud = await startFakeLocalCloud(join(folder, 'api.sock'))
  cluster = await startCluster()
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  const lock = { name: rootLock(`volume-${name}`), task_id: 1, fencing: 1, taken_at: 1 }
  await db.insertInto('locks').values(lock).execute()
  const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
  states = new StateBackend({ states: createStateStore(db, keys, Date.now), log: silentLog })
  await states.start()
  const provider = {
    provider: loadProvider(join(project, 'catalog/providers'), 'local'),
    site: { cluster: 'omega', endpoint: cloud.endpoint, ca: '' },
    env: {},
  }
  const action = volume({
    kubernetes: cluster.kubernetes,
    terraform: createTerraformCli({ program: paths.tofu, folder: join(folder, 'cli'), mirror }),
    states,
    provider,
    folder: join(folder, 'roots'),
    modules: join(project, 'terraform'),
  })
  make = (change = {}) => bound(action, { ...wanted, ...change })
  const [orderedClass] = (await render('omegaml-storage', { orderedClass: provider.provider.volumes?.class })).filter(
    ({ kind }) => kind === 'StorageClass',
  )
  await cluster.kubernetes.apply(orderedClass)
  await cluster.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'om-alice' } })
}, 300_000)

afterAll(async () => {
  await states?.stop()
  await cloud?.close()
  await cluster?.stop()
  await db?.destroy()
  await rm(folder, { recursive: true, force: true })
})

const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-data', namespace: 'om-alice' }

async function isBound(): Promise<void> {
  await expect
    .poll(async () => await cluster.kubernetes.readiness(claim), { timeout: 30_000 })
    .toMatchObject({
      state: 'ready',
    })
}

test('a volume is ordered of the cloud, bound to its claim, found unchanged, grown and removed', async () => {
  expect(await make().observe()).toEqual({ state: 'absent' })
  expect(await make().ensure()).toMatchObject({ changed: true })
  await isBound()
  expect(cloud.things.get(path)).toMatchObject({ sizeGb: 5 })
  expect(await make().ensure()).toEqual({ changed: false, message: 'already as wanted' })
  expect(await make().observe()).toEqual({ state: 'present' })

  await make({ sizeGb: 8 }).ensure()
  expect(cloud.things.get(path)).toMatchObject({ sizeGb: 8 })
  const grown = (await cluster.kubernetes.find(claim)) as unknown as { spec: { resources: object } }
  expect(grown.spec.resources).toEqual({ requests: { storage: '8Gi' } })
  await expect(make().ensure()).rejects.toMatchObject({ code: 'volume-shrinks', details: { field: 'size', value: 5 } })

  await make({ sizeGb: 8 }).remove()
  expect(cloud.things.has(path)).toBe(false)
  expect(await make({ sizeGb: 8 }).observe()).toEqual({ state: 'absent' })
  expect(await make().remove()).toMatchObject({ changed: false })
})

test('a volume whose claim was lost is bound again with its data; one whose namespace is gone is still removed', async () => {
  await make().ensure()
  await isBound()
  await cluster.kubernetes.delete(claim)
  expect(await make().observe()).toMatchObject({ state: 'different' })
  const context = createTestContext()
  await make().ensure(context)
  expect(context.lines.join()).toContain('its data stays')
  await isBound()
  expect(cloud.calls.filter((call) => call === `DELETE ${path}`)).toHaveLength(1)

  await cluster.kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'om-alice' })
  await make().remove()
  expect(await make().observe()).toEqual({ state: 'absent' })
  expect(cloud.things.has(path)).toBe(false)
})
