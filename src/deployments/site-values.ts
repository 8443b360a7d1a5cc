import type { SiteFacts } from './site-facts.ts'

/** The facts, and what manifests need in Kubernetes' own shape. */
export function siteValues(site: SiteFacts): Record<string, unknown> {
  const named = [...site.network.dns, ...(site.dnsAddress === undefined ? [] : [site.dnsAddress])]
  const ranges = new Set(named.map((address) => (address.includes('/') ? address : `${address}/32`)))
  const blocks = [...ranges].map((cidr) => ({ ipBlock: { cidr } }))
  const kubeDns = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  }
  return {
    ...site,
    dnsPeers: [kubeDns, ...blocks],
    dnsCidrs: [...ranges],
    withoutNotebooks: !site.notebooks,
    namespaceAnnotations: site.rancherProject === '' ? {} : { 'field.cattle.io/projectId': site.rancherProject },
    ...elsewhere(site),
  }
}

/** Rules of NetworkPolicies for services that are not in the services' namespace. */
function elsewhere({ network }: SiteFacts): Record<string, unknown> {
  const out = network.externals.map(({ cidr, port }) => ({
    to: [{ ipBlock: { cidr } }],
    ports: [{ protocol: 'TCP', port }],
  }))
  const hubs =
    network.hubNamespace === undefined
      ? []
      : [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': network.hubNamespace } } }]
  const hubIn = hubs.map((peer) => ({ from: [peer] }))
  const hubOut = hubs.map((peer) => ({ to: [peer], ports: [{ protocol: 'TCP', port: 8081 }] }))
  const egress = [...out, ...hubOut]
  return { elsewhere: { any: egress.length > 0, ingress: hubIn, egress } }
}
