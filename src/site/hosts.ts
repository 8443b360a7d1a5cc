import { readFileSync, writeFileSync } from 'node:fs'
import { type Site, siteHosts } from './site.ts'

function markers(site: string): { begin: string; end: string } {
  return { begin: `# cloudmgr site ${site}: begin`, end: `# cloudmgr site ${site}: end` }
}

/** The names that must resolve to this host. Hosts files know no wildcards: users' notebook names are listed one by one. */
export function hostNames(site: Site, users: readonly string[] = []): string[] {
  const hosts = siteHosts(site)
  return [hosts.hub, hosts.notebook, hosts.mongo, hosts.broker, ...users.map((user) => `${user}.${hosts.notebook}`)]
}

/** The text of a hosts file with the site's lines, and nothing else changed. */
export function withSiteLines(text: string, site: string, names: readonly string[]): string {
  const { begin, end } = markers(site)
  const rest = withoutSiteLines(text, site)
  const head = rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`
  return `${head}${[begin, ...names.map((name) => `127.0.0.1 ${name}`), end].join('\n')}\n`
}

export function withoutSiteLines(text: string, site: string): string {
  const { begin, end } = markers(site)
  const kept: string[] = []
  let inside = false
  for (const line of text.split('\n')) {
    if (line.trim() === begin) inside = true
    if (!inside) kept.push(line)
    if (line.trim() === end) inside = false
  }
  return kept.join('\n')
}

export function siteLines(text: string, site: string): string[] {
  const { begin, end } = markers(site)
  const lines = text.split('\n').map((line) => line.trim())
  const from = lines.indexOf(begin)
  const to = lines.indexOf(end, from)
  return from < 0 ? [] : lines.slice(from + 1, to < 0 ? undefined : to)
}

/** Writes only when something changes. Not by rename: the hosts file of a container is a mount of its own. */
export function editHosts(path: string, edit: (text: string) => string): boolean {
  const text = readFileSync(path, 'utf8')
  const edited = edit(text)
  if (edited === text) return false
  writeFileSync(path, edited)
  return true
}
