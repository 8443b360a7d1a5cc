import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SitePreview } from '../../src/site/preview/site-preview.ts'
import { type TestSite, testSite } from './cli.ts'
import { type OthersCluster, startOthersCluster, storageClass } from './others-cluster.ts'
import type { UpResult } from './people.ts'

/** A whole site in a cluster of real machines that somebody else made: it comes, is used, goes, comes back, and leaves nothing. */
let site: TestSite
let others: OthersCluster
let folder: string
let before: readonly string[]

beforeAll(async () => {
  site = await testSite('existing')
  others = await startOthersCluster('others', site.portBase)
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-site-file-'))
  const { push, pull } = others.registry
  writeFileSync(
    join(folder, 'site.yml'),
    `name: ${site.name}
domain: ${site.domain}
provider:
  kind: existing
  kubeconfig: {file: ${others.kubeconfig}}
  roles: {worker: {nodes: [theirs-1]}}
storage: {class: ${storageClass}, mongodbGb: 10}
home: {sizeGb: 1}
images: {registry: "${pull}", push: "${push}"}
components:
  ingress: {values: {service: {type: NodePort, ports: {http: {nodePort: 30080}}}}}
`,
  )
  before = await everything()
}, 300_000)

afterAll(async () => {
  await others?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 300_000)

const file = () => ['--file', join(folder, 'site.yml')]

/** What is in the cluster, apart from what comes and goes by itself. */
async function everything(): Promise<readonly string[]> {
  const kinds = [
    ['v1', 'Namespace'],
    ['v1', 'PersistentVolume'],
    ['v1', 'PersistentVolumeClaim'],
    ['v1', 'Service'],
    ['v1', 'Secret'],
    ['v1', 'Pod'],
    ['apps/v1', 'Deployment'],
    ['apps/v1', 'StatefulSet'],
    ['batch/v1', 'Job'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
    ['networking.k8s.io/v1', 'NetworkPolicy'],
    ['storage.k8s.io/v1', 'StorageClass'],
  ] as const
  const lists = await Promise.all(
    kinds.map(async ([apiVersion, kind]) =>
      (await others.kubernetes.list({ apiVersion, kind })).map(
        ({ metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
      ),
    ),
  )
  const labels = (await others.kubernetes.list({ apiVersion: 'v1', kind: 'Node' })).map(
    ({ metadata }) => `${metadata.name} ${JSON.stringify(metadata.labels)}`,
  )
  return [...lists.flat(), ...labels].toSorted()
}

/** Through the front door as people come: a node port, and the site's name. */
function status(path: string): Promise<number> {
  return new Promise((done, fail) => {
    const headers = { host: `hub.${site.domain}` }
    get({ host: '127.0.0.1', port: others.port, path, headers, agent: false }, (answer) => {
      answer.resume()
      done(answer.statusCode ?? 0)
    }).on('error', fail)
  })
}

test('plan says what is put there, and that the site’s names lead nowhere', async () => {
  const { changes, warnings } = await site.json<SitePreview>('plan', ...file())
  expect(changes.map(({ what }) => what)).toEqual([
    'node theirs-1',
    'Namespace omegaml-services',
    'Namespace omegaml-runtime',
    'release omegaml-storage',
    'release omegaml-system',
    'release omegaml-ingress',
    'release omegaml-worker',
  ])
  expect(warnings.join()).toContain(`hub.${site.domain}`)
  expect(await everything()).toEqual(before)
})

test('up ends with a dataset, a model and a notebook of its own check', async () => {
  const up = await site.json<UpResult>('up', '--yes', ...file())
  expect(up.api).toBe(`http://hub.${site.domain}`)
  expect(await status('/healthz')).toBe(200)
  await site.run('account', 'create', 'anna', '--email', 'anna@example.com')
  expect(await site.json('status')).toMatchObject({ state: 'up' })
  expect((await site.json<SitePreview>('plan', ...file())).changes).toEqual([])
})

test('down takes away what runs, keeps the data, and the site comes back with it', async () => {
  const { stdout } = await site.run('down')
  expect(stdout).toContain('stays: claim omegaml-services/mongodb (10Gi)')
  const left = (await everything()).filter((one) => !before.includes(one))
  expect(left.filter((one) => /^(Pod|Service|Deployment|StatefulSet|Job|ClusterRole)/.test(one))).toEqual([])
  expect(left).toContain('PersistentVolumeClaim omegaml-services/mongodb')
  await site.run('up', '--yes', ...file())
  expect((await site.run('account', 'show', 'anna')).stdout).toContain('active')
})

test('down --purge leaves the cluster as it was', async () => {
  await site.run('down', '--purge', '--yes')
  expect(await everything()).toEqual(before)
})
