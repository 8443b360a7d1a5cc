import { AppError } from '../base/errors.ts'
import type { PortName, SitePorts } from './site.ts'

/** Who listens on a port of the loopback: a program of ours (another site), or somebody else. */
export interface PortHolder {
  readonly pid?: number
  readonly program: string
  readonly ours: boolean
}

export type FindHolder = (port: number) => PortHolder | undefined

export interface PortOptions {
  /** First of four ports in a row. */
  readonly base?: number | undefined
  readonly ports?: Partial<Record<PortName, number | undefined>>
}

/** Those of the first site of a host. */
export const wellKnownPorts: SitePorts = { http: 8080, https: 8443, mongo: 27018, broker: 5671 }
const names: readonly PortName[] = ['http', 'https', 'mongo', 'broker']
const blocks = 20

/**
 * The site's ports: those asked for, else the well-known ones, else the next block of ports when another site has them.
 * Another program's port is never worked around silently: people type these numbers.
 */
export function choosePorts(options: PortOptions, takenBySites: ReadonlySet<number>, holder: FindHolder): SitePorts {
  const asked = options.ports ?? {}
  for (let block = 0; block < blocks; block += 1) {
    const ports = withAsked(options.base === undefined ? blockOf(block) : rowFrom(options.base), asked)
    const free = names.every((name) => isFree(name, ports[name], takenBySites, holder, asked[name] ?? options.base))
    if (free) return distinct(ports)
  }
  throw new AppError(
    'conflict',
    'ports-taken',
    `all ${blocks} blocks of ports are taken by other sites: give --port-base`,
  )
}

function blockOf(block: number): SitePorts {
  const shift = block * 100
  return {
    http: wellKnownPorts.http + shift,
    https: wellKnownPorts.https + shift,
    mongo: wellKnownPorts.mongo + shift,
    broker: wellKnownPorts.broker + shift,
  }
}

function rowFrom(base: number): SitePorts {
  return { http: base, https: base + 1, mongo: base + 2, broker: base + 3 }
}

/** These ports, with those that are asked for in their place. */
export function withAsked(ports: SitePorts, asked: Partial<Record<PortName, number | undefined>>): SitePorts {
  return {
    http: asked.http ?? ports.http,
    https: asked.https ?? ports.https,
    mongo: asked.mongo ?? ports.mongo,
    broker: asked.broker ?? ports.broker,
  }
}

function isFree(
  name: PortName,
  port: number,
  takenBySites: ReadonlySet<number>,
  holder: FindHolder,
  asked: number | undefined,
): boolean {
  if (port < 1 || port > 65_535) {
    throw new AppError('invalid', 'port', `port ${port} for ${name} is not between 1 and 65535`)
  }
  const found = holder(port)
  if (found !== undefined && !found.ours) throw portInUse(name, port, found)
  const taken = found !== undefined || takenBySites.has(port)
  if (taken && asked !== undefined) {
    throw new AppError(
      'conflict',
      'port-in-use',
      `port ${port} for ${name} belongs to another site: give another --${name}-port`,
    )
  }
  return !taken
}

export function portInUse(name: PortName, port: number, holder: PortHolder): AppError {
  const who = holder.pid === undefined ? holder.program : `${holder.program} (process ${holder.pid})`
  return new AppError(
    'conflict',
    'port-in-use',
    `port ${port} for ${name} is in use by ${who}: stop it, or choose another with --${name}-port or --port-base`,
    { details: { field: `${name}-port`, value: port, holder: holder.program } },
  )
}

function distinct(ports: SitePorts): SitePorts {
  if (new Set(Object.values(ports)).size === names.length) return ports
  throw new AppError(
    'invalid',
    'port',
    `the four ports must differ: ${names.map((name) => `${name} ${ports[name]}`).join(', ')}`,
  )
}
