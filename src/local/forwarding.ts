import { attempt, run } from './run.ts'

/** A base chain that packets on their way through this host pass. */
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

/** Whether iptables' chain FORWARD, as `iptables -S FORWARD` shows it, drops anything. */
export function iptablesDrops(rules: string): boolean {
  return /^-P FORWARD DROP|-j (DROP|REJECT)/m.test(rules)
}

/** Chains of nftables beside those that iptables keeps, as `nft -j list chains` shows them. */
export function forwardChains(text: string | undefined): ForwardChain[] {
  const chains = parse(text).nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]))
  return chains
    .filter(({ hook, type, family }) => hook === 'forward' && type === 'filter' && /^(ip|inet)$/.test(family))
    .filter(({ family, table, name }) => !(family === 'ip' && table === 'filter' && name === 'FORWARD'))
    .map(({ family, table, name }) => ({ family, table, name }))
}

/** Whether a chain, as `nft -j list chain` shows it, drops anything. */
export function nftDrops(text: string | undefined): boolean {
  return parse(text).nftables.some(
    ({ chain, rule }) => chain?.policy === 'drop' || rule?.expr?.some((part) => 'drop' in part || 'reject' in part),
  )
}

/** The rules of ours in such a chain, by their comment. */
export function ownRules(text: string | undefined, link: string): number[] {
  return parse(text).nftables.flatMap(({ rule }) => (rule?.comment === commentOf(link) ? [rule.handle] : []))
}

/**
 * A base chain that drops ends the matter whatever other tables say, so the exception must stand in the chain that
 * drops: where Docker, ufw, firewalld or somebody by hand made one. A host without such a chain is left alone.
 */
export async function acceptForwarding(link: string, wanted: boolean): Promise<void> {
  for (const program of await iptablesPrograms()) await acceptByIptables(program, link, wanted)
  for (const chain of forwardChains(await attempt('nft', ['-j', 'list', 'chains']))) {
    await acceptByNft(chain, link, wanted)
  }
}

/** Rules of ours that are on this host, a line for each. */
export async function forwardingLeft(link: string): Promise<string[]> {
  const left: string[] = []
  for (const program of await iptablesPrograms()) {
    const rules = (await attempt(program, ['-w', '-S', 'FORWARD'])) ?? ''
    left.push(...rules.split('\n').filter((line) => line.includes(` ${link} `)))
  }
  for (const chain of forwardChains(await attempt('nft', ['-j', 'list', 'chains']))) {
    const { family, table, name } = chain
    left.push(...ownRules(await listed(chain), link).map((handle) => `nft ${family} ${table} ${name} ${handle}`))
  }
  return left
}

/** Docker may still use the older one beside that of the system. */
async function iptablesPrograms(): Promise<string[]> {
  const older = await attempt('iptables-legacy', ['-w', '-S', 'FORWARD'])
  const isUsed = older !== undefined && older.trim() !== '-P FORWARD ACCEPT'
  const isSame = ((await attempt('iptables', ['--version'])) ?? '').includes('legacy')
  return ['iptables', ...(isUsed && !isSame ? ['iptables-legacy'] : [])]
}

async function acceptByIptables(program: string, link: string, wanted: boolean): Promise<void> {
  const rules = (await attempt(program, ['-w', '-S', 'FORWARD'])) ?? ''
  for (const side of ['-i', '-o']) {
    const rule = ['FORWARD', side, link, '-j', 'ACCEPT']
    const present = rules.includes(`-A ${rule.join(' ')}`)
    if (wanted && iptablesDrops(rules) && !present) await run(program, ['-w', '-I', ...rule])
    if (!wanted && present) await attempt(program, ['-w', '-D', ...rule])
  }
}

async function acceptByNft(chain: ForwardChain, link: string, wanted: boolean): Promise<void> {
  const where = [chain.family, chain.table, chain.name]
  const text = await listed(chain)
  const own = ownRules(text, link)
  if (!wanted) {
    for (const handle of own) await attempt('nft', ['delete', 'rule', ...where, 'handle', String(handle)])
    return
  }
  if (own.length > 0 || !nftDrops(text)) return
  const rules = ['iifname', 'oifname'].map(
    (side) => `insert rule ${where.join(' ')} ${side} "${link}" accept comment "${commentOf(link)}"`,
  )
  // A firewall that reloads itself just then is looked at again soon.
  await attempt('nft', ['-f', '-'], { input: `${rules.join('\n')}\n` })
}

async function listed({ family, table, name }: ForwardChain): Promise<string | undefined> {
  return await attempt('nft', ['-a', '-j', 'list', 'chain', family, table, name])
}

function commentOf(link: string): string {
  return `cloudmgr ${link}`
}

function parse(text: string | undefined): NftList {
  return text === undefined ? { nftables: [] } : (JSON.parse(text) as NftList)
}
