import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ActionContext } from '../../src/actions/action.ts'
import type { TerraformApplyInput } from '../../src/actions/terraform-apply.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import type { Terraform } from '../../src/adapters/terraform/port.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { machinesOf } from '../../src/clusters/profiles.ts'
import { clusterRoot } from '../../src/clusters/root.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { listVersions } from '../../src/clusters/state-rows.ts'
import { createStateStore, rootLock, type StateStore } from '../../src/clusters/terraform-states.ts'
import { modulesFor, writeRoot } from '../../src/clusters/write-root.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { keptTerraform } from '../../src/site/actions/kept-terraform.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { type Mirror, writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from '../support/fake-local-cloud.ts'

/** The site's own roots with the real OpenTofu and provider: their states in the journal, and what spoils that. */
const modules = resolve(import.meta.dirname, '../../terraform')
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const machine = '/v1/clusters/omega/machines/node-1'

let work: string
let program: string
let mirror: Mirror
let cloud: FakeLocalCloud
let folder: string
let db: Db
let store: StateStore
let backend: StateBackend
let terraform: Terraform
let output: string[]

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'cloudmgr-site-states-'))
  const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
  program = paths.tofu
  mirror = await writeMirror(join(work, 'mirror'), paths['terraform-provider-localcloud'])
  cloud = await startFakeLocalCloud(join(work, 'api.sock'))
})
afterAll(async () => {
  await cloud?.close()
  await rm(work, { recursive: true, force: true })
})

beforeEach(async () => {
  cloud.things.clear()
  cloud.failing.clear()
  cloud.calls.length = 0
  output = []
  const site = await mkdtemp(join(work, 'site-'))
  folder = join(site, 'cluster')
  db = openDatabase({ kind: 'sqlite', path: join(site, 'journal.db') })
  await migrate(db)
  await db
    .insertInto('locks')
    .values({ name: rootLock('cluster'), task_id: 1, fencing: 1, taken_at: 1 })
    .execute()
  store = createStateStore(db, keys, () => 1)
  backend = new StateBackend({ states: store, log: silentLog })
  await backend.start()
  terraform = newTerraform()
  const root = clusterRoot({
    name: 'omega',
    domain: 'omega.localhost',
    kubernetesVersion: '1.37.2',
    endpoint: cloud.endpoint,
    ports: [],
    volumes: { mongodb: 20 },
    machines: machinesOf('single-node'),
    modules: await modulesFor(folder, modules),
  })
  await writeRoot(folder, root)
})
afterEach(async () => {
  await backend.stop()
  await db.destroy()
})

/** As another start of the CLI has it. */
const newTerraform = () => createTerraformCli({ program, folder: join(work, 'cli'), mirror: mirror.folder })
const wanted = (): TerraformApplyInput => ({ root: folder, deletes: 'allow', outputs: [], env: {} })
const context = (): ActionContext => ({
  task: { id: 1, command: 1, step: 'cluster', fencing: 1 },
  signal: new AbortController().signal,
  output: (line) => output.push(line),
  waiting: () => {},
})
const action = () => keptTerraform(terraform, { store, backend })
const ensure = async () => await action().ensure(wanted(), context())
const puts = () => cloud.calls.filter((call) => call === `PUT ${machine}`).length
const addresses = async () => (await listVersions(db, 'cluster'))[0]?.addresses
const both = ['module.cluster.localcloud_cluster.this', 'module.cluster.localcloud_machine.this["node-1"]']

/** As versions of before wrote and applied it. */
async function madeBefore(): Promise<void> {
  const file = join(folder, 'main.tf.json')
  const root = JSON.parse(readFileSync(file, 'utf8'))
  root.terraform.backend = { local: { path: 'terraform.tfstate' } }
  writeFileSync(file, JSON.stringify(root))
  const old = newTerraform()
  await old.preview(folder)
  await old.apply(folder)
  expect(existsSync(join(folder, 'terraform.tfstate'))).toBe(true)
}

/** The journal can't grow any more, as on a full disk: no page of the table has room for a state. */
async function fill(): Promise<void> {
  await sql`pragma max_page_count = 1`.execute(db)
  const filler = { root: 'filler', version: 1, state: 'x'.repeat(1_000), created_at: 1 }
  const insert = db.insertInto('terraform_state_versions').values(filler)
  for (let isFull = false; !isFull; ) {
    isFull = await insert.execute().then(
      () => false,
      () => true,
    )
  }
}

async function makeSpace(): Promise<void> {
  await sql`pragma max_page_count = 1000000`.execute(db)
}

test('a site is made, found unchanged and removed; no readable state lies in its folder', async () => {
  expect(await ensure()).toMatchObject({ changed: true })
  expect(await addresses()).toEqual(both)
  expect(await ensure()).toMatchObject({ changed: false })
  expect(await action().observe(wanted(), context())).toMatchObject({ state: 'present' })
  expect(readdirSync(folder).filter((name) => /tfstate|tfplan/.test(name))).toEqual([])
  const { stdout } = await execa('grep', ['-rla', 'KUBECONFIG', join(folder, '..')], { reject: false })
  expect(stdout).toBe('')
  expect(await store.read('cluster')).toContain('KUBECONFIG')
  await action().remove(wanted(), context())
  expect([cloud.things.size, await addresses()]).toEqual([0, []])
})

