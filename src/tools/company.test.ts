import { execa } from 'execa'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAuthority, issueCertificate } from '../base/certificate.ts'
import { authorityVariables, companyVariables } from './company.ts'
import { cleanEnv } from './process.ts'

let folder = ''
let bundle = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'company-'))
  bundle = join(folder, 'cache/authorities.pem')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('an environment that names nothing stays as it is', () => {
  expect(companyVariables({ PATH: '/bin' }, bundle)).toEqual({})
  expect(existsSync(bundle)).toBe(false)
})

test('a proxy is named in the letters of every tool', () => {
  const found = companyVariables({ HTTPS_PROXY: 'http://proxy.test:3128', no_proxy: 'localhost' }, bundle)
  const both = { https_proxy: 'http://proxy.test:3128', no_proxy: 'localhost' }
  expect(found).toEqual({ ...both, HTTPS_PROXY: both.https_proxy, NO_PROXY: both.no_proxy })
})

test('one authority, whatever names it, is known to all tools beside the system’s', () => {
  const own = join(folder, 'own.pem')
  writeFileSync(own, 'the company\n')
  const found = companyVariables({ NODE_EXTRA_CA_CERTS: own }, bundle)
  expect(found).toEqual(Object.fromEntries(authorityVariables.map((name) => [name, bundle])))
  const text = readFileSync(bundle, 'utf8')
  expect(text).toContain('the company')
  expect(text).toContain(readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8').trimEnd())
  // A program that was started with these comes to the same.
  expect(companyVariables(found, bundle)).toEqual(found)
  expect(readFileSync(bundle, 'utf8')).toBe(text)
})

test('the system’s own bundle needs no other', () => {
  const system = '/etc/ssl/certs/ca-certificates.crt'
  expect(companyVariables({ REQUESTS_CA_BUNDLE: system }, bundle)).toMatchObject({ SSL_CERT_FILE: system })
  expect(existsSync(bundle)).toBe(false)
})

/** A server whose certificate is the company's, as long as `use` takes. */
async function atCompany(use: (url: string, own: string) => Promise<void>): Promise<void> {
  const validity = { from: new Date(), days: 1 }
  const authority = await createAuthority('the company', validity)
  const own = join(folder, 'own.pem')
  writeFileSync(own, authority.cert)
  const identity = { commonName: 'proxy', names: ['localhost'] }
  const server = createServer(await issueCertificate(authority, identity, validity), (_, answer) => answer.end('there'))
  await once(server.listen(0, 'localhost'), 'listening')
  try {
    await use(`https://localhost:${(server.address() as AddressInfo).port}`, own)
  } finally {
    server.close()
  }
}

async function said(program: string, words: readonly string[], env: Record<string, string>): Promise<string> {
  const { stdout } = await execa(program, words, { env, extendEnv: false, reject: false })
  return stdout
}

const nodeAsks = (url: string) => ['-e', `fetch("${url}").then((a) => a.text()).then(console.log)`]
const { PATH = '' } = process.env

test('Python and Node believe the authority that only Node was told of', async () => {
  await atCompany(async (url, own) => {
    const asks = [
      ['python3', ['-c', `import urllib.request as r; print(r.urlopen("${url}").read().decode())`]],
      [process.execPath, nodeAsks(url)],
    ] as const
    for (const [program, words] of asks) {
      const env = cleanEnv({ PATH, NODE_EXTRA_CA_CERTS: own })
      expect(await said(program, words, { PATH }), program).toBe('')
      expect(await said(program, words, { ...env, ...companyVariables(env, bundle) }), program).toBe('there')
    }
  })
})

test('Node believes what the system believes, as the launcher says, and so does what it starts', async () => {
  expect(readFileSync(join(import.meta.dirname, '../../cloudmgr'), 'utf8')).toMatch(/^export .*\bNODE_USE_SYSTEM_CA\b/m)
  await atCompany(async (url, own) => {
    // OpenSSL's word for where the system has its authorities.
    const env = { PATH, SSL_CERT_FILE: own }
    expect(await said(process.execPath, nodeAsks(url), cleanEnv(env))).toBe('')
    expect(await said(process.execPath, nodeAsks(url), cleanEnv({ ...env, NODE_USE_SYSTEM_CA: '1' }))).toBe('there')
  })
})
