import './reflect-metadata.ts'
import { randomBytes, type webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const day = 86_400_000

/** A certificate and its key, PEM. */
export interface Credential {
  readonly cert: string
  readonly key: string
}

export interface Identity {
  /** Who it is: the user name of a client, any name for a server. */
  readonly commonName: string
  /** Its group. */
  readonly organization?: string
  /** Names and addresses under which a server is reached; none: it is a client only. */
  readonly names?: readonly string[]
}

/** Valid from a day before `from`, for clocks that differ. */
export interface Validity {
  readonly from: Date
  readonly days: number
}

/** An authority that signed itself. Given a domain, nobody believes it for other names than those below it. */
export async function createAuthority(commonName: string, validity: Validity, domain?: string): Promise<Credential> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [commonName] }],
    ...period(validity),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(domain === undefined ? [] : [onlyBelow(domain)]),
    ],
  })
  return await credential(certificate, keys.privateKey)
}

/** RFC 5280, 4.2.1.10: `permittedSubtrees` with one DNS name. */
function onlyBelow(domain: string): x509.Extension {
  const wrap = (tag: number, content: Buffer) => Buffer.concat([Buffer.from([tag, ...lengthOf(content)]), content])
  const name = wrap(0x82, Buffer.from(domain, 'ascii'))
  return new x509.Extension('2.5.29.30', true, wrap(0x30, wrap(0xa0, wrap(0x30, name))))
}

function lengthOf({ length }: Buffer): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

/** A certificate of a server or client, signed by the authority. */
export async function issueCertificate(
  authority: Credential,
  identity: Identity,
  validity: Validity,
): Promise<Credential> {
  const issuer = new x509.X509Certificate(authority.cert)
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ['sign'],
  )
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [
      { CN: [identity.commonName] },
      ...(identity.organization === undefined ? [] : [{ O: [identity.organization] }]),
    ],
    issuer: issuer.subject,
    ...period(validity),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: await extensions(identity, issuer),
  })
  return await credential(certificate, keys.privateKey)
}

/** When a certificate (PEM) ends. */
export function endOf(cert: string): Date {
  return new x509.X509Certificate(cert).notAfter
}

function period({ from, days }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(from.getTime() - day), notAfter: new Date(from.getTime() + days * day) }
}

async function credential(certificate: x509.X509Certificate, privateKey: webcrypto.CryptoKey): Promise<Credential> {
  const key = await crypto.subtle.exportKey('pkcs8', privateKey)
  return { cert: `${certificate.toString('pem')}\n`, key: x509.PemConverter.encode(key, 'PRIVATE KEY') }
}

async function extensions(identity: Identity, issuer: x509.X509Certificate): Promise<x509.Extension[]> {
  const names = identity.names ?? []
  const usages = [x509.ExtendedKeyUsage.clientAuth, ...(names.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : [])]
  const alternatives = names.map((value) => ({
    type: /^[0-9.]+$/.test(value) ? ('ip' as const) : ('dns' as const),
    value,
  }))
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
  ]
}

function serial(): string {
  return `01${randomBytes(15).toString('hex')}`
}
