import { resolverFiles, upstreamResolvers } from '../base/resolvers.ts'
import { clusterDomain } from './addresses.ts'
import { findText } from './files.ts'

export function hostResolvers(): string[] {
  return upstreamResolvers(resolverFiles.map(findText))
}

export interface CorefileOptions {
  /** Address that CoreDNS listens on. */
  readonly address: string
  /** The site's domain: it and every name below it is the ingress. */
  readonly domain: string
  /** `<service>.<namespace>` that the site's domain leads to. */
  readonly ingress: string
  readonly kubeconfig: string
  readonly upstreams: readonly string[]
}

/** The cluster's DNS: its Services, the site's domain, and the world as this host sees it. */
export function corefile({ address, domain, ingress, kubeconfig, upstreams }: CorefileOptions): string {
  const forward = upstreams.length === 0 ? '' : `\n  forward . ${upstreams.join(' ')}`
  // `{{ .Name }}` keeps the letters as asked for; the CNAME's target is looked up by CoreDNS itself (upstream).
  return `.:53 {
  bind ${address}
  errors
  health ${address}:8053
  ready ${address}:8181
  cache 10
  loadbalance
  template IN A ${domain} {
    answer "{{ .Name }} 5 IN CNAME ${ingress}.svc.${clusterDomain}."
    upstream
  }
  template IN AAAA ${domain} {
    rcode NOERROR
  }
  kubernetes ${clusterDomain} in-addr.arpa {
    kubeconfig ${kubeconfig}
    pods verified
    ttl 5
    fallthrough in-addr.arpa
  }${forward}
}
`
}
