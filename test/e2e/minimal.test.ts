import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestSite, testSite } from './cli.ts'
import { kubectl, loseMachine } from './cluster.ts'
import { documentsOf, OutageWatch } from './outage-watch.ts'
import { beginTasks, createAccount, type Person, workAs } from './people.ts'

/** Four real machines, one for each role. */
let site: TestSite
let anna: Person

beforeAll(async () => {
  site = await testSite('roles')
})

afterAll(async () => {
  await site?.purge()
})

/** The role of each node by its name. */
async function roles(): Promise<Map<string, string>> {
  const path = 'jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.omegaml\\.io/role}{"\\n"}{end}'
  const lines = (await kubectl(site, 'get', 'nodes', '-o', path)).trim().split('\n')
  return new Map(lines.map((line) => line.split(' ') as [string, string]))
}

/** Which roles the running pods of a component are on. */
async function rolesOf(namespace: string, component: string): Promise<string[]> {
  const nodes = await roles()
  const selector = ['-l', `app.kubernetes.io/component=${component}`, '--field-selector', 'status.phase=Running']
  const path = 'jsonpath={.items[*].spec.nodeName}'
  const names = (await kubectl(site, 'get', 'pods', '-n', namespace, ...selector, '-o', path)).split(' ')
  return [...new Set(names.map((name) => nodes.get(name) ?? name))]
}

test('an up that was interrupted is continued by the next', async () => {
  const words = ['--profile', 'minimal', '--domain', site.domain, '--port-base', String(site.portBase)]
  const stopped = await site.interrupt(/cluster.*create/, 'up', ...words)
  expect(stopped.code, stopped.stdout + stopped.stderr).toBe(130)
  await site.run('up')
  anna = await createAccount(site, 'anna')
})

test('there is one machine for each role, at its size', async () => {
  expect([...(await roles()).values()].toSorted()).toEqual(['dbmaster', 'ingress', 'system', 'worker'])
  const path = 'jsonpath={range .items[*]}{.metadata.labels.omegaml\\.io/role} {.status.allocatable.memory}{"\\n"}{end}'
  const sizes = (await kubectl(site, 'get', 'nodes', '-o', path)).trim().split('\n').toSorted()
  expect(sizes).toEqual(['dbmaster 8Gi', 'ingress 4Gi', 'system 4Gi', 'worker 8Gi'])
})

const places: Record<string, [namespace: string, components: string[]]> = {
  dbmaster: ['omegaml-services', ['mysql', 'mongodb']],
  ingress: ['omegaml-services', ['ingress', 'rabbitmq']],
  system: ['omegaml-services', ['omegaweb', 'cloudmgr', 'jupyterhub', 'jupyterhub-proxy']],
  worker: ['omegaml-runtime', ['runtime-worker']],
}
for (const [role, [namespace, components]] of Object.entries(places)) {
  test(`${components.join(', ')} run on the machine of role ${role}`, async () => {
    for (const component of components) expect(await rolesOf(namespace, component), component).toEqual([role])
  })
}

test('a data scientist works', async () => {
  await workAs(site, anna)
})

/** What was seen, printed at the end: docs/benchmarks.md holds such figures. */
const figures: object[] = []
const TASKS = 12

for (const role of Object.keys(places)) {
  test(`the machine of role ${role} is lost: the next up replaces it, all data is kept, and users work on`, async () => {
    // Tasks wait in the broker and run on workers: those that a lost worker had are given to the next.
    const tasks = role === 'worker' ? await beginTasks(anna, TASKS) : undefined
    const documents = await documentsOf(anna)
    const [machine = ''] = [...(await roles())].find(([, its]) => its === role) ?? []
    const uid = () => kubectl(site, 'get', 'node', machine, '-o', 'jsonpath={.metadata.uid}')
    const before = await uid()
    const watch = await OutageWatch.of(anna)
    const lost = Date.now()
    await loseMachine(site, machine)
    // It ends with a task of the demo account and its notebook: both worked again.
    await site.run('up')
    const upSeconds = Math.round((Date.now() - lost) / 1_000)
    figures.push({ role, upSeconds, awaySeconds: await watch.end() })
    expect(await uid()).not.toBe(before)
    expect(await documentsOf(anna)).toMatchObject(documents)
    if (tasks !== undefined) expect(await tasks.ended).toEqual({ results: TASKS })
  })
}

test('after all four were lost, a data scientist finds everything and works on', async () => {
  console.log(figures)
  expect((await workAs(site, anna)).before.datasets).toContain('wine')
})

test('down --purge takes all of it away', async () => {
  const answer = await site.purge()
  expect(answer.code, answer.stdout + answer.stderr).toBe(0)
})
