import { isIP } from 'node:net'
import { AppError } from '../base/errors.ts'
import type { Target } from './http.ts'
import { type Site, siteHosts, siteUrls, tlsOf } from './site.ts'

/** Where a service is. */
export interface ServiceAddress {
  /** As people write it, without a slash at its end. */
  readonly url: string
  readonly target: Target
  /** What is asked for: host, with its port where that is not the usual one. */
  readonly host: string
  /** In front of every path; empty or with a slash in front. */
  readonly base: string
}

/**
 * The site's front door on this machine: the ingress on the loopback, by its public name. No name is looked up. `ca`: PEM
 * of the authority of its certificate, where the world does not know it.
 */
export function siteAddress(site: Site, ca?: string): ServiceAddress {
  const { api } = siteUrls(site)
  const { http, https } = site.ports
  const target =
    tlsOf(site) === undefined
      ? { host: '127.0.0.1', port: http }
      : { host: '127.0.0.1', port: https, tls: { servername: siteHosts(site).hub, ca } }
  return { url: api, target, host: new URL(api).host, base: '' }
}

/** The same service by a port of the loopback that leads to its ingress. */
export function throughDoor(address: ServiceAddress, port: number): ServiceAddress {
  const tls = 'tls' in address.target ? { tls: address.target.tls } : {}
  return { ...address, target: { host: '127.0.0.1', port, ...tls } }
}

/** A service anywhere, by its URL. `ca`: PEM of an authority beside those of the system. Errors: `invalid`. */
export function serviceAddress(text: string, ca?: string): ServiceAddress {
  const url = parse(text)
  const isTls = url.protocol === 'https:'
  const name = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port)
  const base = url.pathname.replace(/\/+$/, '')
  // Names below `localhost` are this machine (RFC 6761), also where the resolver does not know it.
  const host = isLocalName(name) ? '127.0.0.1' : name
  const tls = { servername: isIP(name) === 0 ? name : '', ca }
  return { url: `${url.origin}${base}`, target: { host, port, ...(isTls ? { tls } : {}) }, host: url.host, base }
}

/** Whether what is sent there can be read on the way. */
export function isOpenToReaders({ url }: ServiceAddress): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !isLocalName(hostname) && !/^127\.|^\[::1\]$/.test(hostname)
}

function isLocalName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

function parse(text: string): URL {
  const wrong = (problem: string) =>
    new AppError('invalid', 'url-wrong', `url ${problem}: right is for example https://hub.example.org`, {
      details: { field: 'url' },
    })
  if (!URL.canParse(text)) throw wrong(`"${text.slice(0, 200)}" is none`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') throw wrong('must not hold a user or key')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw wrong(`"${text.slice(0, 200)}" is not of the web`)
  if (url.search !== '' || url.hash !== '') throw wrong('must end before ? and #')
  return url
}
