import { clusterDomain } from './addresses.ts'
import { findText } from './files.ts'

/** The resolvers that this host itself asks. One on the loopback can't be reached from the site's namespace. */
export function upstreamResolvers(texts: readonly (string | undefined)[]): string[] {
  for (const text of texts) {
    const found = [...(text ?? '').matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '')
    const usable = found.filter((address) => /^\d+(\.\d+){3}$/.test(address) && !address.startsWith('127.'))
    if (usable.length > 0) return usable.slice(0, 3)
  }
  return []
}

export function hostResolvers(): string[] {
  return upstreamResolvers(['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'].map(findText))
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
