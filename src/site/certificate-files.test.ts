import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { issueCertificate } from '../base/certificate.ts'
import { keepCertificate } from './certificate-files.ts'
import { secretNames } from './file/secret-names.ts'
import { secretManifests } from './manifests.ts'
import { ensureSecrets, readStored } from './secrets.ts'
import type { Site } from './site.ts'
import { statePaths } from './state.ts'

const ports = { http: 8080, https: 8443, mongo: 27018, broker: 5671 }
const site: Site = { name: 'omega', profile: 'single-node', domain: 'omega.internal', ports, listen: '192.0.2.7' }
const later = (days: number) => new Date(Date.now() + days * 86_400_000)
let folder = ''

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'site-certificate-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const authority = () => readFileSync(statePaths(folder).authority, 'utf8')
const pairOf = (of: 'authority' | 'server') => {
  const stored = readStored(folder)
  return { cert: stored[`tls/${of}-cert`] ?? '', key: stored[`tls/${of}-key`] ?? '' }
}
const certificate = () => pairOf('server').cert
const ensureSiteCertificate = async (of: Site, now = new Date()) =>
  await keepCertificate(of, statePaths(folder), undefined, now)

/** How a client that knows the authority alone takes a server of this name and certificate. */
async function meet(credential: { cert: string; key: string }, servername: string): Promise<string> {
  const server = createServer(credential).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, servername, ca: authority() })
      socket.on('secureConnect', () => resolve('trusted'))
      socket.on('error', (error: Error & { code?: string }) => resolve(`${error.code} ${error.message}`))
      socket.on('secureConnect', () => socket.destroy())
    })
  } finally {
    server.close()
  }
}

test('every host name of the site is trusted with its authority alone, and no other', async () => {
  await ensureSiteCertificate(site)
  const { cert, key } = pairOf('server')
  for (const name of ['hub', 'notebook', 'alice.notebook', 'mongo', 'broker'])
    expect(await meet({ cert, key }, `${name}.omega.internal`), name).toBe('trusted')
  expect(await meet({ cert, key }, 'hub.example.org')).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
})

test('who has the authority’s key can’t be another domain with it', async () => {
  await ensureSiteCertificate(site)
  const { cert, key } = pairOf('authority')
  const validity = { from: new Date(), days: 10 }
  const forged = await issueCertificate({ cert, key }, { commonName: 'bank', names: ['bank.example.org'] }, validity)
  expect(await meet(forged, 'bank.example.org')).toContain('permitted subtree violation')
})

test('it stays as it is until it is due, and the authority stays beyond that', async () => {
  await ensureSiteCertificate(site)
  const [first, root] = [certificate(), authority()]
  await ensureSiteCertificate(site, later(300))
  expect(certificate()).toBe(first)
  await ensureSiteCertificate(site, later(310))
  expect(certificate()).not.toBe(first)
  expect(authority()).toBe(root)
})

test('another domain has another authority, another address has not', async () => {
  await ensureSiteCertificate(site)
  const before = authority()
  await ensureSiteCertificate({ ...site, listen: '0.0.0.0' })
  expect(authority()).toBe(before)
  await ensureSiteCertificate({ ...site, domain: 'other.internal' })
  expect(authority()).not.toBe(before)
  expect(new X509Certificate(certificate()).subjectAltName).toContain('DNS:*.notebook.other.internal')
})

test('the longest domain there is fits', async () => {
  const domain = ['a', 'b', 'c'].map((letter) => letter.repeat(63)).join('.')
  await ensureSiteCertificate({ ...site, domain })
  expect(new X509Certificate(certificate()).checkHost(`hub.${domain}`)).toBe(`hub.${domain}`)
})

test('the cluster gets certificate and key, and never the authority’s key', async () => {
  await ensureSiteCertificate(site)
  const found = secretManifests(ensureSecrets(folder)).find(({ metadata }) => metadata.name === secretNames.tls)
  expect(Object.keys(found?.['data'] as object)).toEqual(['tls.crt', 'tls.key'])
  const everything = Buffer.from(JSON.stringify(secretManifests(ensureSecrets(folder)))).toString()
  expect(everything).not.toContain(Buffer.from(pairOf('authority').key).toString('base64'))
})

test('a site of the loopback has none', async () => {
  const { listen: _none, ...local } = site
  await ensureSiteCertificate(site)
  await ensureSiteCertificate(local)
  expect(existsSync(statePaths(folder).authority)).toBe(false)
  expect(Object.keys(readStored(folder)).filter((name) => name.includes(secretNames.tls))).toEqual([])
})
