import { isIPv4, isIPv6 } from 'node:net'
import { hostNames } from '../site/hosts.ts'
import { openPorts, reachableAt } from '../site/listen.ts'
import type { Site } from '../site/site.ts'
import { statePaths } from '../site/state.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What one needs on another machine; as `up --json` has it. */
export interface Reach {
  readonly listen: string
  readonly ports: Readonly<Record<string, number>>
  /** File of this machine with the authority of the site's certificates. */
  readonly ca: string
  /** Lines for a hosts file elsewhere. */
  readonly hosts: readonly string[]
}

/** `undefined`: the site is for this machine alone. `own`: addresses of this machine. */
export function reachOf(site: Site, folder: string, own: readonly string[]): Reach | undefined {
  const { listen, ports } = site
  if (listen === undefined) return undefined
  return {
    listen,
    ports: Object.fromEntries(openPorts(ports).map(({ name, port }) => [name, port])),
    ca: statePaths(folder).authority,
    hosts: reachableAt(listen, own)
      .slice(0, 1)
      .map((address) => hostsLine(site, address)),
  }
}

/** For people: what others reach, and what to do over there. */
export function reachText(site: Site, folder: string, own: readonly string[]): string[] {
  const reach = reachOf(site, folder, own)
  if (reach === undefined) return []
  const file = `${site.name}-ca.pem`
  const ways = reachableAt(reach.listen, own)
  return [
    '',
    `  This site listens on ${whereText(reach.listen)}: who gets there reaches`,
    ...openPorts(site.ports).map(({ port, what }) => `    ${String(port).padEnd(5)}  ${what}`),
    `  and nothing else; plain HTTP (${site.ports.http}) stays on this machine's loopback.`,
    '',
    '  On another machine:',
    `    1. names, in its hosts file${ways.length > 1 ? ` (or another address of ${ways.join(', ')})` : ''}, or in your DNS with *.notebook.${site.domain}:`,
    ...reach.hosts.map((line) => `       ${line}`),
    `    2. the site's authority: copy ${reach.ca} there, for example as ${file}`,
    '    3. for the client; browsers import it as an authority for web sites:',
    `       export ${clientVariables.map((name) => `${name}=$PWD/${file}`).join(' ')}`,
  ]
}

/** Variables by which the client's HTTP, MongoDB and broker connections know an authority. */
export const clientVariables = ['REQUESTS_CA_BUNDLE', 'CA_CERTS_PATH', 'SSL_CERT_FILE'] as const

/** Who came by SSH has no browser here: a tunnel leads to the loopback. Nothing where the site listens elsewhere, too. */
export function sshText(site: Site, env: Env): string[] {
  const server = sshServer(env)
  if (server === undefined || site.listen !== undefined) return []
  const { http, mongo, broker } = site.ports
  const tunnels = [http, mongo, broker].map((port) => `-L ${port}:127.0.0.1:${port}`).join(' ')
  return [
    '',
    '  You are here over SSH. On your own computer, and leave it open:',
    `    ssh ${server.port === '22' ? '' : `-p ${server.port} `}${tunnels} ${server.login}`,
    '  and in its hosts file:',
    `    ${hostsLine(site, '127.0.0.1')}`,
  ]
}

interface SshServer {
  readonly login: string
  readonly port: string
}

/** `SSH_CONNECTION` is client address, client port, server address, server port. */
function sshServer({ SSH_CONNECTION = '', SUDO_USER, USER = 'root' }: Env): SshServer | undefined {
  const [, , address = '', port = ''] = SSH_CONNECTION.split(' ')
  const known = isIPv4(address) || isIPv6(address)
  return known && /^\d+$/.test(port) ? { login: `${SUDO_USER ?? USER}@${address}`, port } : undefined
}

/** Hosts files know no wildcards: notebooks of further accounts need a name each. */
function hostsLine(site: Site, address: string): string {
  return [address, ...hostNames(site, ['admin', 'demo'])].join(' ')
}

function whereText(listen: string): string {
  return listen === '0.0.0.0' || listen === '::' ? `all addresses of this machine (${listen})` : listen
}
