import { expect, test } from 'vitest'
import { type HostFacts, hostChecks } from './checks.ts'

const good: HostFacts = {
  platform: 'linux',
  uid: 0,
  cores: 4,
  memoryGb: 16,
  availableGb: 12,
  cacheFreeGb: 50,
  stateFreeGb: 50,
  warm: false,
  addresses: [],
  company: { proxies: {}, authorities: [] },
  cgroups: { version: 2, controllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'] },
}

test('a host with everything passes', () => {
  expect(hostChecks(good).filter(({ ok }) => !ok)).toEqual([])
})

const authority = { path: '/etc/company.pem', variables: ['SSL_CERT_FILE'] }

const cases: { facts: Partial<HostFacts>; bad?: string; says: RegExp; why: string }[] = [
  {
    facts: { cacheFreeGb: 7 },
    bad: 'disk',
    says: /7\.0 GB free where the cache lies, about 20 GB/,
    why: 'little disk at the first start',
  },
  {
    facts: { stateFreeGb: 3, warm: true },
    bad: 'disk',
    says: /3\.0 GB free where the state lies, about 4 GB/,
    why: 'little disk later',
  },
  { facts: { cgroups: undefined }, bad: 'cgroups', says: /no cgroup hierarchy/, why: 'no cgroups' },
  {
    facts: { cgroups: { version: 1, controllers: ['cpu', 'cpuacct', 'memory', 'pids'] } },
    says: /v1/,
    why: 'cgroup v1 will do',
  },
  {
    facts: { cgroups: { version: 2, controllers: ['cpu', 'pids'] } },
    bad: 'cgroups',
    says: /v2 without memory/,
    why: 'a controller that machines need is switched off',
  },
  {
    facts: { company: { proxies: { HTTPS_PROXY: 'http://me:Secret1@proxy.test:3128' }, authorities: [] } },
    says: /HTTPS_PROXY proxy\.test:3128: handed/,
    why: 'a proxy is named, without its password',
  },
  {
    facts: { company: { proxies: { https_proxy: 'me:Secret1@proxy.test' }, authorities: [] } },
    bad: 'proxy',
    says: /https_proxy names no address/,
    why: 'a proxy that is no address, without showing it',
  },
  {
    facts: { company: { proxies: {}, authorities: [{ ...authority, there: true }] } },
    says: /\/etc\/company\.pem \(SSL_CERT_FILE\): handed/,
    why: 'a company’s authority is named',
  },
  {
    facts: { company: { proxies: {}, authorities: [{ ...authority, there: false }] } },
    bad: 'authorities',
    says: /SSL_CERT_FILE names \/etc\/company\.pem, which is not there/,
    why: 'an authority whose file is missing',
  },
]

for (const { facts, bad, says, why } of cases) {
  test(why, () => {
    const checks = hostChecks({ ...good, ...facts })
    const failed = checks.filter(({ ok, needed }) => needed && !ok)
    expect(failed.map(({ name }) => name)).toEqual(bad === undefined ? [] : [bad])
    expect(failed.every(({ mend }) => mend !== undefined)).toBe(true)
    const text = checks.map(({ detail }) => detail).join('\n')
    expect(text).toMatch(says)
    expect(text).not.toContain('Secret1')
  })
}
