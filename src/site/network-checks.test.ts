import { expect, test } from 'vitest'
import { type NetworkFacts, networkChecks } from './network-checks.ts'
import type { Site } from './site.ts'

const good: NetworkFacts = {
  ipForward: '1\n',
  dropping: [],
  iptables: '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n',
  resolvers: [undefined, 'nameserver 192.0.2.53\n'],
  hasIpv6: true,
}
const local: Site = {
  name: 'omega',
  profile: 'single-node',
  domain: 'omega.internal',
  ports: { http: 8080, https: 8443, mongo: 27018, broker: 5671 },
}
const far: Site = { ...local, listen: '192.0.2.7' }
const ufw = `-P INPUT DROP
-P FORWARD DROP
-A INPUT -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
-A ufw-user-input -p tcp -m multiport --dports 80,8400:8499 -j ACCEPT
`

const cases: { facts?: Partial<NetworkFacts>; site?: Site; name: string; ok: boolean; says: RegExp; why: string }[] = [
  { name: 'firewall', ok: true, says: /lets through/, why: 'nothing is dropped' },
  {
    facts: { dropping: ['iptables FORWARD'] },
    name: 'firewall',
    ok: true,
    says: /iptables FORWARD\): up makes an exception/,
    why: 'what Docker drops is handled, and said',
  },
  { facts: { dropping: undefined }, name: 'firewall', ok: true, says: /needs root/, why: 'only root may look' },
  { facts: { ipForward: '0\n' }, name: 'forwarding', ok: false, says: /is 0/, why: 'the host forwards nothing' },
  { site: far, name: 'way in', ok: true, says: /8443, 27018, 5671 of 192\.0\.2\.7/, why: 'everybody may come in' },
  {
    facts: { iptables: ufw },
    site: far,
    name: 'way in',
    ok: false,
    says: /nobody in at 27018, 5671$/,
    why: 'ports that a firewall of the host keeps shut are named',
  },
  {
    facts: { iptables: '-P INPUT ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT\n' },
    site: far,
    name: 'way in',
    ok: false,
    says: /8443, 27018, 5671$/,
    why: 'a last rule that refuses the rest',
  },
  {
    facts: { resolvers: ['nameserver 192.0.2.54\n', 'nameserver 127.0.0.53\n'] },
    name: 'resolver',
    ok: true,
    says: /pods ask 192\.0\.2\.54, as systemd-resolved does/,
    why: 'behind systemd-resolved its own servers are asked',
  },
  {
    facts: { resolvers: [undefined, 'nameserver 127.0.0.1\nnameserver ::1\n'] },
    name: 'resolver',
    ok: false,
    says: /no name server that pods can reach/,
    why: 'a resolver on the loopback can’t be reached from pods',
  },
  { facts: { hasIpv6: false }, name: 'IPv6', ok: true, says: /need only IPv4/, why: 'no IPv6 is no trouble' },
]

for (const { facts, site, name, ok, says, why } of cases) {
  test(why, () => {
    const check = networkChecks({ ...good, ...facts }, site).find((one) => one.name === name)
    expect(check).toMatchObject({ ok, detail: expect.stringMatching(says) })
    if (!ok) expect(check?.mend).toBeTruthy()
  })
}

test('a site of the loopback asks nothing of the firewall for who comes in', () => {
  expect(networkChecks({ ...good, iptables: ufw }, local).map(({ name }) => name)).not.toContain('way in')
})
