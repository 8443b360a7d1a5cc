import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localVersions } from '../../src/base/kubernetes-version.ts'
import type { SitePreview } from '../../src/site/preview/site-preview.ts'
import { type TestSite, testSite } from '../e2e/cli.ts'
import { kubectl } from '../e2e/cluster.ts'
import { documentsOf, OutageWatch } from '../e2e/outage-watch.ts'
import { createAccount, type Person, workAs } from '../e2e/people.ts'

/** A site on the Kubernetes of one minor version before, which is upgraded under the hands of an account. */
const [newest, older] = localVersions
let site: TestSite
let anna: Person
/** Seconds by what took them, and for how long an upgrade kept the account from what, printed at the end. */
const figures: Record<string, unknown> = {}

afterAll(() => console.log(figures))

const path = () => join(dirname(site.state), 'site.yml')

function write(version: string, pools: string): string[] {
  const [http, https, mongo, broker] = [0, 1, 2, 3].map((step) => site.portBase + step)
  writeFileSync(
    path(),
    `name: ${site.name}
domain: ${site.domain}
provider:
  kind: local
  kubernetesVersion: ${version}
  ports: {http: ${http}, https: ${https}, mongo: ${mongo}, broker: ${broker}}
pools:
${pools}`,
  )
  return ['--file', path()]
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = Date.now()
  const result = await work()
  figures[what] = Math.round((Date.now() - began) / 1_000)
  return result
}

async function versions(): Promise<{ server: string; nodes: Record<string, string>; cordoned: string[] }> {
  const { serverVersion } = JSON.parse(await kubectl(site, 'version', '-o', 'json')) as {
    serverVersion: { gitVersion: string }
  }
  const { items } = JSON.parse(await kubectl(site, 'get', 'nodes', '-o', 'json')) as {
    items: {
      metadata: { name: string }
      spec: { unschedulable?: boolean }
      status: { nodeInfo: { kubeletVersion: string } }
    }[]
  }
  return {
    server: serverVersion.gitVersion,
    nodes: Object.fromEntries(items.map(({ metadata, status }) => [metadata.name, status.nodeInfo.kubeletVersion])),
    cordoned: items.flatMap(({ metadata, spec }) => (spec.unschedulable === true ? [metadata.name] : [])),
  }
}

/** What the local cloud started: its folder, name of the file. */
const processOf = (name: string) =>
  JSON.parse(readFileSync(join(site.state, 'cloud', name), 'utf8')) as { pid: number; started: string }

const etcd = () => processOf('programs/etcd.json')

describe.each([
  { machines: 1, label: 'upone', pools: '  - {name: node, role: worker, cores: 4, memoryGb: 10}\n' },
  { machines: 2, label: 'uptwo', pools: '  - {name: node, role: worker, cores: 4, memoryGb: 8, size: 2}\n' },
])('a site on $machines machines', ({ machines, label, pools }) => {
  const names = Array.from({ length: machines }, (_, index) => `node-${index + 1}`)
  const all = (version: string) => ({
    server: `v${version}`,
    nodes: Object.fromEntries(names.map((name) => [name, `v${version}`])),
    cordoned: [],
  })

  beforeEach(async () => {
    site = await testSite(label)
    await timed(`${label}: up`, async () => await site.run('up', '--yes', ...write(older, pools)))
    anna = await createAccount(site, 'anna')
  })

  afterEach(async () => {
    await site.purge()
  })

  test('goes to the next minor version while an account works, and back by down and up alone', async () => {
    expect(await versions()).toEqual(all(older))
    await workAs(site, anna)
    const documents = await documentsOf(anna)
    const was = etcd()

    const file = write(newest, pools)
    const planned = await site.json<SitePreview>('plan', ...file)
    expect(planned.changes.map(({ what }) => what)).toContain(`Kubernetes ${older} → ${newest}`)
    expect(planned.deletes).toEqual([])

    const watch = await OutageWatch.of(anna)
    await timed(`${label}: upgrade`, async () => {
      // Killed while it is at it, the local cloud and what ordered it; both go on.
      if (machines > 1) await killedAtTheFirstMachine(file)
      await site.run('up', '--yes', ...file)
    })
    figures[`${label}: seconds without`] = await watch.end()
    expect(await versions()).toEqual(all(newest))
    expect(etcd()).toEqual(was)
    expect(await site.json('status')).toMatchObject({ state: 'up' })
    expect((await site.json<SitePreview>('plan', ...file)).changes).toEqual([])
    expect(await documentsOf(anna)).toEqual(documents)
    await workAs(site, anna)

    const back = write(older, pools)
    for (const words of [['plan'], ['up', '--yes']]) {
      const refused = await site.attempt(...words, ...back)
      expect(refused.code).toBe(2)
      expect(refused.stderr).toMatch(/goes back.*\.\/cloudmgr down/)
    }
    expect(await versions()).toEqual(all(newest))
    if (machines === 1) {
      await site.run('down')
      await timed(`${label}: back`, async () => await site.run('up', '--yes', ...back))
      expect(await versions()).toEqual(all(older))
      expect((await workAs(site, anna)).before.datasets).toContain('wine')
    }
    const gone = await site.purge()
    expect(gone.code, gone.stdout + gone.stderr).toBe(0)
  })
})

/** Ends supervisor and `up` as soon as the first machine is being emptied: one machine is away, the other serves. */
async function killedAtTheFirstMachine(file: readonly string[]): Promise<void> {
  const running = site.attempt('up', '--yes', ...file)
  const isBegun = () => {
    const record = join(site.state, 'cloud', 'machines', 'node-1', 'machine.json')
    return existsSync(record) && readFileSync(record, 'utf8').includes('"upgrade"')
  }
  const deadline = Date.now() + 300_000
  while (!isBegun()) {
    if (Date.now() > deadline) throw new Error('the upgrade of the first machine was not begun within five minutes')
    await delay(100)
  }
  process.kill(processOf('supervisor.json').pid, 'SIGKILL')
  expect((await versions()).nodes['node-2']).toBe(`v${older}`)
  await running
}
