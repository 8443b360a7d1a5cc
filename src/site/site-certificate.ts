import { createHash, X509Certificate } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority, type Credential, endOf, issueCertificate } from '../base/certificate.ts'
import { ensureSecrets, replaceFile, type SiteSecrets, storeCertificates } from './secrets.ts'
import { type Site, siteHosts } from './site.ts'

const day = 86_400_000
const days = { authority: 3650, certificate: 365, renewBefore: 60 } as const

/** Secret of the services' namespace with the certificate of the site's host names. */
export const certificateSecret = 'site-certificate'

/** File of the state folder that other machines get a copy of. */
export function authorityFile(folder: string): string {
  return join(folder, 'site-ca.pem')
}

/**
 * The authority of a site that other machines reach, and the certificate of its host names, kept with its secrets: made
 * where missing, and anew for another domain or in good time before they end. A site of the loopback has none.
 */
export async function ensureSiteCertificate(folder: string, site: Site, now = new Date()): Promise<void> {
  if (site.listen === undefined) return rmSync(authorityFile(folder), { force: true })
  const known = ensureSecrets(folder)
  const authority = authorityOf(known, site, now) ?? (await newAuthority(site, now))
  const certificate = certificateOf(known, authority, site, now) ?? (await newCertificate(authority, site, now))
  storeCertificates(folder, {
    authorityCertificate: authority.cert,
    authorityKey: authority.key,
    certificate: certificate.cert,
    certificateKey: certificate.key,
  })
  replaceFile(authorityFile(folder), authority.cert)
}

/** Changes with the certificate: whoever has read it must read it again. */
export function certificateRevision({ certificate = '' }: Partial<SiteSecrets>): string {
  return createHash('sha256').update(certificate).digest('hex').slice(0, 16)
}

/** Believed for one domain alone: another domain has another. */
function authorityOf(known: SiteSecrets, site: Site, now: Date): Credential | undefined {
  const { authorityCertificate: cert, authorityKey: key } = known
  if (cert === undefined || key === undefined || !isFor(known.certificate, site)) return undefined
  return isFresh(cert, now, days.certificate) ? { cert, key } : undefined
}

function certificateOf(known: SiteSecrets, authority: Credential, site: Site, now: Date): Credential | undefined {
  const { authorityCertificate, certificate: cert, certificateKey: key } = known
  if (cert === undefined || key === undefined) return undefined
  if (authorityCertificate !== authority.cert || !isFor(cert, site)) return undefined
  return isFresh(cert, now, days.renewBefore) ? { cert, key } : undefined
}

/** Authority and certificate are made for one domain together. */
function isFor(cert: string | undefined, site: Site): boolean {
  return cert !== undefined && new X509Certificate(cert).checkHost(siteHosts(site).hub) !== undefined
}

function isFresh(cert: string, now: Date, spareDays: number): boolean {
  return endOf(cert).getTime() - now.getTime() > spareDays * day
}

async function newAuthority({ name, domain }: Site, from: Date): Promise<Credential> {
  // Browsers list it by this name.
  return await createAuthority(`omega|ml site ${name}`, { from, days: days.authority }, domain)
}

async function newCertificate(authority: Credential, site: Site, from: Date): Promise<Credential> {
  const { hub, notebook, mongo, broker } = siteHosts(site)
  const names = [hub, notebook, `*.${notebook}`, mongo, broker]
  // A common name has 64 characters at most; nobody looks at it where there are other names.
  return await issueCertificate(authority, { commonName: `site ${site.name}`, names }, { from, days: days.certificate })
}
