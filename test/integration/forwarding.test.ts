import { resolve } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { addressesOf } from '../../src/local/addresses.ts'
import { nftRules } from '../../src/local/network.ts'
import { findProgram, needProgram } from '../support/programs.ts'

/** Packets of a site through a host that drops what it forwards, in namespaces of the test's own; the rules are real. */
const isPossible = process.getuid?.() === 0 && ['nft', 'iptables', 'unshare'].every((name) => findProgram(name))
const room = resolve(import.meta.dirname, '../../src/local/forwarding.ts')

/** A host between the site (link cm9) and somebody; its namespaces end with it. */
const host = `
  other() { unshare --net sleep 60 & until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done; }
  leg() { # link namespace network
    ip link add $1 type veth peer name eth0 netns $2
    ip addr add $3.1/24 dev $1; ip link set $1 up
    nsenter -t $2 -n sh -c "ip link set lo up; ip addr add $3.2/24 dev eth0; ip link set eth0 up; ip route add default via $3.1"
  }
  ip link set lo up
  echo 1 > /proc/sys/net/ipv4/ip_forward
  other; site=$!
  other; world=$!
  leg cm9 $site 10.1.0
  leg out $world 10.2.0
  # Refused: the packets went there and back. Nothing: they were dropped.
  reach() { nsenter -t $site -n timeout 1 bash -c 'exec 3<>/dev/tcp/10.2.0.2/80' 2>/dev/null && echo open || { [ $? = 124 ] && echo dropped || echo refused; }; }
  accept() { "$NODE" -e "const { acceptForwarding, forwardingLeft } = await import('$ROOM'); await acceptForwarding('cm9', $1); console.log((await forwardingLeft('cm9')).length)" --input-type=module; }
`

async function inHost(lines: string, more: Record<string, string> = {}): Promise<string[]> {
  const words = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-euc', host + lines]
  const env = { NODE: process.execPath, ROOM: room, ...more }
  const { stdout } = await execa(needProgram('unshare'), words, { env, timeout: 60_000 })
  return stdout.split('\n')
}

const firewalls: { what: string; rules: string }[] = [
  { what: 'a policy of iptables, as Docker and ufw set it', rules: 'iptables -P FORWARD DROP' },
  {
    what: 'a chain of nftables, as firewalld makes it',
    rules: `nft -f - <<'END'
    table inet firewalld {
      chain filter_FORWARD {
        type filter hook forward priority 10; policy accept;
        ct state established,related accept
        reject with icmpx type admin-prohibited
      }
    }
END`,
  },
  {
    what: 'a policy of nftables',
    rules: `nft -f - <<'END'
    table ip mine {
      chain through {
        type filter hook forward priority 0; policy drop;
      }
    }
END`,
  },
]

for (const { what, rules } of firewalls) {
  test.skipIf(!isPossible)(`${what} lets the site through, and is as before when that is gone`, async () => {
    const said = await inHost(`
      reach
      ${rules}
      reach
      before=$(nft list ruleset)
      accept true
      reach
      accept true
      accept false
      [ "$(nft list ruleset)" = "$before" ] && echo same
    `)
    expect(said).toEqual(['refused', 'dropped', '2', 'refused', '2', '0', 'same'])
  })
}

test.skipIf(!isPossible || !findProgram('iptables-legacy'))(
  'the older iptables is asked only where somebody uses it: asking makes its tables',
  async () => {
    const said = await inHost(`
      accept true
      [ -z "$(cat /proc/net/ip_tables_names)" ] && echo none
      iptables-legacy -P FORWARD DROP
      reach
      accept true
      reach
      accept false
      iptables-legacy -S FORWARD
    `)
    expect(said).toEqual(['0', 'none', 'dropped', '2', 'refused', '0', '-P FORWARD DROP'])
  },
)

test.skipIf(!isPossible)('a site is reached by its host alone, and reaches the world', async () => {
  const { uplink, ...rest } = addressesOf(9)
  const rules = nftRules({ uplink, ...rest })
  const said = await inHost(
    `
    ip addr replace ${uplink.host}/30 dev cm9
    nsenter -t $site -n sh -c 'ip addr add ${uplink.site}/30 dev eth0; ip route replace default via ${uplink.host}'
    tcp() { timeout 1 bash -c "exec 3<>/dev/tcp/$1/80" 2>/dev/null && echo open || { [ $? = 124 ] && echo dropped || echo refused; }; }
    export -f tcp
    from() { nsenter -t $1 -n bash -c "tcp $2"; }
    look() { echo $(from $world ${uplink.site}) $(from $world ${uplink.host}) $(tcp ${uplink.site}) $(tcp ${uplink.host}) $(from $site 10.2.0.2) $(from $site ${uplink.host}); }
    look
    echo "$RULES" | nft -f -
    look
    echo "$RULES" | nft -f -
    nft list table ip ${rest.nftTable} | grep -c chain
    accept true
    look
    `,
    { RULES: rules },
  )
  const open = Array.from({ length: 6 }, () => 'refused').join(' ')
  expect(said).toEqual([
    open,
    open.replace('refused refused', 'dropped dropped'),
    '3',
    '0',
    open.replace('refused refused', 'dropped dropped'),
  ])
})

test.skipIf(!isPossible)('a host that drops nothing is left alone', async () => {
  const said = await inHost(`
    iptables -A FORWARD -i out -j ACCEPT
    before=$(nft list ruleset)
    accept true
    [ "$(nft list ruleset)" = "$before" ] && echo same
  `)
  expect(said).toEqual(['0', 'same'])
})
