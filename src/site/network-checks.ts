import { closedPorts } from '../base/firewall.ts'
import { upstreamResolvers } from '../base/resolvers.ts'
import { type Check, failedCheck as failed, passedCheck as passed } from './checks.ts'
import { openPorts } from './listen.ts'
import type { Site } from './site.ts'

/** What was seen of this host's network. Texts are as programs and files say it; `undefined`: it could not be looked at. */
export interface NetworkFacts {
  readonly ipForward: string
  /** Firewalls that drop what is forwarded, in words. */
  readonly dropping: readonly string[] | undefined
  /** `iptables -S`. */
  readonly iptables: string | undefined
  /** Of the files that name resolvers, in their order. */
  readonly resolvers: readonly (string | undefined)[]
  readonly hasIpv6: boolean
}

/** Decides what of the network is enough for a site, and says what is handled. */
export function networkChecks(facts: NetworkFacts, site: Site | undefined): Check[] {
  return [forwarding(facts), firewall(facts), ...wayIn(facts, site), resolver(facts), ipv6(facts)]
}

function forwarding({ ipForward }: NetworkFacts): Check {
  if (ipForward.trim() === '1') return passed('forwarding', 'net.ipv4.ip_forward is 1')
  const mend = 'sysctl -w net.ipv4.ip_forward=1 (up does it when root)'
  return failed('forwarding', 'net.ipv4.ip_forward is 0', mend, false)
}

function firewall({ dropping }: NetworkFacts): Check {
  if (dropping === undefined) return passed('firewall', 'not looked at, which needs root', false)
  if (dropping.length === 0) return passed('firewall', 'lets through what is forwarded')
  const what = dropping.join(', ')
  return passed('firewall', `drops what is forwarded (${what}): up makes an exception for its site, down takes it back`)
}

/** Of a site that others reach: our exceptions are for what passes through, who comes in is the operator's to say. */
function wayIn({ iptables }: NetworkFacts, site: Site | undefined): Check[] {
  if (site?.listen === undefined) return []
  const ports = openPorts(site.ports).map(({ port }) => port)
  if (iptables === undefined) return [passed('way in', 'not looked at, which needs root', false)]
  const closed = closedPorts(iptables, ports)
  if (closed.length === 0) return [passed('way in', `ports ${ports.join(', ')} of ${site.listen}`)]
  const detail = `this host's firewall lets nobody in at ${closed.join(', ')}`
  const mend = `let them in, for example: ${closed.map((port) => `ufw allow ${port}/tcp`).join('; ')}`
  return [failed('way in', detail, mend, false)]
}

function resolver({ resolvers }: NetworkFacts): Check {
  const [resolved] = resolvers
  const found = upstreamResolvers(resolvers)
  const by = resolved === undefined || upstreamResolvers([resolved]).length === 0 ? '' : ', as systemd-resolved does'
  if (found.length > 0) return passed('resolver', `pods ask ${found.join(', ')}${by}`)
  return failed(
    'resolver',
    'no name server that pods can reach: those of this host are on its loopback, or have IPv6 alone',
    'name one of your network in /etc/resolv.conf, or let systemd-resolved keep it; until then pods find no name outside',
    false,
  )
}

function ipv6({ hasIpv6 }: NetworkFacts): Check {
  return passed('IPv6', hasIpv6 ? 'there; sites use IPv4 inside' : 'none: sites need only IPv4', false)
}
