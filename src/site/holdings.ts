import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { kindOf } from './cloud.ts'
import { monitoringNamespace, siteNamespaces } from './components.ts'
import { isDisk } from './kept-disks.ts'
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
  /** A disk of a cloud is behind it, which `down` can keep. */
  readonly isDisk?: boolean
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
  const volumes = claims.length === 0 ? [] : await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
  return {
    claims: claims.map((claim) => claimOf(claim, volumes)),
    loadBalancers: services
      .filter((service) => (service['spec'] as { type?: string } | undefined)?.type === 'LoadBalancer')
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  }
}

/** Claims that go with an ordered cluster: their disks are in no root of the site, and are not kept by `down`. */
export function lostClaims(site: Pick<Site, 'layout' | 'profile'>, { claims }: Holdings): readonly Claim[] {
  return claims.filter((claim) => !isKept(site, claim))
}

function isKept(site: Pick<Site, 'layout' | 'profile'>, { namespace, name, isDisk: kept }: Claim): boolean {
  if (!Object.hasOwn(layoutOf(site).volumes, name)) return false
  if (kindOf(site) === 'hcloud') return namespace === siteNamespaces[0]
  return kept === true && siteNamespaces.some((own) => own === namespace)
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

function claimOf({ metadata, spec }: Manifest, volumes: readonly Manifest[]): Claim {
  const { resources, volumeName } = (spec ?? {}) as ClaimSpec
  const volume = volumes.find((one) => one.metadata.name === volumeName)
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    size: resources?.requests?.storage ?? '?',
    ...(isDisk(volume) ? { isDisk: true } : {}),
  }
}

interface ClaimSpec {
  readonly resources?: { readonly requests?: { readonly storage?: string } }
  readonly volumeName?: string
}
