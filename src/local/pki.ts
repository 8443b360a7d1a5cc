import './reflect-metadata.ts'
import { createHash, generateKeyPairSync, randomBytes, type webcrypto } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { writeFile } from './files.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const day = 86_400_000
const authorityDays = 3650
const leafDays = 365
const renewBeforeDays = 60

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

/** The site's certificates, as files `<name>.crt` and `<name>.key` in one folder; made when missing, renewed in time. */
export class Pki {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Path of a certificate or key, for the programs' flags. */
  file(name: string, kind: 'crt' | 'key' | 'pub'): string {
    return join(this.folder, `${name}.${kind}`)
  }

  read(name: string): Credential {
    return { cert: readFileSync(this.file(name, 'crt'), 'utf8'), key: readFileSync(this.file(name, 'key'), 'utf8') }
  }

  async ensureAuthority(name: string): Promise<void> {
    if (this.isFresh(name, undefined)) return
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: [{ CN: [`cloudmgr ${name}`] }],
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + authorityDays * day),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    await this.write(name, certificate, keys.privateKey)
  }

  /** Says whether it wrote a new one: the programs that use it must be restarted then. */
  async ensure(name: string, authority: string, identity: Identity): Promise<boolean> {
    const mark = markOf(identity, this.read(authority).cert)
    if (this.isFresh(name, mark)) return false
    const issuer = this.read(authority)
    const issuerCert = new x509.X509Certificate(issuer.cert)
    const signingKey = await crypto.subtle.importKey(
      'pkcs8',
      x509.PemConverter.decodeFirst(issuer.key),
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
      issuer: issuerCert.subject,
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + leafDays * day),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: await extensions(identity, issuerCert),
    })
    await this.write(name, certificate, keys.privateKey)
    writeFile(join(this.folder, `${name}.for`), mark)
    return true
  }

  /** The key pair that signs service accounts' tokens. Never renewed: that would end every token. */
  ensureTokenKey(name: string): void {
    if (existsSync(this.file(name, 'key')) && existsSync(this.file(name, 'pub'))) return
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFile(this.file(name, 'key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    writeFile(this.file(name, 'pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  }

  private isFresh(name: string, mark: string | undefined): boolean {
    if (!existsSync(this.file(name, 'crt')) || !existsSync(this.file(name, 'key'))) return false
    if (mark !== undefined && !sameText(join(this.folder, `${name}.for`), mark)) return false
    const { notAfter } = new x509.X509Certificate(this.read(name).cert)
    return notAfter.getTime() - Date.now() > renewBeforeDays * day
  }

  private async write(name: string, certificate: x509.X509Certificate, privateKey: webcrypto.CryptoKey): Promise<void> {
    const key = await crypto.subtle.exportKey('pkcs8', privateKey)
    writeFile(this.file(name, 'key'), x509.PemConverter.encode(key, 'PRIVATE KEY'))
    writeFile(this.file(name, 'crt'), `${certificate.toString('pem')}\n`)
  }
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

/** What a certificate was made for: another name, address or authority needs a new one. */
function markOf(identity: Identity, authority: string): string {
  return createHash('sha256')
    .update(JSON.stringify([identity, authority]))
    .digest('hex')
}

function sameText(path: string, text: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8') === text
}

function serial(): string {
  return `01${randomBytes(15).toString('hex')}`
}
