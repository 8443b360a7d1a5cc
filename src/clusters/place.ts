import type { ClusterRow, PortLinks } from './cluster-rows.ts'

/** A service of the site that pods of every cluster use, by the name that they know it by. */
export interface SharedService {
  /** Of the Service in the services' namespace, in the site's cluster and in the others. */
  readonly name: string
  readonly port: number
}

/** The addresses that accounts' configs and workers have. */
export interface SharedAddresses {
  readonly namespace: string
  /** `host:port` of MongoDB and of the broker, URL of the internal API. */
  readonly mongo: string
  readonly broker: string
  readonly internalUrl: string
}

/**
 * The services of the site that lie in its own cluster: other clusters have them under the same names, and a way there.
 * One that lies elsewhere is reached from everywhere in the same way, and needs nothing.
 */
export function sharedServices({ namespace, mongo, broker, internalUrl }: SharedAddresses): SharedService[] {
  const { hostname, port, protocol } = new URL(internalUrl)
  const hub = `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`
  return [mongo, broker, hub].flatMap((address): SharedService[] => {
    const [host = '', number = ''] = address.split(':')
    const [name = '', inside, kind] = host.split('.')
    return inside === namespace && kind === 'svc' ? [{ name, port: Number(number) }] : []
  })
}

/** Where a service is met at the address that leads there. */
export function portAt(links: PortLinks | undefined, { port }: SharedService): number {
  return links?.[port] ?? port
}

/** What NetworkPolicies in another cluster let out, beside what they do in the site's own. */
export function waysOut(
  { address, links }: Pick<ClusterRow, 'address' | 'links'>,
  services: readonly SharedService[],
): object[] {
  if (address === undefined) return []
  const to = [{ ipBlock: { cidr: `${address}/32` } }]
  const tcp = services.map((service) => ({ protocol: 'TCP', port: portAt(links, service) }))
  return [{ to, ports: tcp }]
}
