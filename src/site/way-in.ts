import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { isFar } from './cloud.ts'
import { hostNames } from './hosts.ts'
import { type Site, siteHosts } from './site.ts'

interface ServiceSpec {
  readonly type?: string
  readonly ports?: readonly { readonly name?: string; readonly nodePort?: number }[]
}

interface ServiceStatus {
  readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] }
}

/** Where a site's names must lead to, in words: what its ingress's Service says. */
export function ingressAddress(service: Manifest | undefined): string {
  if (service === undefined) return 'nothing: the cluster has no Service omegaml-services/ingress'
  const { type, ports = [] } = (service['spec'] ?? {}) as ServiceSpec
  if (type === 'LoadBalancer') {
    const [found] = ((service['status'] ?? {}) as ServiceStatus).loadBalancer?.ingress ?? []
    const address = found?.ip ?? found?.hostname
    return address === undefined ? 'its load balancer, which has no address yet' : `its load balancer, ${address}`
  }
  if (type !== 'NodePort') return 'whatever leads to Service omegaml-services/ingress'
  return `what leads to these ports of the nodes: ${ports.map(({ name, nodePort }) => `${name} ${nodePort}`).join(', ')}`
}

/** What is to be done before people reach a site by its names; nothing where that is done. */
export async function wayInLines(
  site: Site,
  kubernetes: Kubernetes,
  resolves: (name: string) => Promise<boolean>,
): Promise<string[]> {
  return isFar(site) ? await farLines(site, kubernetes, resolves) : await localLines(site, resolves)
}

/** Where the hosts file could not be written, or is not asked. */
async function localLines(site: Site, resolves: (name: string) => Promise<boolean>): Promise<string[]> {
  const { hub } = siteHosts(site)
  if (await resolves(hub)) return []
  return [
    '',
    `  ${hub} does not resolve on this machine. Add to /etc/hosts, as root:`,
    `    127.0.0.1 ${hostNames(site, ['admin', 'demo']).join(' ')}`,
  ]
}

async function farLines(
  site: Site,
  kubernetes: Kubernetes,
  resolves: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const { hub } = siteHosts(site)
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'omegaml-services', name: 'ingress' }
  const to = ingressAddress(await kubernetes.find(ref))
  const known = (await resolves(hub))
    ? `${hub} resolves; it must lead to ${to}`
    : `${hub} leads nowhere yet: point it, notebook., *.notebook., mongo. and broker. of ${site.domain} to ${to}`
  return [
    '  Checked through the cluster’s API server, which needs no names and no load balancer. From outside:',
    `    ${known}`,
  ]
}
