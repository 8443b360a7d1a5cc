import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { request as forward } from 'node:https'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { ActionContext } from '../../src/actions/action.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import type { Terraform } from '../../src/adapters/terraform/port.ts'
import { type OutsideBackend, withOutsideBackend } from '../../src/clusters/outside-backend.ts'
import { writeRoot } from '../../src/clusters/write-root.ts'
import { keptTerraform } from '../../src/site/actions/kept-terraform.ts'
import { outsideRoots } from '../../src/site/kept-roots.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { startStateServer, type StateServer } from '../support/state-server.ts'

/** States in a backend that the site file names, with the real OpenTofu: a folder, and a server that asks for a password. */
let folder: string
let terraform: Terraform
let server: StateServer
const password = 'hunter22'

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'outside-state-'))
  const { paths } = await ensureTools(['tofu'])
  terraform = createTerraformCli({ program: paths.tofu, folder: join(folder, 'cli') })
  server = await startStateServer('site', password)
})

afterAll(async () => {
  server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const backends: { name: string; outside: () => OutsideBackend; env: Record<string, string>; kept: () => string }[] = [
  {
    name: 'local',
    outside: () => ({ backend: 'local', settings: { path: join(folder, 'states', '{root}.tfstate') } }),
    env: {},
    kept: () => readFileSync(join(folder, 'states', 'cluster.tfstate'), 'utf8'),
  },
  {
    name: 'http',
    outside: () => {
      const address = `http://127.0.0.1:${server.port}/{root}`
      const settings = { address, lock_address: address, unlock_address: address, username: 'site' }
      return { backend: 'http', settings }
    },
    env: { TF_HTTP_PASSWORD: password },
    kept: () => server.stored.get('/cluster') ?? '',
  },
]

const context = {
  task: { id: 1, fencing: 1, step: 'cluster', command: 1 },
  signal: new AbortController().signal,
  output: () => {},
  waiting: () => {},
} as unknown as ActionContext

const never = { credentialFor: () => expect.unreachable('the engine keeps no state of this root') }

function action(env: Record<string, string>) {
  return keptTerraform(terraform, { store: {} as never, backend: never, outsideEnv: () => env })
}

async function rootWith(name: string, outside: OutsideBackend, input: string): Promise<string> {
  const root = join(folder, name, 'cluster')
  mkdirSync(root, { recursive: true })
  const resource = { terraform_data: { this: { input } } }
  await writeRoot(root, withOutsideBackend({ main: { terraform: {}, resource }, variables: {} }, 'cluster', outside))
  return root
}

for (const { name, outside, env, kept } of backends) {
  test(`a root is made, changed and removed with its state in backend ${name}, and no secret on disk`, async () => {
    const root = await rootWith(name, outside(), 'one')
    const wanted = { root, deletes: 'allow', env: {} } as const
    const { observe, ensure, remove } = action(env)
    expect((await ensure(wanted, context)).changed).toBe(true)
    expect(kept()).toContain('"input"')
    expect((await ensure(wanted, context)).changed).toBe(false)
    expect((await observe(wanted, context)).state).toBe('present')
    await rootWith(name, outside(), 'two')
    expect((await ensure(wanted, context)).changed).toBe(true)
    const roots = outsideRoots(terraform, { terraform: join(folder, name), folder }, env)
    expect(await roots.addresses('cluster')).toEqual(['terraform_data.this'])
    expect(existsSync(join(root, 'terraform.tfstate'))).toBe(false)
    const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    for (const { parentPath, name: file } of files)
      expect(readFileSync(join(parentPath, file), 'utf8'), file).not.toContain(password)
    expect((await remove(wanted, context)).changed).toBe(true)
    expect(await roots.addresses('cluster')).toEqual([])
  })
}

test('a lock that a dead run left there is told, with its ID', async () => {
  const [, http] = backends
  if (http === undefined) return expect.unreachable()
  const root = await rootWith('locked', http.outside(), 'one')
  server.locks.add('/cluster')
  const error = await action(http.env)
    .ensure({ root, deletes: 'allow', env: {} }, context)
    .catch((cause: unknown) => cause)
  server.locks.delete('/cluster')
  expect(error).toMatchObject({ code: 'terraform-locked' })
  expect(JSON.stringify((error as { details?: unknown }).details)).toContain('of-a-dead-run')
})

test('without its password the backend is not reached, and nothing is made', async () => {
  const [, http] = backends
  if (http === undefined) return expect.unreachable()
  const root = await rootWith('nobody', http.outside(), 'one')
  await expect(action({}).ensure({ root, deletes: 'allow', env: {} }, context)).rejects.toMatchObject({
    kind: 'unavailable',
  })
})

/** Lets in who has Rancher's token, and hands on what comes below the path of its own cluster. */
async function startRancherProxy(cluster: TestCluster, token: string): Promise<Server> {
  const { clusters, users } = parse(readFileSync(cluster.kubeconfig, 'utf8')) as {
    clusters: { cluster: Record<string, string> }[]
    users: { user: Record<string, string> }[]
  }
  const target = new URL(clusters[0]?.cluster['server'] ?? '')
  const user = users[0]?.user ?? {}
  const proxy = createServer((asked, answered) => {
    const path = /^\/k8s\/clusters\/local(\/.*)$/.exec(asked.url ?? '')?.[1]
    if (path === undefined || asked.headers.authorization !== `Bearer ${token}`) return answered.writeHead(401).end()
    const headers = { ...asked.headers, host: target.host, authorization: `Bearer ${user['token']}` }
    const options = { host: target.hostname, port: target.port, method: asked.method, path, headers }
    const handed = forward({ ...options, rejectUnauthorized: false }, (answer) => {
      answered.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(answered)
    })
    asked.pipe(handed)
    return undefined
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return proxy
}

test('a state in the cluster of a Rancher itself, as docs/rancher.md names it', async () => {
  const cluster = await startCluster()
  const proxy = await startRancherProxy(cluster, 'token-x:secret')
  try {
    await cluster.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fleet-default' } })
    const host = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/k8s/clusters/local`
    // Without a path the backend looks for a kubeconfig, and fails; a file that is not there it takes for none.
    const settings = { host, config_path: '/none', namespace: 'fleet-default', secret_suffix: 'acme-{root}' }
    const root = await rootWith('rancher', { backend: 'kubernetes', settings }, 'one')
    const wanted = { root, deletes: 'allow', env: {} } as const
    const { ensure, remove } = action({ KUBE_TOKEN: 'token-x:secret' })
    expect((await ensure(wanted, context)).changed).toBe(true)
    const secrets = await cluster.kubernetes.list({ apiVersion: 'v1', kind: 'Secret' }, { namespace: 'fleet-default' })
    expect(secrets.map(({ metadata }) => metadata.name)).toEqual(['tfstate-default-acme-cluster'])
    expect((await ensure(wanted, context)).changed).toBe(false)
    expect((await remove(wanted, context)).changed).toBe(true)
  } finally {
    proxy.closeAllConnections()
    proxy.close()
    await cluster.stop()
  }
})
