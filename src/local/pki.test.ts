import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { endOf } from '../base/certificate.ts'
import { Pki } from './pki.ts'

const folder = mkdtempSync(join(tmpdir(), 'pki-'))
const pki = new Pki(folder)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a certificate is made once, and anew when it is meant for something else', async () => {
  await pki.ensureAuthority('ca')
  const identity = { commonName: 'system:node:a', organization: 'system:nodes', names: ['10.0.0.1', 'a'] }
  expect(await pki.ensure('node', 'ca', identity)).toBe(true)
  expect(await pki.ensure('node', 'ca', identity)).toBe(false)
  expect(await pki.ensure('node', 'ca', { ...identity, names: ['10.0.0.2', 'a'] })).toBe(true)
  const [leaf, ca] = [new X509Certificate(pki.read('node').cert), new X509Certificate(pki.read('ca').cert)]
  expect(leaf.verify(ca.publicKey)).toBe(true)
  expect(leaf.subject).toBe('CN=system:node:a\nO=system:nodes')
  expect(leaf.checkIP('10.0.0.2')).toBe('10.0.0.2')
  expect(leaf.checkHost('a')).toBe('a')
})

test('what ends soon is made anew, and with a new authority all that it signed', async () => {
  const own = new Pki(join(folder, 'later'))
  const identity = { commonName: 'kube-apiserver', names: ['localhost'] }
  const ends = () => endOf(own.read('apiserver').cert).getTime()
  vi.useFakeTimers({ toFake: ['Date'] })
  const begun = Date.now()
  const inDays = (days: number) => vi.setSystemTime(begun + days * 86_400_000)
  try {
    await own.ensureAuthority('ca')
    await own.ensure('apiserver', 'ca', identity)
    inDays(300)
    expect(await own.ensure('apiserver', 'ca', identity)).toBe(false)
    // In time; and after a year in which nobody looked.
    for (const days of [310, 2000]) {
      inDays(days)
      await own.ensureAuthority('ca')
      expect(await own.ensure('apiserver', 'ca', identity)).toBe(true)
      expect(ends()).toBeGreaterThan(Date.now() + 300 * 86_400_000)
    }
    inDays(3650)
    const before = own.read('ca').cert
    await own.ensureAuthority('ca')
    expect(own.read('ca').cert).not.toBe(before)
    expect(await own.ensure('apiserver', 'ca', identity)).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

test('the key of tokens is never replaced', () => {
  pki.ensureTokenKey('tokens')
  const first = readFileSync(pki.file('tokens', 'pub'), 'utf8')
  pki.ensureTokenKey('tokens')
  expect(readFileSync(pki.file('tokens', 'pub'), 'utf8')).toBe(first)
})