test('a site of which everything was lost outside is removed', async () => {
  await ensure()
  cloud.things.clear()
  await action().remove(wanted(), context())
  expect(await action().observe(wanted(), context())).toMatchObject({ state: 'absent' })
})

test('the state of a site of before is moved: nothing is made anew', async () => {
  await madeBefore()
  expect(await ensure()).toMatchObject({ changed: false })
  expect([puts(), await addresses()]).toEqual([1, both])
  expect(existsSync(join(folder, 'terraform.tfstate'))).toBe(false)
  expect(output.join()).toContain('lies in the journal now')
})

test('a site of before is removed without another up', async () => {
  await madeBefore()
  await action().remove(wanted(), context())
  expect(cloud.things.size).toBe(0)
  expect(await action().observe(wanted(), context())).toMatchObject({ state: 'absent' })
})

test('a disk that is full while it applies: told, and continued by another start; nothing lost, nothing twice', async () => {
  await fill()
  const failure = await ensure().catch((error: unknown) => error)
  expect(failure).toMatchObject({ kind: 'unavailable', code: 'state-not-written' })
  expect((failure as Error & { cause: Error }).cause.message).toContain('no disk space')
  expect(statSync(join(folder, 'errored.tfstate')).mode & 0o777).toBe(0o600)
  expect([puts(), await addresses()]).toEqual([1, undefined])
  // Still full: refused before anything is done.
  await expect(ensure()).rejects.toMatchObject({ code: 'state-not-written' })
  expect(puts()).toBe(1)

  await makeSpace()
  terraform = newTerraform()
  expect(await ensure()).toMatchObject({ changed: false })
  expect([puts(), await addresses()]).toEqual([1, both])
  expect(existsSync(join(folder, 'errored.tfstate'))).toBe(false)
})

test('not even the note could be written: the same process brings it in once it can', async () => {
  await fill()
  // In the place of the note, so that it can't be written.
  mkdirSync(join(folder, 'errored.tfstate'))
  await expect(ensure()).rejects.toMatchObject({ code: 'state-not-written' })
  expect(output.join('\n')).not.toContain('KUBECONFIG')
  await expect(ensure()).rejects.toMatchObject({ code: 'state-not-written' })
  await makeSpace()
  rmdirSync(join(folder, 'errored.tfstate'))
  expect(await ensure()).toMatchObject({ changed: false })
  expect([puts(), await addresses()]).toEqual([1, both])
})

test('a note that is older than what was written since is kept aside, and stops nobody', async () => {
  await ensure()
  const old = await store.read('cluster')
  const { serial, ...rest } = JSON.parse(old ?? '') as { serial: number }
  writeFileSync(join(folder, 'errored.tfstate'), JSON.stringify({ ...rest, serial: serial - 1 }))
  expect(await ensure()).toMatchObject({ changed: false })
  expect(readdirSync(folder).filter((name) => name.startsWith('errored.tfstate.')).length).toBe(1)
  expect(await store.read('cluster')).toBe(old)
})

test('what a run left that hung while another one did the work does not take the place of what that one wrote', async () => {
  await ensure()
  const written = await store.read('cluster')
  const state = JSON.parse(written ?? '') as { serial: number }
  // Broken off before it had made anything, and yet of a higher count.
  writeFileSync(join(folder, 'errored.tfstate'), JSON.stringify({ ...state, serial: state.serial + 5, resources: [] }))
  expect(await ensure()).toMatchObject({ changed: false })
  expect(readdirSync(folder).filter((name) => name.startsWith('errored.tfstate.')).length).toBe(1)
  expect(await store.read('cluster')).toBe(written)
})

test('a restored state is what Terraform goes on from', async () => {
  await ensure()
  cloud.things.delete(machine)
  await ensure()
  const versions = await listVersions(db, 'cluster')
  const [first] = versions.toReversed()
  await action().remove(wanted(), context())
  const [empty] = await listVersions(db, 'cluster')
  const before = empty?.serial ?? 0
  const whole = versions[0]?.version ?? 0
  expect(await store.restore('cluster', whole, { present: empty?.version ?? 0 })).toMatchObject({
    serial: before + 1,
    addresses: both,
  })
  // What it says is there is looked up, and made anew.
  expect(await ensure()).toMatchObject({ changed: true })
  expect([cloud.things.has(machine), await addresses(), first?.version]).toEqual([true, both, 1])
})

test('a lock that a dead run left is taken over', async () => {
  await ensure()
  await db.updateTable('terraform_states').set({ lock_id: 'dead', lock_info: '{"ID":"dead"}' }).execute()
  expect(await ensure()).toMatchObject({ changed: false })
})

test('while a run of a killed process still works there, nobody begins', async () => {
  await ensure()
  const console = execa(program, ['console'], {
    cwd: folder,
    env: { TF_CLI_CONFIG_FILE: mirror.cliConfig },
    stdin: 'pipe',
    reject: false,
  })
  try {
    await expect.poll(() => existsSync(`/proc/${console.pid}/cwd`)).toBe(true)
    await expect(ensure()).rejects.toMatchObject({ kind: 'unavailable', code: 'terraform-locked' })
  } finally {
    console.kill('SIGKILL')
    await console
  }
  expect(await ensure()).toMatchObject({ changed: false })
})
