import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureSecrets, storeAccountKeys } from './secrets.ts'
import type { Site } from './site.ts'
import { findSite, portsOfOtherSites, stateFolder, writeSite } from './state.ts'

const site: Site = {
  name: 'omega',
  profile: 'single-node',
  domain: 'omega.localhost',
  ports: { http: 8080, https: 8443, mongo: 27018, broker: 5671 },
}
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-site-state-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('what was written is read again, by its owner only', () => {
  writeSite(folder, site)
  expect(findSite(folder, 'omega')).toEqual(site)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
})

test('an empty folder and a missing one are new sites', () => {
  expect(findSite(folder, 'omega')).toBeUndefined()
  expect(findSite(join(folder, 'none'), 'omega')).toBeUndefined()
})

const refused = [
  { file: 'photo.jpg', text: '', why: 'a folder of something else' },
  { file: 'site.json', text: '{"name":"omega"}', why: 'a site.json that is not ours' },
  { file: 'site.json', text: 'not json', why: 'a site.json that is broken' },
]

for (const { file, text, why } of refused) {
  test(`refused: ${why}`, () => {
    writeFileSync(join(folder, file), text)
    expect(() => findSite(folder, 'omega')).toThrow(expect.objectContaining({ kind: 'conflict', code: 'state-folder' }))
  })
}

test('a folder of a newer version is refused with what to do', () => {
  writeFileSync(join(folder, 'site.json'), JSON.stringify({ cloudmgr: 'site', version: 2, ...site, machines: {} }))
  expect(() => findSite(folder, 'omega')).toThrow(/a newer cloudmgr wrote it \(form 2, this one reads 1\)/)
})

test("another site's folder is refused", () => {
  writeSite(folder, site)
  expect(() => findSite(folder, 'other')).toThrow(/site "omega", not "other"/)
})

test("other sites' ports are known, our own and foreign folders don't count", () => {
  writeSite(join(folder, 'one'), { ...site, name: 'one' })
  writeSite(join(folder, 'two'), { ...site, name: 'two', ports: { ...site.ports, http: 8180 } })
  expect(portsOfOtherSites(folder, join(folder, 'one'))).toEqual(new Set([8180, 8443, 27018, 5671]))
})

test('the state folder is named by site, by home and by option', () => {
  expect(stateFolder('omega', undefined, { CLOUDMGR_HOME: '/srv' })).toBe('/srv/omega')
  expect(stateFolder('omega', '/elsewhere', {})).toBe('/elsewhere')
})

test('secrets are made once, kept encrypted, and added to', () => {
  const first = ensureSecrets(folder)
  expect(ensureSecrets(folder)).toEqual(first)
  const stored = storeAccountKeys(folder, { demoApikey: 'abc' })
  expect(stored).toEqual({ ...first, demoApikey: 'abc' })
  expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o600)
})

test('secrets are never replaced when their key is gone or wrong', () => {
  ensureSecrets(folder)
  writeFileSync(join(folder, 'key'), Buffer.alloc(32, 1).toString('base64'))
  expect(() => ensureSecrets(folder)).toThrow(expect.objectContaining({ code: 'secrets-unreadable' }))
  rmSync(join(folder, 'key'))
  expect(() => ensureSecrets(folder)).toThrow(expect.objectContaining({ code: 'secrets-unreadable' }))
})
