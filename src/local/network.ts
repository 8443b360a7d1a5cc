import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Addresses, MachineNames } from './addresses.ts'
import { acceptForwarding } from './forwarding.ts'
import { attempt, run } from './run.ts'

/**
 * The host's one firewall table for the site: a way out, and none in. Since the host forwards, whoever shares a network with
 * it could send packets for the site's addresses here: node ports, the API server, the gateway. Only the host itself may, and
 * `neighbours`: links of the clusters that the same local cloud keeps.
 */
export function nftRules({ nftTable, uplink, bridge }: Addresses, neighbours: readonly string[] = []): string {
  const accepted = neighbours.map((link) => `    ${acceptRule(link, uplink.link)}\n`).join('')
  return `table ip ${nftTable}
flush table ip ${nftTable}
table ip ${nftTable} {
  chain post {
    type nat hook postrouting priority 100
    ip saddr { ${uplink.subnet}, ${bridge.subnet} } oifname != "${uplink.link}" masquerade
  }
  chain inward {
    type filter hook forward priority -10
${accepted}    oifname "${uplink.link}" iifname != "${uplink.link}" ct state new drop
  }
  chain gateway {
    type filter hook input priority -10
    ip daddr ${uplink.host} iifname != { "lo", "${uplink.link}" } drop
  }
}
`
}

export function hasNamespace(name: string): boolean {
  return existsSync(`/run/netns/${name}`)
}

/**
 * In the site's namespace: whoever comes by the host, such as a cluster beside it, comes from the machines' network, which
 * policies of the cluster can name.
 */
function innerRules({ uplink }: Addresses): string {
  return `table ip cloudmgr
flush table ip cloudmgr
table ip cloudmgr {
  chain post {
    type nat hook postrouting priority 100
    ip saddr ${uplink.host} oifname "br0" masquerade
  }
}
`
}

function acceptRule(from: string, to: string): string {
  return `iifname "${from}" oifname "${to}" accept`
}

/** The site's namespace, its link to the host, its bridge, and the host's route and table. Repairs what is missing. */
export async function ensureSiteNetwork(addresses: Addresses): Promise<void> {
  const { netns, uplink, bridge } = addresses
  if (!(await isNamespace(netns))) {
    await attempt('ip', ['netns', 'del', netns])
    await run('ip', ['netns', 'add', netns])
  }
  if (!existsSync(`/sys/class/net/${uplink.link}`)) {
    await attempt('ip', ['-n', netns, 'link', 'del', 'eth0'])
    await run('ip', ['link', 'add', uplink.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns])
  }
  if ((await attempt('ip', ['-n', netns, 'link', 'show', 'br0'])) === undefined) {
    await run('ip', ['-n', netns, 'link', 'add', 'br0', 'type', 'bridge'])
  }
  await Promise.all([
    batch(undefined, [
      `addr replace ${uplink.host}/30 dev ${uplink.link}`,
      `link set ${uplink.link} up`,
      `route replace ${bridge.subnet} via ${uplink.site}`,
    ]),
    batch(netns, [
      'link set lo up',
      `addr replace ${uplink.site}/30 dev eth0`,
      'link set eth0 up',
      `addr replace ${bridge.address}/24 dev br0`,
      'link set br0 up',
      `route replace default via ${uplink.host}`,
    ]),
  ])
  await inNamespace(netns, 'echo 1 >/proc/sys/net/ipv4/ip_forward')
  await run('nsenter', [`--net=/run/netns/${netns}`, '--', 'nft', '-f', '-'], { input: innerRules(addresses) })
  await ensureFirewall(addresses)
}

/** A machine's namespace with one leg on the site's bridge. */
export async function ensureMachineNetwork(addresses: Addresses, names: MachineNames): Promise<void> {
  const { netns, bridge } = addresses
  if (!(await isNamespace(names.netns))) {
    await attempt('ip', ['netns', 'del', names.netns])
    await run('ip', ['netns', 'add', names.netns])
  }
  if ((await attempt('ip', ['-n', names.netns, 'link', 'show', 'eth0'])) === undefined) {
    await attempt('ip', ['-n', netns, 'link', 'del', names.port])
    await run('ip', [
      '-n',
      netns,
      'link',
      'add',
      names.port,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      names.netns,
    ])
  }
  await batch(netns, [`link set ${names.port} master br0`, `link set ${names.port} up`])
  await batch(names.netns, [
    'link set lo up',
    `addr replace ${names.address}/24 dev eth0`,
    'link set eth0 up',
    `route replace default via ${bridge.address}`,
  ])
  await inNamespace(names.netns, 'echo 1 >/proc/sys/net/ipv4/ip_forward')
}

export interface PodRoute {
  readonly podCidr: string
  readonly address: string
}

/** Pods of every machine are reached through it: from the site, and from the other machines without a detour. */
export async function ensurePodRoutes(
  netns: string,
  own: string | undefined,
  routes: readonly PodRoute[],
): Promise<void> {
  const lines = routes
    .filter(({ address }) => address !== own)
    .map(({ podCidr, address }) => `route replace ${podCidr} via ${address}`)
  if (lines.length > 0) await batch(netns, lines)
}

export async function removePodRoute(netns: string, podCidr: string): Promise<void> {
  await attempt('ip', ['-n', netns, 'route', 'del', podCidr])
}

export async function removeNamespace(name: string): Promise<void> {
  if (hasNamespace(name)) await run('ip', ['netns', 'del', name])
}

export async function removeLink(netns: string, link: string): Promise<void> {
  if (hasNamespace(netns)) await attempt('ip', ['-n', netns, 'link', 'del', link])
}

/** What the site has on the host's side. The route goes with the link. */
export async function removeSiteNetwork({ netns, uplink, nftTable }: Addresses): Promise<void> {
  await removeNamespace(netns)
  await attempt('ip', ['link', 'del', uplink.link])
  await attempt('nft', ['delete', 'table', 'ip', nftTable])
  await acceptForwarding(uplink.link, false)
}

/**
 * Repeated while the site runs: a reload of the host's firewall flushes our table, a Docker that starts later drops, clusters
 * beside it come and go. Without `neighbours` those that it knows stay.
 */
export async function ensureFirewall(addresses: Addresses, neighbours?: readonly string[]): Promise<void> {
  const table = (await attempt('nft', ['list', 'table', 'ip', addresses.nftTable])) ?? ''
  const known = [...table.matchAll(/iifname "(\S+)" oifname "\S+" accept/g)].map(([, link = '']) => link)
  const wanted = [...(neighbours ?? known)].toSorted()
  // A version before this one made it without the chain.
  if (!table.includes('chain gateway') || !isDeepStrictEqual(known.toSorted(), wanted)) {
    await run('nft', ['-f', '-'], { input: nftRules(addresses, wanted) })
  }
  await acceptForwarding(addresses.uplink.link, true)
}

/** A file in /run/netns may be left without its namespace, after a reboot for example. */
async function isNamespace(name: string): Promise<boolean> {
  return hasNamespace(name) && (await attempt('ip', ['-n', name, 'link', 'show', 'lo'])) !== undefined
}

async function batch(netns: string | undefined, lines: readonly string[]): Promise<void> {
  const where = netns === undefined ? [] : ['-n', netns]
  await run('ip', [...where, '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

async function inNamespace(netns: string, command: string): Promise<void> {
  await run('nsenter', [`--net=/run/netns/${netns}`, '--', 'sh', '-c', command])
}
