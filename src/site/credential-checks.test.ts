import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createAuthority, issueCertificate } from '../base/certificate.ts'
import { credentialChecks } from './credential-checks.ts'
import { stateChecks } from './state-checks.ts'

const now = new Date('2026-06-01T00:00:00Z')
const daysAgo = (days: number) => now.getTime() - days * 86_400_000
const authority = await createAuthority('cluster', { from: now, days: 400 })

function kubeconfig(user: object): string {
  return stringify({
    'current-context': 'here',
    contexts: [{ name: 'here', context: { user: 'admin', cluster: 'c' } }],
    users: [{ name: 'admin', user }],
  })
}

async function withCertificate(days: number): Promise<string> {
  const { cert } = await issueCertificate(authority, { commonName: 'admin' }, { from: now, days })
  return kubeconfig({ 'client-certificate-data': Buffer.from(cert).toString('base64') })
}

const token = (exp: number) => `x.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.y`
const seconds = (date: string) => Date.parse(date) / 1000

const kubeconfigs: {
  why: string
  text: () => string | Promise<string>
  age: number
  ok: boolean
  needed?: boolean
  says: RegExp
}[] = [
  {
    why: 'a certificate for long',
    text: () => withCertificate(300),
    age: 1,
    ok: true,
    says: /1 day old, a certificate: until 2027-03-28, 300 days/,
  },
  {
    why: 'a certificate that ends soon',
    text: () => withCertificate(10),
    age: 90,
    ok: false,
    needed: false,
    says: /10 days$/,
  },
  {
    why: 'a certificate that has ended',
    text: () => withCertificate(-1),
    age: 90,
    ok: false,
    needed: true,
    says: /expired on 2026-05-31/,
  },
  {
    why: 'a token with an end',
    text: () => kubeconfig({ token: token(seconds('2026-06-11')) }),
    age: 2,
    ok: false,
    says: /a token: until 2026-06-11/,
  },
  {
    why: 'a fresh token of Rancher',
    text: () => kubeconfig({ token: 'kubeconfig-u-abc:hunter22' }),
    age: 3,
    ok: true,
    says: /token of Rancher/,
  },
  {
    why: 'an old token of Rancher',
    text: () => kubeconfig({ token: 'kubeconfig-u-abc:hunter22' }),
    age: 28,
    ok: false,
    says: /28 days old/,
  },
  { why: 'a program', text: () => kubeconfig({ exec: { command: 'aws' } }), age: 400, ok: true, says: /program/ },
  { why: 'no kubeconfig at all', text: () => 'nothing', age: 0, ok: false, says: /no current user/ },
]

for (const { why, text, age, ok, needed, says } of kubeconfigs) {
  test(`kubeconfig: ${why}`, async () => {
    const [check] = credentialChecks({ text: await text(), changedAt: daysAgo(age) }, [], now)
    expect(check?.detail).toMatch(says)
    expect(check).toMatchObject({ name: 'kubeconfig', ok, ...(needed === undefined ? {} : { needed }) })
    expect(JSON.stringify(check)).not.toContain('hunter22')
  })
}

test('certificates are told with their end and how to get another', () => {
  const checks = credentialChecks(undefined, [{ name: 'certificate', pem: authority.cert, mend: 'up' }], now)
  expect(checks).toEqual([
    { name: 'certificate', ok: true, needed: false, detail: 'CN=cluster: until 2027-07-06, 400 days' },
  ])
  const later = credentialChecks(
    undefined,
    [{ name: 'certificate', pem: authority.cert, mend: 'up' }],
    new Date('2028-01-01'),
  )
  expect(later).toMatchObject([{ ok: false, needed: true, mend: 'up' }])
})

const state = { root: 'cluster', version: 3, changedAt: 1 }

test('a lock of a run that has died is told, one of a living run is not', () => {
  const facts = { elsewhere: undefined, unwritten: [] }
  const dead = { ...state, lock: { holder: 'step cluster of command 4', since: 0, alive: false } }
  expect(stateChecks({ ...facts, states: [dead] })).toMatchObject([
    { ok: false, needed: false, detail: expect.stringMatching(/step cluster of command 4 since 1970.*died/) },
  ])
  const alive = { ...state, lock: { holder: 'step cluster of command 4', alive: true } }
  expect(stateChecks({ ...facts, states: [alive] })).toMatchObject([
    { ok: true, detail: expect.stringMatching(/works on cluster/) },
  ])
  expect(stateChecks({ ...facts, states: [state] })).toMatchObject([{ ok: true, detail: 'cluster' }])
})

test('a state that found no disk space, and a lock of another host, are told', () => {
  const checks = stateChecks({ states: [state], elsewhere: 'process 7 on far', unwritten: ['volumes'] })
  expect(checks).toMatchObject([
    { ok: false, needed: true, detail: expect.stringContaining('process 7 on far') },
    { ok: false, mend: expect.stringContaining('make space') },
  ])
})
