import {
  type ForwardChain,
  forwardChains,
  iptablesDrops,
  nftDrops,
  olderIptablesFilters,
  olderTablesFile,
  rulesWith,
} from '../base/firewall.ts'
import { findText } from './files.ts'
import { attempt, run } from './run.ts'

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
    left.push(
      ...rulesWith(commentOf(link), await listed(chain)).map((handle) => `nft ${family} ${table} ${name} ${handle}`),
    )
  }
  return left
}

/** Docker may still use the older one beside that of the system. */
async function iptablesPrograms(): Promise<string[]> {
  if (!olderIptablesFilters(findText(olderTablesFile))) return ['iptables']
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
  const own = rulesWith(commentOf(link), text)
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
