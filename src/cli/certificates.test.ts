import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAuthority, type Credential, issueCertificate } from '../base/certificate.ts'
import type { SitePreview } from '../site/preview/site-preview.ts'
import { certificateNames } from '../site/site.ts'
import type { FakeOutside } from './fake-outside.ts'
import { testCli } from './testing.ts'

let folder = ''
let state = ''
let outside: FakeOutside

const { run: cli } = testCli((fresh) => void ({ folder, state, outside } = fresh))

function write(tls: string): void {
  const pools = 'pools:\n  - {name: node, role: worker, cores: 4, memoryGb: 8}\n'
  writeFileSync(join(folder, 'site.yml'), `name: acme\nprovider: {kind: local}\n${pools}tls: ${tls}\n`)
}

const given = '{kind: given, certificate: {file: site.pem}, key: {file: site.key}, ca: {file: ca.pem}}'
const valid = { from: new Date(), days: 60 }

async function newCertificate(authority: Credential, domain = 'acme.localhost'): Promise<Credential> {
  const names = certificateNames(domain)
  const made = await issueCertificate(authority, { commonName: 'site', names }, valid)
  writeFileSync(join(folder, 'site.pem'), made.cert)
  writeFileSync(join(folder, 'site.key'), made.key)
  writeFileSync(join(folder, 'ca.pem'), authority.cert)
  return made
}

async function secretTls(): Promise<Record<string, string>> {
  const reference = { apiVersion: 'v1', kind: 'Secret', name: 'site-tls', namespace: 'omegaml-services' }
  const { data = {} } = ((await outside.kubernetes.find(reference)) ?? {}) as { data?: Record<string, string> }
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
}

async function planned(): Promise<SitePreview> {
  outside.printed()
  expect(await cli('plan', '--json')).toBe(0)
  return JSON.parse(outside.printed().out) as SitePreview
}

test('a given certificate is served, its authority is told, and another one changes its Secret alone', async () => {
  const authority = await createAuthority('test', valid)
  const first = await newCertificate(authority)
  write(given)
  expect(await cli('up', '--json')).toBe(0)
  const port = 8443
  expect(JSON.parse(outside.printed().out)).toMatchObject({
    api: `https://hub.acme.localhost:${port}`,
    notebook: `https://notebook.acme.localhost:${port}`,
  })
  expect(await secretTls()).toEqual({ 'tls.crt': first.cert.trimEnd(), 'tls.key': first.key.trimEnd() })
  expect(outside.helm.valuesOf('omegaml-ingress', 'omegaml-services')).toMatchObject({
    tls: { secretName: 'site-tls', redirectPort: port },
  })
  expect(outside.helm.valuesOf('omegaml-system', 'omegaml-services')).toMatchObject({ site: { tls: true } })
  expect(await cli('ca')).toBe(0)
  expect(outside.printed().out.trim()).toBe(authority.cert.trim())
  expect((await planned()).changes).toEqual([])

  const second = await newCertificate(authority)
  const { changes } = await planned()
  expect(changes.map(({ what, kind }) => `${kind} ${what}`)).toEqual(['change Secret site-tls'])
  expect(JSON.stringify(changes)).not.toContain('PRIVATE')
  expect(await cli('up', '--yes')).toBe(0)
  expect((await secretTls())['tls.crt']).toBe(second.cert.trimEnd())
  expect(readFileSync(join(state, 'applied.json'), 'utf8')).not.toContain('PRIVATE')
})

test('a given certificate that nobody would take stops plan and up before anything is made', async () => {
  await newCertificate(await createAuthority('test', valid), 'other.localhost')
  write(given)
  for (const word of ['plan', 'up']) {
    expect(await cli(word)).toBe(2)
    expect(outside.printed().err).toMatch(/site\.yml:5: tls\.certificate: it is not for hub\.acme\.localhost/)
  }
  rmSync(join(folder, 'ca.pem'))
  expect(await cli('up')).toBe(2)
  expect(outside.printed().err).toMatch(/tls\.ca: file .*ca\.pem can't be read/)
  expect(existsSync(state)).toBe(false)
})

test('the site’s own authority signs a certificate once, and the next up keeps it', async () => {
  write('{kind: local-ca}')
  expect(await cli('up')).toBe(0)
  const before = await secretTls()
  expect(before['tls.crt']).toContain('BEGIN CERTIFICATE')
  outside.printed()
  expect(await cli('ca')).toBe(0)
  expect(outside.printed().out).toContain('BEGIN CERTIFICATE')
  expect(statSync(join(state, 'authority.pem')).mode & 0o077).toBe(0)
  expect((await planned()).changes).toEqual([])
  expect(await cli('up')).toBe(0)
  expect(await secretTls()).toEqual(before)
})

const inDays = (days: number) => () => Date.now() + days * 86_400_000

test('the site’s own certificate is renewed by up before it ends, and long after', async () => {
  write('{kind: local-ca}')
  expect(await cli('up')).toBe(0)
  let before = await secretTls()
  for (const days of [320, 900]) {
    outside.now = inDays(days)
    outside.printed()
    expect(await cli('up')).toBe(0)
    expect(outside.printed().out).not.toMatch(/note: certificate/)
    expect(await secretTls()).not.toEqual(before)
    before = await secretTls()
  }
})

test('a given certificate that has run out is told by up and doctor, with the way to another', async () => {
  await newCertificate(await createAuthority('test', { from: new Date(), days: 4000 }))
  write(given)
  expect(await cli('up')).toBe(0)
  outside.now = inDays(50)
  outside.printed()
  expect(await cli('up', '--no-file', '--site', 'acme')).toBe(0)
  const says = /note: certificate CN=site: until \d{4}-\d\d-\d\d, 9 days: .\/cloudmgr up with a renewed certificate/
  expect(outside.printed().out).toMatch(says)
  outside.now = inDays(80)
  expect(await cli('up', '--no-file', '--site', 'acme')).toBe(0)
  expect(outside.printed().out).toMatch(/note: certificate CN=site: expired on \d{4}-\d\d-\d\d/)
  expect(await cli('doctor', '--site', 'acme')).toBe(1)
  expect(outside.printed().out).toMatch(/✗ certificate +CN=site: expired on/)
})

test('an issuer needs a cluster with cert-manager', async () => {
  write('{kind: issuer, issuer: letsencrypt}')
  expect(await cli('up')).toBe(2)
  expect(outside.printed().err).toContain('provider local has no cert-manager: right is none, local-ca or given')
})

test('changed secrets are shown by fingerprint, changed images by tag', async () => {
  write('{kind: none}\nmail: {smtp: {host: mail.example.org, password: {env: MAIL}}}')
  outside.env['MAIL'] = 'hunter22'
  expect(await cli('up')).toBe(0)
  expect((await planned()).changes).toEqual([])
  outside.env['MAIL'] = 'hunter23'
  outside.tags['nginx'] = 'u'
  const { changes, notes } = await planned()
  expect(changes).toMatchObject([
    { what: 'Secret site-mail', details: [expect.stringMatching(/^other values: fingerprint \w{10} → \w{10}$/)] },
    // The service knows it, too: for doors of other clusters.
    { what: 'release omegaml-system' },
    { what: 'release omegaml-ingress', details: ['image nginx: t → u'] },
  ])
  expect(JSON.stringify([changes, notes])).not.toContain('hunter')
  delete outside.env['MAIL']
  expect((await planned()).notes).toContain('secrets were not compared: not all of them are here')
})
