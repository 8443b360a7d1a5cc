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

/**
 * A certificate of the site's own authority; both are kept encrypted in its folder, and made anew before they end. The
 * authority is believed for one domain alone: another domain has another.
 */
export async function ensureOwnCertificate(folder: string, domain: string, now: Date): Promise<OwnCertificate> {
  const names = certificateNames(domain)
  const kept = readPair(folder, 'server')
  const isFor = kept !== undefined && hasNames(kept, names)
  const before = isFor ? readPair(folder, 'authority') : undefined
  const isLasting = before !== undefined && lasts(before, now, days)
  const authority = isLasting ? before : await store(folder, 'authority', makeAuthority(domain, now))
  if (isFor && isLasting && isOf(kept, authority) && lasts(kept, now, renewDays))
    return { ...kept, authority: authority.cert }
  // A common name has 64 characters at most; nobody looks at it where there are other names.
  const issued = issueCertificate(authority, { commonName: 'omega|ml site', names }, { from: now, days })
  return { ...(await store(folder, 'server', issued)), authority: authority.cert }
}

/** Browsers list it by this name. */
function makeAuthority(domain: string, now: Date): Promise<Credential> {
  return createAuthority(`omega|ml site ${domain}`.slice(0, 64), { from: now, days: authorityDays }, domain)
}

function hasNames({ cert }: Credential, names: readonly string[]): boolean {
  const has = namesOf(new X509Certificate(cert))
  return names.every((name) => has.includes(name))
}

function isOf({ cert }: Credential, authority: Credential): boolean {
  return new X509Certificate(cert).verify(new X509Certificate(authority.cert).publicKey)
}

function lasts({ cert }: Credential, now: Date, spareDays: number): boolean {
  return endOf(cert).getTime() - now.getTime() > spareDays * day
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
