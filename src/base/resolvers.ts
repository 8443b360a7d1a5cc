/** Where systemd-resolved keeps the servers that it asks itself, and where everybody else's are. */
export const resolverFiles = ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'] as const

/** The resolvers that this host itself asks, of the first file that names any. One on the loopback can't be reached from a site's namespace. */
export function upstreamResolvers(texts: readonly (string | undefined)[]): string[] {
  for (const text of texts) {
    const found = [...(text ?? '').matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '')
    const usable = found.filter((address) => /^\d+(\.\d+){3}$/.test(address) && !address.startsWith('127.'))
    if (usable.length > 0) return usable.slice(0, 3)
  }
  return []
}
