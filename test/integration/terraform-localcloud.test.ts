import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { machinesOf, profiles } from '../../src/clusters/profiles.ts'
import { clusterRoot, type LocalSite, type TerraformRoot, volumesRoot } from '../../src/clusters/root.ts'
import { modulesFor, writeRoot } from '../../src/clusters/write-root.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { type Mirror, writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from '../support/fake-local-cloud.ts'

/** Provider, modules and the written roots with the real OpenTofu, against a local cloud in memory. */
const modules = resolve(import.meta.dirname, '../../terraform')

let work: string
let tofuPath: string
let mirror: Mirror
let cloud: FakeLocalCloud

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tf-localcloud-'))
  const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
  tofuPath = paths.tofu
  mirror = await writeMirror(join(work, 'mirror'), paths['terraform-provider-localcloud'])
  cloud = await startFakeLocalCloud(join(work, 'api.sock'))
})

afterAll(async () => {
  await cloud?.close()
  await rm(work, { recursive: true, force: true })
})

async function run(folder: string, words: readonly string[], env: Record<string, string> = {}) {
  const result = await execa(tofuPath, [`-chdir=${folder}`, ...words, '-no-color'], {
    env: { TF_CLI_CONFIG_FILE: mirror.cliConfig, TF_IN_AUTOMATION: '1', LOCALCLOUD_ENDPOINT: cloud.endpoint, ...env },
    reject: false,
    all: true,
  })
  return { exitCode: result.exitCode, output: result.all }
}

function tofu(folder: string, ...words: string[]) {
  return run(folder, words)
}

async function mustTofu(folder: string, ...words: string[]): Promise<string> {
  return succeeded(await tofu(folder, ...words))
}

function succeeded({ exitCode, output }: Awaited<ReturnType<typeof run>>): string {
  if (exitCode !== 0) throw new Error(output)
  return output
}

function site(modulesPath: string, machines = machinesOf('single-node')): LocalSite {
  return {
    name: 'omega',
    domain: 'omega.localhost',
    kubernetesVersion: '1.37.2',
    endpoint: cloud.endpoint,
    ports: [
      { host: 8080, node: 30080 },
      { host: 8443, node: 30443 },
    ],
    volumes: { mongodb: 20, mysql: 10, rabbitmq: 5 },
    machines,
    modules: modulesPath,
  }
}

let count = 0
async function newFolder(): Promise<string> {
  count += 1
  return join(work, `root-${count}`)
}

/** Written with the state beside it: no engine serves it here. */
async function written(folder: string, root: TerraformRoot): Promise<void> {
  await writeRoot(folder, root)
  await writeFile(join(folder, 'backend_override.tf.json'), JSON.stringify({ terraform: { backend: { local: {} } } }))
}

async function writtenCluster(machines = machinesOf('single-node')): Promise<string> {
  const folder = await newFolder()
  await written(folder, clusterRoot(site(await modulesFor(folder, modules), machines)))
  await mustTofu(folder, 'init')
  return folder
}

const machine = '/v1/clusters/omega/machines/node-1'

beforeEach(() => {
  cloud.things.clear()
  cloud.failing.clear()
  cloud.calls.length = 0
})

test('the modules are formatted', async () => {
  expect(await mustTofu(modules, 'fmt', '-recursive', '-check', '-diff')).toBe('')
})

for (const example of ['single-node', 'minimal']) {
  test(`the example ${example} is valid`, async () => {
    const folder = join(modules, 'local/examples', example)
    const env = { TF_DATA_DIR: join(work, `data-${example}`) }
    try {
      succeeded(await run(folder, ['init', '-backend=false'], env))
      expect(succeeded(await run(folder, ['validate'], env))).toContain('The configuration is valid')
    } finally {
      await rm(join(folder, '.terraform.lock.hcl'), { force: true })
    }
  })
}

test('the stage volumes makes the volumes, finds them unchanged and removes them', async () => {
  const folder = await newFolder()
  await written(folder, volumesRoot(site(await modulesFor(folder, modules))))
  await mustTofu(folder, 'init')
  await mustTofu(folder, 'validate')
  await mustTofu(folder, 'apply', '-auto-approve')
  expect([...cloud.things.keys()].toSorted()).toEqual([
    '/v1/volumes/mongodb',
    '/v1/volumes/mysql',
    '/v1/volumes/rabbitmq',
  ])
  expect(await tofu(folder, 'plan', '-detailed-exitcode')).toMatchObject({ exitCode: 0 })
  const paths = JSON.parse(await mustTofu(folder, 'output', '-json', 'paths')) as unknown
  expect(paths).toMatchObject({ mongodb: '/mnt/volumes/mongodb' })
  await mustTofu(folder, 'destroy', '-auto-approve')
  expect(cloud.things.size).toBe(0)
})

test('many roots are prepared and applied at once, beginning with an empty folder of programs', async () => {
  const terraform = createTerraformCli({
    program: tofuPath,
    folder: join(await newFolder(), 'cli'),
    mirror: mirror.folder,
  })
  const names = Array.from({ length: 12 }, (_, index) => `many${index}`)
  const running = { env: { LOCALCLOUD_ENDPOINT: cloud.endpoint } }
  const applied = names.map(async (name) => {
    const folder = await newFolder()
    const volume = { size_gb: 1, name }
    const root = {
      terraform: { required_providers: { localcloud: { source: 'omegaml/localcloud' } } },
      resource: { localcloud_volume: { this: volume } },
    }
    await mkdir(folder)
    await writeFile(join(folder, 'main.tf.json'), JSON.stringify(root))
    await terraform.preview(folder, running)
    await terraform.apply(folder, running)
    await terraform.preview(folder, { ...running, destroy: true })
    return folder
  })
  const folders = await Promise.all(applied)
  expect([...cloud.things.keys()].toSorted()).toEqual(names.map((name) => `/v1/volumes/${name}`).toSorted())
  for (const folder of folders) await terraform.apply(folder, running)
  expect(cloud.things.size).toBe(0)
})

