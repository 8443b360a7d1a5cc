import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { AppError } from '../base/errors.ts'
import { checkSiteFile } from '../site/file/check.ts'
import { wishesOf } from '../site/file/to-site.ts'
import { farPorts } from '../site/prepare.ts'
import { isReached, noteReached, statePaths, writeSite } from '../site/state.ts'
import type { FakeOutside } from './fake-outside.ts'
import { testCli } from './testing.ts'

/** `down` of a site whose machines were ordered of a cloud: what holds data and goes with them is asked for by name. */
let folder = ''
let state = ''
let outside: FakeOutside
const { run: cli } = testCli((fresh) => void ({ folder, state, outside } = fresh))

const file = `name: acme
domain: acme.example.org
provider: {kind: hcloud, token: {env: TOKEN}, adminCidrs: [203.0.113.7/32]}
images: {registry: registry.example.com/omega}
pools:
  - {name: control, role: control, type: cx33}
  - {name: everything, role: worker, type: cx53}
`

beforeEach(async () => {
  const path = join(folder, 'site.yml')
  writeFileSync(path, file)
  const { name, domain = '', layout } = wishesOf(checkSiteFile(path, resolve(import.meta.dirname, '../..')))
  writeSite(state, { name, profile: 'file', domain, ports: farPorts, ...(layout === undefined ? {} : { layout }) })
  const paths = statePaths(state)
  mkdirSync(paths.terraform, { recursive: true })
  writeFileSync(paths.kubeconfig, 'apiVersion: v1\nkind: Config\n')
  noteReached(paths, true)
  const namespace = async (of: string, labels: Record<string, string>) =>
    await outside.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: of, labels } })
  await namespace('omegaml-services', { 'omegaml.io/site': 'acme' })
  await namespace('om-alice', { 'omegaml.io/account': 'alice' })
  for (const [space, claim] of [
    ['omegaml-services', 'mongodb'],
    ['om-alice', 'storage-data'],
  ] as const)
    await outside.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claim, namespace: space },
      spec: { resources: { requests: { storage: '20Gi' } } },
    })
})

test('a claim whose data would go is named and asked for; without a yes nothing is removed', async () => {
  for (const answer of [undefined, 'no', 'acme']) {
    outside.answer = answer
    expect(await cli('down')).toBe(4)
    const { out, err } = outside.printed()
    expect(out).toContain('goes with the cluster: claim om-alice/storage-data (20Gi)')
    expect(out).toContain('its disk stays: claim omegaml-services/mongodb (20Gi)')
    expect(err).not.toContain('mongodb')
    expect(err).toMatch(/nothing was removed: 1 claim holds data .*om-alice\/storage-data \(20Gi\).*save it/)
  }
  expect(outside.done).toEqual([])
  expect(isReached(statePaths(state))).toBe(true)
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-data', namespace: 'om-alice' }
  expect(await outside.kubernetes.find(claim)).toBeDefined()
})

test('a cluster that does not answer is not taken down unasked: what it holds can’t be looked up', async () => {
  outside.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'asking the API server'))
  outside.answer = 'no'
  expect(await cli('down')).toBe(4)
  expect(outside.printed().err).toContain('the cluster does not answer: its load balancers and disks')
  expect(isReached(statePaths(state))).toBe(true)
})

test('purging names what it deletes, in the cluster too', async () => {
  outside.answer = 'something else'
  expect(await cli('down', '--purge')).toBe(2)
  const { out, err } = outside.printed()
  expect(out).toContain('claim om-alice/storage-data (20Gi)')
  expect(out).toContain('claim omegaml-services/mongodb (20Gi)')
  expect(err).toContain("nothing was removed: type the site's name (acme)")
})
