import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { type Layout, layoutSchema } from './layout.ts'

export const profileNames = ['single-node', 'minimal'] as const
export type ProfileName = (typeof profileNames)[number]

/** Ports on the host's loopback; the local cloud forwards them to the ingress. */
export interface SitePorts {
  readonly http: number
  readonly https: number
  readonly mongo: number
  readonly broker: number
}

export type PortName = keyof SitePorts

/** Where tasks of those run who may sign up by themselves. */
export const signUpRuntimes = ['own', 'shared'] as const
export type SignUpRuntime = (typeof signUpRuntimes)[number]

/** What a site is, without secrets: the content of `site.json`. */
export interface Site {
  readonly name: string
  /** `file`: a site file says what it consists of, `layout` holds it. */
  readonly profile: ProfileName | 'file'
  readonly domain: string
  readonly ports: SitePorts
  /** Address of this machine where others reach the site, by TLS only. Left out: the loopback alone, and plain. */
  readonly listen?: string | undefined
  /** Left out: nobody may sign up; accounts are made by admins. */
  readonly signUp?: SignUpRuntime | undefined
  /** URL of the index that accounts' Python packages come from. Left out: pip's own. */
  readonly packageIndex?: string | undefined
  /** Where its certificate comes from. Left out: it has none, everything is plain. */
  readonly tls?: SiteTls | undefined
  readonly layout?: Layout | undefined
  /** Without root: a real control plane whose machines are simulated, the service a process of this host. */
  readonly simulated?: boolean | undefined
}

/** What of a simulated site only says that it is there, for people. */
export const simulatedParts = ['machines and their pods', 'MongoDB', 'RabbitMQ', 'JupyterHub and notebooks'] as const

/** The same in one sentence; undefined for a site that is real. */
export function simulatedText({ simulated }: Pick<Site, 'simulated'>): string | undefined {
  if (simulated !== true) return undefined
  return `simulated: ${simulatedParts.join(', ')}. Portal, API, CLI, orders, Kubernetes API and Terraform are real; nobody's code runs`
}

/** `local-ca`: of the site's own authority. `given`: of the operator's. `issuer`: cert-manager's. */
export const siteTls = ['local-ca', 'given', 'issuer'] as const
export type SiteTls = (typeof siteTls)[number]

/** Where its certificate comes from; a site that other machines reach is never plain. */
export function tlsOf({ tls, listen }: Pick<Site, 'tls' | 'listen'>): SiteTls | undefined {
  return tls ?? (listen === undefined ? undefined : 'local-ca')
}

export const nodePorts: SitePorts = { http: 30080, https: 30443, mongo: 30017, broker: 30671 }

const port = z.int().min(1).max(65_535)

export const siteSchema = z.object({
  name: z.string(),
  profile: z.enum([...profileNames, 'file']),
  domain: z.string(),
  ports: z.object({ http: port, https: port, mongo: port, broker: port }),
  listen: z.string().optional(),
  signUp: z.enum(signUpRuntimes).optional(),
  packageIndex: z.string().optional(),
  simulated: z.boolean().optional(),
  tls: z.enum(siteTls).optional(),
  layout: layoutSchema.optional(),
})

/** Names end up in network links, cgroups and host names: short, lower-case, starting with a letter. */
export function checkSiteName(name: string): string {
  if (/^[a-z][a-z0-9-]{0,14}[a-z0-9]$/.test(name)) return name
  throw new AppError(
    'invalid',
    'site-name',
    `site name "${name}" is not usable: 2 to 16 lower-case letters, digits or "-", starting with a letter, for example "omega"`,
    { details: { field: 'site', value: name } },
  )
}

/** The omega-ml client refuses single-label hosts and hosts with "_"; a host that begins with "api" breaks its URLs. */
export function checkDomain(domain: string): string {
  const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
  if (new RegExp(`^${label}(\\.${label})+$`).test(domain) && !/^[0-9.]+$/.test(domain)) return domain
  throw new AppError(
    'invalid',
    'domain',
    `domain "${domain}" is not usable: lower-case labels with at least one dot and no "_", for example "omega.localhost"`,
    { details: { field: 'domain', value: domain } },
  )
}

/** Users read it in their pods: no place for a password. */
export function isPackageIndex(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}

export function checkPackageIndex(text: string): string {
  if (isPackageIndex(text)) return text
  const url = URL.parse(text)
  throw new AppError(
    'invalid',
    'package-index',
    `package index "${url === null ? text : url.host}" is not usable: an http or https address without user and password, for example "https://pypi.example.org/simple"`,
    { details: { field: 'package-index' } },
  )
}

/** pip's variables for an index. */
export function pipOf(index: string | undefined): Readonly<Record<string, string>> {
  if (index === undefined) return {}
  const { protocol, host } = new URL(index)
  // pip ignores an index that is not encrypted unless it is told that this is meant.
  return { PIP_INDEX_URL: index, ...(protocol === 'http:' ? { PIP_TRUSTED_HOST: host } : {}) }
}

export function defaultDomain(name: string): string {
  return `${name}.localhost`
}

/** Host names of a site; `notebook` also has one name below it for each user. */
export function siteHosts(site: Site): Readonly<Record<'hub' | 'notebook' | 'mongo' | 'broker', string>> {
  const { domain } = site
  return { hub: `hub.${domain}`, notebook: `notebook.${domain}`, mongo: `mongo.${domain}`, broker: `broker.${domain}` }
}

/** Names that a certificate of a site is for; users have names of their own below `notebook`. */
export function certificateNames(domain: string): string[] {
  return ['hub', 'notebook', '*.notebook', 'mongo', 'broker'].map((name) => `${name}.${domain}`)
}

export interface SiteUrls {
  readonly api: string
  readonly notebook: string
}

/** As people write them: over HTTPS where the site can be reached from other machines. */
export function siteUrls(site: Site): SiteUrls {
  const { scheme, usual, port } =
    tlsOf(site) === undefined
      ? { scheme: 'http', usual: 80, port: site.ports.http }
      : { scheme: 'https', usual: 443, port: site.ports.https }
  const suffix = port === usual ? '' : `:${port}`
  const hosts = siteHosts(site)
  return { api: `${scheme}://${hosts.hub}${suffix}`, notebook: `${scheme}://${hosts.notebook}${suffix}` }
}