describe('the stage cluster', () => {
  test('applies what was planned, finds it unchanged and removes it', async () => {
    const folder = await writtenCluster()
    await mustTofu(folder, 'validate')
    await mustTofu(folder, 'plan', '-out=saved')
    expect(cloud.calls.filter((call) => call.startsWith('PUT'))).toEqual([])
    await mustTofu(folder, 'apply', 'saved')
    expect([...cloud.things.keys()]).toEqual(['/v1/clusters/omega', machine])
    expect(cloud.things.get(machine)).toMatchObject({
      cores: 4,
      memoryGb: 8,
      role: 'worker',
      taints: [],
      simulated: false,
    })
    expect(await tofu(folder, 'plan', '-detailed-exitcode')).toMatchObject({ exitCode: 0 })
    const outputs = JSON.parse(await mustTofu(folder, 'output', '-json')) as Record<string, { value: unknown }>
    expect(outputs['kubeconfig']).toMatchObject({ value: 'KUBECONFIG', sensitive: true })
    expect(outputs['machines']).toMatchObject({ value: { 'node-1': { state: 'ready', address: '10.0.0.11' } } })
    await mustTofu(folder, 'destroy', '-auto-approve')
    expect(cloud.things.size).toBe(0)
  })

  test('makes one machine for each role of the minimal profile', async () => {
    const folder = await writtenCluster(profiles.minimal)
    await mustTofu(folder, 'apply', '-auto-approve')
    const roles = [...cloud.things.values()].flatMap((thing) => (thing['role'] === undefined ? [] : [thing['role']]))
    expect(roles.map(String).toSorted()).toEqual(['dbmaster', 'ingress', 'system', 'worker'])
  })

  test('makes a machine again that was removed by hand', async () => {
    const folder = await writtenCluster()
    await mustTofu(folder, 'apply', '-auto-approve')
    cloud.things.delete(machine)
    expect(await tofu(folder, 'plan', '-detailed-exitcode')).toMatchObject({ exitCode: 2 })
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(cloud.things.get(machine)).toMatchObject({ state: 'ready' })
  })

  test('replaces a machine that failed, and the plan says so', async () => {
    const folder = await writtenCluster()
    await mustTofu(folder, 'apply', '-auto-approve')
    Object.assign(cloud.things.get(machine) ?? {}, { state: 'failed', reason: 'its disk is gone' })
    expect(await mustTofu(folder, 'plan')).toMatch(/must be replaced/)
    expect(await mustTofu(folder, 'apply', '-auto-approve')).toContain('its disk is gone')
    expect(cloud.calls).toContain(`DELETE ${machine}`)
    expect(cloud.things.get(machine)).toMatchObject({ state: 'ready' })
  })

  test('says why a machine could not be made, and the next apply continues', async () => {
    const folder = await writtenCluster()
    cloud.failing.set(machine, 'no memory left on this computer')
    const failed = await tofu(folder, 'apply', '-auto-approve')
    expect(failed.exitCode).toBe(1)
    expect(failed.output.replaceAll(/[\s│╷╵]+/g, ' ')).toContain('no memory left on this computer')
    cloud.failing.clear()
    await mustTofu(folder, 'apply', '-auto-approve')
    expect(cloud.things.get(machine)).toMatchObject({ state: 'ready' })
  })

  test('gets another domain, and addresses for its ports, in place', async () => {
    const folder = await writtenCluster()
    await mustTofu(folder, 'apply', '-auto-approve')
    // As a provider kept it that knew no addresses.
    const state = join(folder, 'terraform.tfstate')
    await writeFile(state, (await readFile(state, 'utf8')).replaceAll(/"address": null,\s*/g, ''))
    expect(await tofu(folder, 'plan', '-detailed-exitcode')).toMatchObject({ exitCode: 0 })

    const before = site(await modulesFor(folder, modules))
    const open = { host: 8443, node: 30443, address: '192.0.2.7' }
    await written(folder, clusterRoot({ ...before, domain: 'omega.internal', ports: [...before.ports, open] }))
    await mustTofu(folder, 'init')
    expect(await mustTofu(folder, 'plan')).toContain('0 to add, 1 to change, 0 to destroy')
    await mustTofu(folder, 'apply', '-auto-approve')
    const { domain, ports } = cloud.things.get('/v1/clusters/omega') as { domain: string; ports: object[] }
    expect(domain).toBe('omega.internal')
    expect(ports).toHaveLength(3)
    expect(ports).toContainEqual(open)
    expect(cloud.calls.filter((call) => call.startsWith('DELETE'))).toEqual([])
    expect(await tofu(folder, 'plan', '-detailed-exitcode')).toMatchObject({ exitCode: 0 })
  })

  test('takes over what is there by import', async () => {
    const first = await writtenCluster()
    await mustTofu(first, 'apply', '-auto-approve')
    const second = await writtenCluster()
    await mustTofu(second, 'import', 'module.cluster.localcloud_cluster.this', 'omega')
    await mustTofu(second, 'import', 'module.cluster.localcloud_machine.this["node-1"]', 'omega/node-1')
    expect(await mustTofu(second, 'plan')).not.toMatch(/to (add|change|destroy)/)
  })
})
