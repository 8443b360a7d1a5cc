import type { FastifyRequest } from 'fastify'
import type { SiteFacts } from '../deployments/site-facts.ts'

type Where = Pick<SiteFacts, 'publicUrl'>

/** `__Host-`: no other host name, no plain HTTP can set it. A local site has no HTTPS, and browsers refuse it there. */
export function cookieName({ publicUrl }: Where): string {
  return publicUrl.startsWith('https:') ? '__Host-cloudmgr' : 'cloudmgr'
}

/** The session's cookie of a request. */
export function sessionIdOf(request: FastifyRequest, site: Where): string | undefined {
  const name = cookieName(site)
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name && value !== undefined && /^[A-Za-z0-9]{1,100}$/.test(value)) return value
  }
  return undefined
}

/** Lasts as long as the browser runs; the session itself ends on the server. An empty id takes it away. */
export function sessionCookie(id: string, site: Where): string {
  const secure = site.publicUrl.startsWith('https:') ? '; Secure' : ''
  return `${cookieName(site)}=${id}; Path=/; HttpOnly; SameSite=Lax${secure}${id === '' ? '; Max-Age=0' : ''}`
}
