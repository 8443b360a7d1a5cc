/** What firewalls say of themselves, read: for the local cloud, which makes exceptions, and for `doctor`. */

/** A base chain of nftables that packets on their way through this host pass. */
export interface ForwardChain {
  readonly family: string
  readonly table: string
  readonly name: string
}

interface NftChain extends ForwardChain {
  readonly hook?: string
  readonly type?: string
  readonly policy?: string
}

interface NftRule {
  readonly handle: number
  readonly comment?: string
  readonly expr?: readonly Readonly<Record<string, unknown>>[]
}

interface NftList {
  readonly nftables: readonly { readonly chain?: NftChain; readonly rule?: NftRule }[]
}

/** Names the older iptables' tables that are in use. */
export const olderTablesFile = '/proc/net/ip_tables_names'

/**
 * Whether the older iptables filters anything, by the text of that file. Where it does not, `iptables-legacy` must not
 * be asked: that alone makes its tables, and `iptables` warns of them from then on.
 */
export function olderIptablesFilters(names: string | undefined): boolean {
  return /^filter$/m.test(names ?? '')
}

/** Whether iptables' chain FORWARD, as `iptables -S FORWARD` shows it, drops anything. */
export function iptablesDrops(rules: string): boolean {
  return /^-P FORWARD DROP|-j (DROP|REJECT)/m.test(rules)
}

/** Chains of nftables beside those that iptables keeps and those of sites, as `nft -j list chains` shows them. */
export function forwardChains(text: string | undefined): ForwardChain[] {
  const chains = parse(text).nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]))
  return (
    chains
      .filter(({ hook, type, family }) => hook === 'forward' && type === 'filter' && /^(ip|inet)$/.test(family))
      .filter(({ family, table, name }) => !(family === 'ip' && table === 'filter' && name === 'FORWARD'))
      // A site's own keeps others out of it: no firewall in the way of anybody.
      .filter(({ table }) => !/^cloudmgr_\d+$/.test(table))
      .map(({ family, table, name }) => ({ family, table, name }))
  )
}

/** Whether a chain, as `nft -j list chain` shows it, drops anything. */
export function nftDrops(text: string | undefined): boolean {
  return parse(text).nftables.some(
    ({ chain, rule }) => chain?.policy === 'drop' || rule?.expr?.some((part) => 'drop' in part || 'reject' in part),
  )
}

/** Handles of the rules of a chain that have this comment. */
export function rulesWith(comment: string, text: string | undefined): number[] {
  return parse(text).nftables.flatMap(({ rule }) => (rule?.comment === comment ? [rule.handle] : []))
}

/** Ports that iptables, as `iptables -S` shows all of it, lets nobody in by. */
export function closedPorts(rules: string, ports: readonly number[]): number[] {
  const isOpen = !/^-P INPUT DROP|^-A INPUT -j (DROP|REJECT)/m.test(rules)
  if (isOpen) return []
  const accepting = rules.split('\n').filter((line) => / -j ACCEPT\b/.test(line) && !line.startsWith('-A FORWARD'))
  const spans = accepting.flatMap((line) => (/--dports? (\S+)/.exec(line)?.[1] ?? '').split(',').filter(Boolean))
  return ports.filter((port) => !spans.some((span) => isIn(port, span)))
}

/** `443` or `8000:9000`. */
function isIn(port: number, span: string): boolean {
  const [from = NaN, to = from] = span.split(':').map(Number)
  return port >= from && port <= to
}

function parse(text: string | undefined): NftList {
  return text === undefined ? { nftables: [] } : (JSON.parse(text) as NftList)
}
