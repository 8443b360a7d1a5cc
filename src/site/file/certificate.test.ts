import { beforeAll, expect, test } from 'vitest'
import { createAuthority, type Credential, issueCertificate } from '../../base/certificate.ts'
import { certificateProblems, type GivenCertificate } from './certificate.ts'

const now = new Date('2026-06-01T00:00:00Z')
const valid = { from: now, days: 90 }
const domain = 'data.example.org'
const wildcards = [`*.${domain}`, `*.notebook.${domain}`]

let root: Credential
let other: Credential
let good: Credential
let narrow: Credential
let old: Credential
let future: Credential

beforeAll(async () => {
  root = await createAuthority('root', valid)
  other = await createAuthority('other', valid)
  const issue = (names: string[], from: Date) =>
    issueCertificate(root, { commonName: 'site', names }, { from, days: 30 })
  good = await issue(wildcards, now)
  narrow = await issue([`hub.${domain}`, `*.${domain}`], now)
  old = await issue(wildcards, new Date('2026-01-01T00:00:00Z'))
  future = await issue(wildcards, new Date('2026-08-01T00:00:00Z'))
})

const problems = (given: Partial<GivenCertificate>) =>
  certificateProblems({ chain: good.cert, key: good.key, domain, authorities: [root.cert], now, ...given })

test('a certificate of a known authority for all names is taken, also with its chain', () => {
  expect(problems({})).toEqual([])
  expect(problems({ chain: good.cert + root.cert })).toEqual([])
})

const bad: { why: string; given: () => Partial<GivenCertificate>; part: string; says: RegExp }[] = [
  { why: 'no PEM', given: () => ({ chain: 'hello' }), part: 'certificate', says: /BEGIN CERTIFICATE/ },
  {
    why: 'broken PEM',
    given: () => ({ chain: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }),
    part: 'certificate',
    says: /BEGIN CERTIFICATE/,
  },
  { why: 'a key that is none', given: () => ({ key: 'hunter22' }), part: 'key', says: /no private key/ },
  {
    why: 'the key of another',
    given: () => ({ key: other.key }),
    part: 'key',
    says: /not the key of the certificate \(CN=site\)/,
  },
  {
    why: 'the chain in the wrong order',
    given: () => ({ chain: root.cert + good.cert }),
    part: 'certificate',
    says: /not the first in the file/,
  },
  {
    why: 'notebooks of users left out',
    given: () => ({ chain: narrow.cert, key: narrow.key }),
    part: 'certificate',
    says: /not for \*\.notebook\.data\.example\.org but for hub\./,
  },
  {
    why: 'another domain',
    given: () => ({ domain: 'else.example.org' }),
    part: 'certificate',
    says: /not for hub\.else\.example\.org, notebook\..*right is/,
  },
  {
    why: 'expired',
    given: () => ({ chain: old.cert, key: old.key }),
    part: 'certificate',
    says: /expired on 2026-01-31/,
  },
  {
    why: 'not yet valid',
    given: () => ({ chain: future.cert, key: future.key }),
    part: 'certificate',
    says: /valid from 2026-07-31 only/,
  },
  {
    why: 'signed by a stranger',
    given: () => ({ authorities: [other.cert] }),
    part: 'certificate',
    says: /ends at CN=site, signed by CN=root, .*append the certificate of CN=root, or give it as tls\.ca/,
  },
  {
    why: 'with an authority that nobody knows',
    given: () => ({ chain: good.cert + root.cert, authorities: [] }),
    part: 'ca',
    says: /CN=root signed itself/,
  },
]

for (const { why, given, part, says } of bad) {
  test(`refused: ${why}`, () => {
    const found = problems(given())
    expect(found).toContainEqual({ part, problem: expect.stringMatching(says) })
    expect(JSON.stringify(found)).not.toContain('hunter22')
  })
}
