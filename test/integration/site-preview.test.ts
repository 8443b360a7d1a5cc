import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TerraformApplyInput } from '../../src/actions/terraform-apply.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import type { Terraform } from '../../src/adapters/terraform/port.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { createStateStore, rootLock } from '../../src/clusters/terraform-states.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { keptTerraform, type SiteStateKeeping } from '../../src/site/actions/kept-terraform.ts'
import { readKeptRoots } from '../../src/site/kept-roots.ts'
import { ensureSecrets } from '../../src/site/secrets.ts'
import { clusterRoot, volumesRoot } from '../../src/clusters/root.ts'
import { writeRoot } from '../../src/clusters/write-root.ts'
import { localSite } from '../../src/site/actions/terraform-roots.ts'
import type { Layout } from '../../src/site/layout.ts'
import { expectedCloud, previewCloud } from '../../src/site/preview/cloud-changes.ts'
import { rootsInput } from '../../src/site/preview/plan-steps.ts'
import type { Site } from '../../src/site/site.ts'
import { statePaths } from '../../src/site/state.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from '../support/fake-local-cloud.ts'

/** What `plan` says of machines and volumes, with the real OpenTofu against a local cloud in memory. */
const project = resolve(import.meta.dirname, '../..')
const signal = new AbortController().signal

let folder: string
let terraform: Terraform
let cloud: FakeLocalCloud
let db: Db
let keeping: SiteStateKeeping & { readonly backend: StateBackend }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'site-preview-'))
  const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
  const mirror = await writeMirror(join(folder, 'mirror'), paths['terraform-provider-localcloud'])
  terraform = createTerraformCli({ program: paths.tofu, folder: join(folder, 'cli'), mirror: mirror.folder })
  mkdirSync(join(folder, 'cloud'))
  cloud = await startFakeLocalCloud(join(folder, 'cloud', 'api.sock'))
  db = openDatabase({ kind: 'sqlite', path: statePaths(folder).journal })
  await migrate(db)
  const held = ['volumes', 'cluster'].map((root) => ({ name: rootLock(root), task_id: 1, fencing: 1, taken_at: 1 }))
  await db.insertInto('locks').values(held).execute()
  const keys = parseKeyRing(ensureSecrets(folder).engineKeys, 'the test')
  const store = createStateStore(db, keys, () => 1)
  keeping = { store, backend: new StateBackend({ states: store, log: silentLog }) }
  await keeping.backend.start()
})

afterAll(async () => {
  await keeping?.backend.stop()
  await db?.destroy()
  await cloud?.close()
  rmSync(folder, { recursive: true, force: true })
})

const worker = { role: 'worker', cores: 4, memoryGb: 8 }
const nothing = { 'omegaml-storage': {}, 'omegaml-system': {}, 'omegaml-ingress': {}, 'omegaml-worker': {} }

function sources(change: Partial<Layout>) {
  const layout: Layout = {
    file: '/site.yml',
    machines: { 'node-1': worker },
    selectsRoles: false,
    volumes: { mongodb: 20 },
    values: nothing,
    ...change,
  }
  const site: Site = {
    name: 'acme',
    profile: 'file',
    domain: 'acme.localhost',
    ports: { http: 8080, https: 8443, mongo: 27018, broker: 5671 },
    layout,
  }
  return { site, paths: statePaths(folder), project, signal, roots: readKeptRoots(statePaths(folder)) }
}

async function apply(change: Partial<Layout>): Promise<void> {
  const from = sources(change)
  for (const [stage, make] of [
    ['volumes', volumesRoot],
    ['cluster', clusterRoot],
  ] as const) {
    const root = join(from.paths.terraform, stage)
    await writeRoot(root, make(await localSite(rootsInput(from), root)))
    const wanted: TerraformApplyInput = { root, deletes: 'allow', outputs: [], env: {} }
    await keptTerraform(terraform, keeping).ensure(wanted, {
      task: { id: 1, command: 1, step: stage, fencing: 1 },
      signal,
      output: () => {},
      waiting: () => {},
    })
  }
}

const told = async (change: Partial<Layout>) => {
  const { changes, deletes } = await previewCloud(terraform, sources(change))
  return { changes: changes.map(({ kind, what }) => `${kind} ${what}`), deletes }
}

test('a preview tells what is made, changed and removed, and changes neither state nor cloud', async () => {
  const all = ['create volume mongodb', 'create cluster acme', 'create machine node-1']
  expect((await told({})).changes.toSorted()).toEqual(all.toSorted())
  const guessed = await expectedCloud(false, sources({}))
  expect(guessed.changes.map(({ kind, what }) => `${kind} ${what}`).toSorted()).toEqual(all.toSorted())
  await apply({})
  expect(await told({})).toEqual({ changes: [], deletes: [] })

  const things = [...cloud.things.keys()].toSorted()
  const files = readdirSync(join(folder, 'terraform', 'cluster')).toSorted()
  const larger = { 'node-1': { ...worker, cores: 6 }, 'node-2': worker }
  expect((await told({ machines: larger })).changes).toEqual(['create machine node-2', 'change machine node-1'])
  const other = await told({ machines: { 'node-9': worker } })
  expect(other.changes).toEqual(['create machine node-9', 'remove machine node-1'])
  expect(other.deletes).toEqual(['module.cluster.localcloud_machine.this["node-1"]'])
  expect([...cloud.things.keys()].toSorted()).toEqual(things)
  expect(readdirSync(join(folder, 'terraform', 'cluster')).toSorted()).toEqual(files)

  // Where the cloud does not run the state alone is asked.
  const known = await expectedCloud(true, sources({ machines: { 'node-9': worker } }))
  expect(known.changes.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
    'create machine node-9',
    'remove machine node-1',
  ])
})
