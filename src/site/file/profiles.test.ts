import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { AppError } from '../../base/errors.ts'
import { machinesOf } from '../../clusters/profiles.ts'
import type { Provider } from '../../clusters/provider.ts'
import { checkParsed, checkSiteFile, ruleFacts } from './check.ts'
import { newFileText, profileFiles } from './profiles.ts'
import { parseSiteFile } from './read.ts'
import { poolMachines } from './site-pools.ts'

const project = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-profiles-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const wishes = { name: 'acme', domain: 'acme.example.org', provider: 'local' } as const
const cloud: Provider = {
  provider: 'hcloud',
  title: 'A cloud',
  nodeTypes: { s: { cores: 2, memoryGb: 4 }, m: { cores: 4, memoryGb: 8 }, l: { cores: 8, memoryGb: 32 } },
}

test('there are three profiles, small ones first', () => {
  expect(profileFiles(project)).toEqual(['single-node', 'minimal', 'production'])
})

for (const profile of ['single-node', 'minimal', 'production']) {
  test(`profile ${profile} is a site file without mistakes`, () => {
    const path = join(folder, `${profile}.yml`)
    writeFileSync(path, newFileText({ ...wishes, profile }, project, undefined))
    const { site, warnings } = checkSiteFile(path, project)
    expect(site).toMatchObject({ name: 'acme', domain: 'acme.example.org', provider: { kind: 'local' } })
    expect(warnings.length).toBe(profile === 'minimal' ? 1 : 0)
  })
}

for (const profile of ['single-node', 'minimal']) {
  test(`profile ${profile} has the machines that up makes without a file`, () => {
    const { site } = parseSiteFile(newFileText({ ...wishes, profile }, project, undefined), 'site.yml')
    expect(poolMachines(site.pools, undefined)).toEqual(machinesOf(profile))
  })
}

test('a cloud has types of machines and a control plane', () => {
  const text = newFileText({ ...wishes, provider: 'hcloud', profile: 'production' }, project, cloud)
  const parsed = parseSiteFile(text, 'site.yml')
  const { site } = checkParsed(parsed, { ...ruleFacts(parsed.site, project), provider: cloud })
  expect(site.pools.map(({ role, type, size }) => `${role} ${type} ${size}`)).toEqual([
    'control s 1',
    'dbmaster l 1',
    'ingress s 2',
    'system m 2',
    'worker l 2',
  ])
})

test('a cluster that is there needs no machines', () => {
  const text = newFileText({ ...wishes, provider: 'existing', profile: 'production' }, project, undefined)
  expect(parseSiteFile(text, 'site.yml').site).toMatchObject({ pools: [], storage: { mongodbGb: 100 } })
})

test('a cloud whose machines nobody knows is refused', () => {
  const make = () => newFileText({ ...wishes, provider: 'rancher', profile: 'minimal' }, project, undefined)
  expect(make).toThrow(AppError)
})
