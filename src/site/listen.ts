import { isIP, isIPv4 } from 'node:net'
import { AppError } from '../base/errors.ts'
import type { PortName, SitePorts } from './site.ts'

const everywhere: readonly string[] = ['0.0.0.0', '::']

/** Whether others than this machine get there. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'))
}

/** The address to listen on beside the loopback; `undefined`: none. `own`: the addresses that this machine has. */
export function checkListen(text: string, own: readonly string[]): string | undefined {
  const address = text.trim().toLowerCase()
  if (isLoopback(address)) return undefined
  if (isIP(address) === 0) throw wrong(text, 'is not an IP address', own)
  if (!everywhere.includes(address) && !own.includes(address)) throw wrong(text, 'is none of this machine', own)
  return address
}

function wrong(listen: string, problem: string, own: readonly string[]): AppError {
  const right = [...own, '0.0.0.0 for all of them', '127.0.0.1 for this machine alone']
  return new AppError('invalid', 'listen', `listen ${listen} ${problem}; right is ${right.join(', ')}`, {
    details: { field: 'listen', value: listen, right: own },
  })
}

/** Names below `localhost` mean the machine that asks, wherever that is. */
export function checkFarDomain(domain: string, listen: string | undefined, name: string): void {
  if (listen === undefined || !/(^|\.)localhost$/.test(domain)) return
  const right = `${name}.internal`
  throw new AppError(
    'invalid',
    'domain-local',
    `domain ${domain} can't be reached from other machines: to each of them it is itself. With listen ${listen} give another domain, for example ${right}`,
    { details: { field: 'domain', value: domain, right } },
  )
}

export interface OpenPort {
  readonly name: PortName
  readonly port: number
  readonly what: string
}

/** What others than this machine reach: nothing that is not encrypted. */
export function openPorts(ports: SitePorts): OpenPort[] {
  return [
    { name: 'https', port: ports.https, what: 'portal, API and notebooks (HTTPS)' },
    { name: 'mongo', port: ports.mongo, what: 'MongoDB (TLS)' },
    { name: 'broker', port: ports.broker, what: 'RabbitMQ (TLS)' },
  ]
}

/** The addresses that others can type: those of this machine where the site listens on all. */
export function reachableAt(listen: string, own: readonly string[]): string[] {
  if (listen === '0.0.0.0') return own.filter((address) => isIPv4(address))
  return listen === '::' ? [...own] : [listen]
}
