/** A port of the host and the node port it leads to; without an address on the loopback. */
export interface ForwardPort {
  readonly host: number
  readonly node: number
  readonly address?: string | undefined
}

/** One address and port that is listened on. */
export interface Door {
  readonly key: string
  readonly address: string
  readonly port: number
  /** It may be missing: a host without IPv6 has no `::1`. */
  readonly optional: boolean
}

/** `*.localhost` is looked up as either. */
const loopbacks = ['127.0.0.1', '::1']

/** What to listen on. All addresses of a kind leave no room for single ones beside them. */
export function doorsOf(ports: readonly ForwardPort[]): Door[] {
  const hosts = [...new Set(ports.map(({ host }) => host))]
  return hosts.flatMap((port) => {
    const asked = ports.filter(({ host }) => host === port)
    const addresses = [...new Set(asked.flatMap(({ address }) => address ?? loopbacks))]
    return addresses
      .filter((address) => !isCovered(address, addresses))
      .map((address) => ({ key: `${address} ${port}`, address, port, optional: address === '::1' }))
  })
}

/** `::` takes IPv4 along. */
function isCovered(address: string, all: readonly string[]): boolean {
  if (address === '::') return false
  if (all.includes('::')) return true
  return address !== '0.0.0.0' && !address.includes(':') && all.includes('0.0.0.0')
}

/**
 * Doors that must be free before they are opened. Where this site has the port on another address already, a door for all
 * addresses can't be tried: it takes the place of the other.
 */
export function newDoors(wanted: readonly ForwardPort[], present: readonly ForwardPort[]): Door[] {
  const had = doorsOf(present)
  return doorsOf(wanted).filter(({ key, address, port, optional }) => {
    const isWide = address === '0.0.0.0' || address === '::'
    const isHeld = had.some((door) => door.port === port && (isWide || door.key === key || isCoveredBy(door)))
    return !optional && !isHeld
  })
}

function isCoveredBy({ address }: Door): boolean {
  return address === '0.0.0.0' || address === '::'
}
