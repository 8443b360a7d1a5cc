import { X509Certificate } from 'node:crypto'
import { createAuthority, type Credential, endOf, issueCertificate } from '../base/certificate.ts'
import { namesOf } from './file/certificate.ts'
import { readStored, storeSecrets } from './secrets.ts'
import { certificateNames } from './site.ts'

const day = 86_400_000
const authorityDays = 3650
/** What browsers take at most. */
const days = 397
/** An `up` of every other month is enough. */
const renewDays = 90

export interface OwnCertificate extends Credential {
  /** PEM of the site's authority. */
  readonly authority: string
}

/** A certificate of the site's own authority; both are kept encrypted in its folder, and made anew before they end. */
export async function ensureOwnCertificate(folder: string, domain: string, now: Date): Promise<OwnCertificate> {
  const authority = readPair(folder, 'authority') ?? (await store(folder, 'authority', makeAuthority(domain, now)))
  const kept = readPair(folder, 'server')
  const names = certificateNames(domain)
  if (kept !== undefined && isGood(kept, names, authority, now)) return { ...kept, authority: authority.cert }
  const issued = issueCertificate(authority, { commonName: names[0] ?? domain, names }, { from: now, days })
  return { ...(await store(folder, 'server', issued)), authority: authority.cert }
}

function makeAuthority(domain: string, now: Date): Promise<Credential> {
  return createAuthority(`cloudmgr site ${domain}`, { from: now, days: authorityDays })
}

function isGood({ cert }: Credential, names: readonly string[], authority: Credential, now: Date): boolean {
  const certificate = new X509Certificate(cert)
  const has = namesOf(certificate)
  const isOurs = certificate.verify(new X509Certificate(authority.cert).publicKey)
  return isOurs && names.every((name) => has.includes(name)) && endOf(cert).getTime() - now.getTime() > renewDays * day
}

type Pair = 'authority' | 'server'

function readPair(folder: string, pair: Pair): Credential | undefined {
  const stored = readStored(folder)
  const [cert, key] = [stored[`tls/${pair}-cert`], stored[`tls/${pair}-key`]]
  return cert === undefined || key === undefined ? undefined : { cert, key }
}

async function store(folder: string, pair: Pair, making: Promise<Credential>): Promise<Credential> {
  const { cert, key } = await making
  storeSecrets(folder, { [`tls/${pair}-cert`]: cert, [`tls/${pair}-key`]: key })
  return { cert, key }
}
