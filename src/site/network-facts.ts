import { existsSync, readFileSync } from 'node:fs'
import { forwardChains, iptablesDrops, nftDrops, olderIptablesFilters, olderTablesFile } from '../base/firewall.ts'
import { resolverFiles } from '../base/resolvers.ts'
import { cleanEnv, findOnPath, outputOf } from '../tools/process.ts'
import type { NetworkFacts } from './network-checks.ts'

export async function readNetworkFacts(): Promise<NetworkFacts> {
  return {
    ipForward: textOf('/proc/sys/net/ipv4/ip_forward') ?? '',
    dropping: await droppingFirewalls(),
    iptables: await said('iptables', '-w', '-S'),
    resolvers: resolverFiles.map(textOf),
    hasIpv6: existsSync('/proc/net/if_inet6') && (textOf('/proc/net/if_inet6') ?? '').trim() !== '',
  }
}

/** Only root may look. */
async function droppingFirewalls(): Promise<string[] | undefined> {
  const chains = await said('nft', '-j', 'list', 'chains')
  const rules = await said('iptables', '-w', '-S', 'FORWARD')
  if (chains === undefined && rules === undefined) return undefined
  const hasOlder = olderIptablesFilters(textOf(olderTablesFile))
  const older = hasOlder ? await said('iptables-legacy', '-w', '-S', 'FORWARD') : undefined
  const found = [
    ...(iptablesDrops(rules ?? '') ? ['iptables FORWARD'] : []),
    ...(iptablesDrops(older ?? '') && older !== rules ? ['iptables-legacy FORWARD'] : []),
  ]
  for (const { family, table, name } of forwardChains(chains)) {
    const drops = nftDrops(await said('nft', '-j', 'list', 'chain', family, table, name))
    if (drops) found.push(`nft ${family} ${table} ${name}`)
  }
  return found
}

async function said(program: string, ...args: string[]): Promise<string | undefined> {
  // They live where an ordinary user's PATH may not lead.
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  const at = await findOnPath(program, path)
  return at === undefined ? undefined : await outputOf(at, args, { ...cleanEnv(), PATH: path })
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there: systemd-resolved does not run, or there is no IPv6.
    return undefined
  }
}
