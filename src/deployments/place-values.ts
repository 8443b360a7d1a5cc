import { findCluster } from '../clusters/cluster-rows.ts'
import { sharedServices, waysOut } from '../clusters/place.ts'
import type { Db } from '../db/database.ts'
import type { SiteFacts } from './site-facts.ts'
import { siteValues } from './site-values.ts'

/** What plans know of the site's own cluster as `${place.…}`. */
export function homeOf(site: SiteFacts): Record<string, unknown> {
  return { home: true, site: siteValues(site), egress: [] }
}

/**
 * What plans know as `${place.…}` of the cluster that an order names: whether it is the site's own (`home`), the site's
 * facts as they hold there (`site`), and what NetworkPolicies let out besides (`egress`).
 */
export async function placeValues(db: Db, site: SiteFacts, cluster: unknown): Promise<Record<string, unknown>> {
  if (typeof cluster !== 'string') return homeOf(site)
  const row = await findCluster(db, cluster)
  // Of one that is gone, for a removal: names are all that counts.
  if (row?.state !== 'ready') return { ...homeOf(site), home: false }
  const { network, namespaces, mongo, broker, internalUrl } = site
  // The project is of the site's own cluster.
  const there = {
    ...site,
    rancherProject: '',
    // That of the local cloud lies at the cluster's own address; others have it among their pods.
    network: row.provider === 'local' ? { ...network, dns: [`${row.address}/32`] } : network,
    dnsAddress: undefined,
  }
  const { elsewhere, ...values } = siteValues(there)
  const { ingress, egress } = elsewhere as { ingress: object[]; egress: object[] }
  const addresses = { mongo: mongo.internalHost, broker: broker.internalHost, internalUrl }
  const ways = waysOut(row, sharedServices({ namespace: namespaces.services, ...addresses }))
  const out = [...egress, ...ways]
  return { home: false, site: { ...values, elsewhere: { any: out.length > 0, ingress, egress: out } }, egress: ways }
}
