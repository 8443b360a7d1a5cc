import { createHash, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Credential, createAuthority, endOf, type Identity, issueCertificate } from '../base/certificate.ts'
import { writeFile } from './files.ts'

const day = 86_400_000
const authorityDays = 3650
const leafDays = 365
const renewBeforeDays = 60

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
    this.write(name, await createAuthority(`cloudmgr ${name}`, { from: new Date(), days: authorityDays }))
  }

  /** Says whether it wrote a new one: the programs that use it must be restarted then. */
  async ensure(name: string, authority: string, identity: Identity): Promise<boolean> {
    const mark = markOf(identity, this.read(authority).cert)
    if (this.isFresh(name, mark)) return false
    const validity = { from: new Date(), days: leafDays }
    this.write(name, await issueCertificate(this.read(authority), identity, validity))
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
    return endOf(this.read(name).cert).getTime() - Date.now() > renewBeforeDays * day
  }

  private write(name: string, { cert, key }: Credential): void {
    writeFile(this.file(name, 'key'), key)
    writeFile(this.file(name, 'crt'), cert)
  }
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
