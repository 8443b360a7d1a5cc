import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { certificateNames } from '../site.ts'

export interface GivenCertificate {
  /** PEM: the certificate first, then those between it and its authority. */
  readonly chain: string
  /** PEM. */
  readonly key: string
  readonly domain: string
  /** PEM of authorities that are known. */
  readonly authorities: readonly string[]
  readonly now: Date
}

/** What is wrong with a certificate, and with which part of it. Says nothing of the key but whose it is not. */
export interface CertificateProblem {
  readonly part: 'certificate' | 'key' | 'ca'
  readonly problem: string
}

/** Whether a server may use it for this domain; everything that is wrong at once. */
export function certificateProblems(given: GivenCertificate): CertificateProblem[] {
  const chain = certificatesOf(given.chain)
  const [first] = chain
  if (first === undefined)
    return [
      { part: 'certificate', problem: 'no certificate is in it; right is PEM text, `-----BEGIN CERTIFICATE-----`' },
    ]
  return [
    ...keyProblems(given.key, chain),
    ...nameProblems(first, given.domain),
    ...timeProblems(chain, given.now),
    ...chainProblems(chain, given.authorities),
  ]
}

/** The certificates of a PEM text in their order; none where one can't be read. */
export function certificatesOf(text: string): X509Certificate[] {
  try {
    return (text.match(pemBlock) ?? []).map((block) => new X509Certificate(block))
  } catch {
    // Between the marks is something else: to be told as none.
    return []
  }
}

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function keyProblems(text: string, [first, ...others]: readonly X509Certificate[]): CertificateProblem[] {
  const key = readKey(text)
  if (key === undefined)
    return [{ part: 'key', problem: 'no private key can be read from it; right is PEM text without a passphrase' }]
  if (first === undefined || first.checkPrivateKey(key)) return []
  if (others.some((one) => one.checkPrivateKey(key)))
    return [{ part: 'certificate', problem: 'the certificate of the key is not the first in the file: put it there' }]
  return [{ part: 'key', problem: `it is not the key of the certificate (${nameOf(first)})` }]
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text)
  } catch {
    // The reason could quote the key.
    return undefined
  }
}

function nameProblems(certificate: X509Certificate, domain: string): CertificateProblem[] {
  const missing = certificateNames(domain).filter(
    (name) => certificate.checkHost(name.replace('*', 'somebody'), { subject: 'never' }) === undefined,
  )
  if (missing.length === 0) return []
  const has = namesOf(certificate)
  const problem = `it is not for ${missing.join(', ')} but for ${has.length === 0 ? 'no name' : has.join(', ')}; right is one for ${certificateNames(domain).join(', ')}, or *.${domain} and *.notebook.${domain}`
  return [{ part: 'certificate', problem }]
}

/** The names that a certificate is for. */
export function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map((match) => match[1] ?? '')
}

function timeProblems(chain: readonly X509Certificate[], now: Date): CertificateProblem[] {
  return chain.flatMap((one): CertificateProblem[] => {
    const day = (date: Date) => date.toISOString().slice(0, 10)
    if (one.validToDate < now)
      return [{ part: 'certificate', problem: `${nameOf(one)} has expired on ${day(one.validToDate)}` }]
    if (one.validFromDate > now)
      return [{ part: 'certificate', problem: `${nameOf(one)} is valid from ${day(one.validFromDate)} only` }]
    return []
  })
}

/** From the certificate upwards, until somebody known has signed. */
function chainProblems(chain: readonly X509Certificate[], authorities: readonly string[]): CertificateProblem[] {
  const known = authorities.flatMap(certificatesOf)
  const isKnown = (one: X509Certificate) => known.some((authority) => authority.fingerprint256 === one.fingerprint256)
  let last = chain[0]
  let rest = chain.slice(1)
  while (last !== undefined) {
    const current = last
    if (isKnown(current) || known.some((authority) => signed(authority, current))) return []
    const next = rest.find((one) => signed(one, current))
    if (next === undefined) return [unfinished(current)]
    rest = rest.filter((one) => one !== next)
    last = next
  }
  return []
}

function signed(authority: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

function unfinished(last: X509Certificate): CertificateProblem {
  if (signed(last, last))
    return {
      part: 'ca',
      problem: `${nameOf(last)} signed itself and is not known here: give it as tls.ca if it is your authority`,
    }
  const issuer = oneLine(last.issuer)
  return {
    part: 'certificate',
    problem: `the chain ends at ${nameOf(last)}, signed by ${issuer}, which is neither in the file nor known here: append the certificate of ${issuer}, or give it as tls.ca if it is your authority`,
  }
}

function nameOf({ subject, subjectAltName }: X509Certificate): string {
  return oneLine(subject ?? subjectAltName ?? 'a certificate without a name')
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}
