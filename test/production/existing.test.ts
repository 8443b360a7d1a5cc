import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clientVariables } from '../../src/cli/reach-text.ts'
import type { SitePreview } from '../../src/site/preview/site-preview.ts'
import { type OtherMachine, otherMachine } from '../support/other-machine.ts'
import { type TestSite, testSite } from '../e2e/cli.ts'
import { outcomeOf } from '../e2e/client.ts'
import { type OthersCluster, startOthersCluster, storageClass } from './others-cluster.ts'
import { createAccount, type Person, type UserOutcome } from '../e2e/people.ts'

/**
 * A whole site in a cluster of real machines that somebody else made: it comes, is used from another machine, is changed,
 * goes, comes back with its data, and leaves the cluster as it was found.
 */
let site: TestSite
let others: OthersCluster
/** Where its users sit: the names of the site lead to the owner's load balancer, and there is no other way. */
let far: OtherMachine
let before: readonly string[]
let anna: Person

beforeAll(async () => {
  site = await testSite('existing')
  far = await otherMachine()
  others = await startOthersCluster('others', far.address)
  before = await everything()
  write()
})

afterAll(async () => {
  // Nothing of the site is on this host; it may still be half made in the cluster that goes now.
  await others?.stop()
  await far?.close()
})

const path = () => join(far.home, 'site.yml')
const file = () => ['--file', path()]

function write(more = ''): void {
  const { push, pull } = others.registry
  writeFileSync(
    path(),
    `name: ${site.name}
domain: ${site.domain}
provider:
  kind: existing
  kubeconfig: {file: ${others.kubeconfig}}
storage: {class: ${storageClass}, mongodbGb: 10}
home: {sizeGb: 1}
tls: {kind: local-ca}
images: {registry: "${pull}", push: "${push}"}
${more}`,
  )
}

/** What is in the cluster, apart from what comes and goes by itself. */
async function everything(): Promise<readonly string[]> {
  const kinds = (await others.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n')
  const passing = [
    'events',
    'events.events.k8s.io',
    'leases.coordination.k8s.io',
    'nodes.metrics.k8s.io',
    'pods.metrics.k8s.io',
  ]
  const words = ['get', kinds.filter((kind) => !passing.includes(kind)).join(','), '-A', '--ignore-not-found']
  const names = 'jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
  const nodes = 'jsonpath={range .items[*]}{.metadata.name} {.metadata.labels} {.spec.taints}{"\\n"}{end}'
  const [objects, labels] = await Promise.all([
    others.kubectl([...words, '-o', names]),
    others.kubectl(['get', 'nodes', '-o', nodes]),
  ])
  return `${objects}${labels}`.trim().split('\n').toSorted()
}

/** What a data scientist does, at the other machine, with the unmodified client and the site's authority. */
async function work(who: Person): Promise<UserOutcome> {
  const authority = join(far.home, 'ca.pem')
  const variables = clientVariables.map((name) => [name, authority] as const)
  writeFileSync(authority, (await site.run('ca')).stdout)
  const python = process.env['CLOUDMGR_TEST_PYTHON'] ?? 'python3'
  const program = resolve(import.meta.dirname, '../e2e/user.py')
  const env = { APIKEY: who.apikey, ...Object.fromEntries(variables) }
  const done = await far.run(python, [program, who.userid, who.apiUrl], env)
  return outcomeOf<UserOutcome>('user.py', done)
}

const generations = async (): Promise<Record<string, string>> => {
  const names = 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.generation}{"\\n"}{end}'
  const text = await others.kubectl(['get', 'deployments,statefulsets', '-A', '-o', names])
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
}

test('plan says what is put there, that the site’s names lead nowhere yet, and touches nothing', async () => {
  const { changes, warnings } = await site.json<SitePreview>('plan', ...file())
  expect(changes.map(({ what }) => what)).toEqual([
    'Namespace omegaml-services',
    'Namespace omegaml-runtime',
    'Secret site-tls',
    'release omegaml-storage',
    'release omegaml-system',
    'release omegaml-ingress',
    'release omegaml-worker',
  ])
  expect(warnings.join()).toContain(`hub.${site.domain}`)
  expect(await everything()).toEqual(before)
})

test('up ends with pods that run and a notebook of its own check, and says where names must lead', async () => {
  const { stdout } = await site.run('up', '--yes', ...file())
  expect(stdout).toContain(`its load balancer, ${far.address}`)
  expect(await site.json('status')).toMatchObject({ state: 'up' })
  expect((await site.json<SitePreview>('plan', ...file())).changes).toEqual([])
})

test('a data scientist at another machine works with the unmodified client', async () => {
  const names = ['hub', 'notebook', 'anna.notebook', 'mongo', 'broker'].map((name) => `${name}.${site.domain}`)
  far.pasteHosts([[far.address, ...names].join(' ')])
  anna = await createAccount(site, 'anna')
  const outcome = await work(anna)
  expect(outcome.login, outcome.login.output).toMatchObject({ code: 0 })
  expect(outcome).toMatchObject({
    ping: { code: 0, output: expect.stringContaining('ping return message') },
    mongo: expect.stringMatching(new RegExp(`^mongo\\.${site.domain}:27017/`)),
    dataset: { rows: 178, equal: true },
    job: { status: 'OK' },
  })
  expect(outcome.accuracy).toBeGreaterThan(0.9)
})

test('a changed value touches what it belongs to, and nothing else', async () => {
  const was = await generations()
  write('components: {worker: {values: {replicas: 2}}}\n')
  const { changes } = await site.json<SitePreview>('plan', ...file())
  expect(changes).toMatchObject([{ what: 'release omegaml-worker', details: ['replicas: 1 → 2'] }])
  await site.run('up', '--yes', ...file())
  const changed = Object.entries(await generations()).filter(([name, generation]) => was[name] !== generation)
  expect(changed.map(([name]) => name)).toEqual(['omegaml-runtime/omegaml-worker'])
})

test('down takes away what runs, keeps the data, and the site comes back with it', async () => {
  const { stdout } = await site.run('down')
  expect(stdout).toContain('stays: claim omegaml-services/mongodb (10Gi)')
  const left = (await everything()).filter((one) => !before.includes(one))
  expect(
    left.filter((one) => /^(Pod|Service|Deployment|StatefulSet|Job|ClusterRole|ClusterRoleBinding) /.test(one)),
  ).toEqual([])
  expect(left).toContain('PersistentVolumeClaim omegaml-services/mongodb')
  await site.run('up', '--yes', ...file())
  expect((await work(anna)).before.datasets).toContain('wine')
})

test('down --purge leaves the cluster as it was', async () => {
  const answer = await site.purge()
  expect(answer.code, answer.stdout + answer.stderr).toBe(0)
  expect(await everything()).toEqual(before)
})
