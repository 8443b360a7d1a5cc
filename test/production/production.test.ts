import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { execa } from 'execa'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestSite, testSite } from '../e2e/cli.ts'
import { kubectl } from '../e2e/cluster.ts'
import { documentsOf, OutageWatch } from '../e2e/outage-watch.ts'
import { configOf, createAccount, type Person } from '../e2e/people.ts'

/** Profile `production` on seven real machines: its workers have 16 GB instead of 32, which this host may not have. */
let site: TestSite
let file: string
let anna: Person
/** Seconds by what took them, printed at the end. */
const figures: Record<string, unknown> = {}

beforeAll(async () => {
  site = await testSite('prod')
  file = join(dirname(site.state), 'site.yml')
  await site.run(
    'init',
    '--profile',
    'production',
    '--name',
    site.name,
    '--domain',
    site.domain,
    '--output',
    file,
    '--yes',
  )
  const [http, https, mongo, broker] = [0, 1, 2, 3].map((step) => site.portBase + step)
  edit(
    'provider: {kind: local}',
    `provider: {kind: local, ports: {http: ${http}, https: ${https}, mongo: ${mongo}, broker: ${broker}}}`,
  )
  edit('memoryGb: 32', 'memoryGb: 16')
  await timed('up', async () => await site.run('up', '--file', file, '--yes'))
  anna = await createAccount(site, 'anna')
})

afterAll(async () => {
  console.log(figures)
  await site?.purge()
})

function edit(from: string, to: string): void {
  const text = readFileSync(file, 'utf8')
  expect(text).toContain(from)
  writeFileSync(file, text.replace(from, to))
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = Date.now()
  const result = await work()
  figures[what] = Math.round((Date.now() - began) / 1_000)
  return result
}

async function nodesOf(namespace: string, component: string): Promise<string[]> {
  const selector = ['-l', `app.kubernetes.io/component=${component}`, '--field-selector', 'status.phase=Running']
  const path = 'jsonpath={.items[*].spec.nodeName}'
  return (await kubectl(site, 'get', 'pods', '-n', namespace, ...selector, '-o', path)).split(' ').toSorted()
}

/** Runs a block of docs/operations.md as a reader would. */
async function follow(block: string, env: Record<string, string> = {}): Promise<string> {
  const docs = readFileSync(resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8')
  const script = new RegExp(`<!-- tested: ${block} -->\n\`\`\`sh\n([^]*?)\n\`\`\``).exec(docs)?.[1]
  if (script === undefined) throw new Error(`docs/operations.md has no block ${block}`)
  const PATH = `${process.env['CLOUDMGR_TOOLS_BIN']}:${process.env['PATH']}`
  const { stdout } = await execa('sh', ['-euc', script], {
    env: { PATH, KUBECONFIG: join(site.state, 'kubeconfig'), ...env },
    extendEnv: false,
  })
  return stdout
}

test('what can be there twice is, each on a machine of its own', async () => {
  expect(await nodesOf('omegaml-services', 'omegaweb')).toEqual(['system-1', 'system-2'])
  expect(await nodesOf('omegaml-services', 'ingress')).toEqual(['ingress-1', 'ingress-2'])
  expect(await nodesOf('omegaml-runtime', 'runtime-worker')).toEqual(['worker-1', 'worker-2'])
  const status = await site.json<{ state: string; nodes: object[] }>('status')
  expect(status).toMatchObject({ state: 'up' })
  expect(status.nodes).toHaveLength(7)
})

test('a machine is drained for maintenance, and the API answers all the while', async () => {
  const watch = await OutageWatch.of(anna)
  const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=180s']
  await timed('drain', async () => await kubectl(site, 'drain', 'system-1', ...options))
  await kubectl(site, 'rollout', 'status', 'deployment/cloudmgr', '-n', 'omegaml-services', '--timeout=120s')
  await kubectl(site, 'uncordon', 'system-1')
  expect(await watch.end()).toMatchObject({ api: 0, database: 0 })
})

test('a dump is made and put back by the words of the docs: rows and data are those of then', async () => {
  const url = (await configOf(anna))['OMEGA_MONGO_URL'] ?? ''
  const write = async (name: string) => {
    // As the client has it: users are those of the server.
    const client = new MongoClient(url, { authSource: 'admin' })
    await client
      .db()
      .collection(name)
      .insertMany(Array.from({ length: 500 }, (_, n) => ({ n })))
    await client.close()
  }
  await write('before')
  const documents = await documentsOf(anna)
  expect(await timed('dump', async () => await follow('dump'))).toContain('dump complete')
  await write('after')
  await createAccount(site, 'boris')
  expect(await timed('restore', async () => await follow('restore'))).toContain('restore complete')
  expect(await documentsOf(anna)).toEqual(documents)
  expect((await site.attempt('account', 'show', 'boris')).code).toBe(3)
  expect((await site.attempt('orphans')).stdout).toContain('om-boris')
})

test('an up with an image that does not start says so, what served goes on, and an undo goes back to it', async () => {
  const watch = await OutageWatch.of(anna)
  edit(
    'backups: {enabled: true, keep: 14}',
    'backups: {enabled: true, keep: 14}, images: {cloudmgr: {tag: none, digest: ""}}',
  )
  const stopped = await site.interrupt(/image pull back-off/, 'up', '--file', file, '--yes')
  expect(stopped.code, stopped.stdout + stopped.stderr).toBe(130)
  const [, id = ''] = /commands undo (\d+)/.exec(stopped.stderr) ?? []
  await timed('undo', async () => await site.run('commands', 'undo', id))
  expect(await watch.end()).toMatchObject({ api: 0, database: 0, broker: 0 })
  // The restore had left one.
  expect(await nodesOf('omegaml-services', 'omegaweb')).toHaveLength(2)
  expect(await site.json('status')).toMatchObject({ state: 'up' })
})

test('down --purge takes all of it away', async () => {
  const answer = await site.purge()
  expect(answer.code, answer.stdout + answer.stderr).toBe(0)
})
