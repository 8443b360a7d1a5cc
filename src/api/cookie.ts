import type { FastifyRequest } from 'fastify'
import type { SiteFacts } from '../deployments/site-facts.ts'

type Where = Pick<SiteFacts, 'publicUrl'>

/** `__Host-`: no other host name, no plain HTTP can set it. A local site has no HTTPS, and browsers refuse it there. */
export function cookieName({ publicUrl }: Where): string {
  return publicUrl.startsWith('https:') ? '__Host-cloudmgr' : 'cloudmgr'
}

/** The session's cookie of a request. */
export function sessionIdOf(request: FastifyRequest, site: Where): string | undefined {
  return cookieOf(request, cookieName(site), /^[A-Za-z0-9]{1,100}$/)
}

/** Lasts as long as the browser runs; the session itself ends on the server. An empty id takes it away. */
export function sessionCookie(id: string, site: Where): string {
  return setCookie(cookieName(site), id, site, id === '' ? '; Max-Age=0' : '')
}

/** What the browser keeps while its user signs in at another issuer. */
export function pendingIn(request: FastifyRequest, site: Where): string | undefined {
  return cookieOf(request, pendingName(site), /^[\w.-]{1,3000}$/)
}

/** An empty text takes it away. */
export function pendingCookie(sealed: string, site: Where, lifeSeconds: number): string {
  return setCookie(pendingName(site), sealed, site, `; Max-Age=${sealed === '' ? 0 : lifeSeconds}`)
}

function pendingName(site: Where): string {
  return `${cookieName(site)}-openid`
}

function cookieOf(request: FastifyRequest, name: string, shape: RegExp): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name && value !== undefined && shape.test(value)) return value
  }
  return undefined
}

/** Lax: it comes along when another site sends the browser here, not with what that site requests by itself. */
function setCookie(name: string, value: string, { publicUrl }: Where, more: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : ''
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}${more}`
}
