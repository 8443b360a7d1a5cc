import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { kindOf } from './cloud.ts'
import { monitoringNamespace, siteNamespaces } from './components.ts'
import { layoutOf } from './layout.ts'
import { siteLabel } from './manifests.ts'
import type { Site } from './site.ts'

/** What costs money or holds data in a cluster, and is in no Terraform state. */
export interface Holdings {
  readonly claims: readonly Claim[]
  /** `namespace/name`. */
  readonly loadBalancers: readonly string[]
}

export interface Claim {
  readonly namespace: string
  readonly name: string
  readonly size: string
}

const accountLabel = 'omegaml.io/account'

/** Namespaces of the site that are there: its own, then those of its accounts. None where the site's are somebody else's. */
export async function findNamespaces(
  kubernetes: Kubernetes,
  site: string,
): Promise<{ readonly own: readonly string[]; readonly accounts: readonly string[] }> {
  const all = await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' })
  const own = [...siteNamespaces, monitoringNamespace].filter((name) =>
    all.some(({ metadata }) => metadata.name === name && metadata.labels?.[siteLabel] === site),
  )
  if (own.length === 0) return { own, accounts: [] }
  const accounts = all.filter(({ metadata }) => metadata.labels?.[accountLabel] !== undefined)
  return { own, accounts: accounts.map(({ metadata }) => metadata.name) }
}

export async function findHoldings(kubernetes: Kubernetes, site: string): Promise<Holdings> {
  const { own, accounts } = await findNamespaces(kubernetes, site)
  const spaces = [...own, ...accounts]
  const claims = await inAll(kubernetes, 'PersistentVolumeClaim', spaces)
  const services = await inAll(kubernetes, 'Service', spaces)
  return {
    claims: claims.map(claimOf),
    loadBalancers: services
      .filter((service) => (service['spec'] as { type?: string } | undefined)?.type === 'LoadBalancer')
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  }
}

/** Claims whose disks are in no root of the site: with an ordered cluster they go. */
export function lostClaims(site: Pick<Site, 'layout' | 'profile'>, { claims }: Holdings): readonly Claim[] {
  const kept = kindOf(site) === 'hcloud' ? Object.keys(layoutOf(site).volumes) : []
  return claims.filter(({ namespace, name }) => !(namespace === siteNamespaces[0] && kept.includes(name)))
}

export async function inAll(
  kubernetes: Kubernetes,
  kind: string,
  namespaces: readonly string[],
  apiVersion = 'v1',
): Promise<Manifest[]> {
  const lists = await Promise.all(
    namespaces.map(async (namespace) => await kubernetes.list({ apiVersion, kind }, { namespace })),
  )
  return lists.flat()
}

export function claimText({ namespace, name, size }: Claim): string {
  return `claim ${namespace}/${name} (${size})`
}

function claimOf({ metadata, spec }: Manifest): Claim {
  const { resources } = (spec ?? {}) as { resources?: { requests?: { storage?: string } } }
  return { namespace: metadata.namespace ?? '', name: metadata.name, size: resources?.requests?.storage ?? '?' }
}
