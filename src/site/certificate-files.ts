import { existsSync, readFileSync, rmSync } from 'node:fs'
import { secretNames } from './file/secret-names.ts'
import { ensureOwnCertificate } from './own-certificate.ts'
import { addGivenSecrets, replaceFile } from './secrets.ts'
import type { Site } from './site.ts'
import type { StatePaths } from './state.ts'

/** PEM of the authority of the site's certificate, where the world does not know it. */
export function siteAuthority({ authority }: Pick<StatePaths, 'authority'>): string | undefined {
  return existsSync(authority) ? readFileSync(authority, 'utf8') : undefined
}

/**
 * Lays down whose certificate the site has: its authority for those who connect (`given`: of a certificate that was
 * given), and a certificate of the site's own authority where it has one.
 */
export async function keepCertificate(
  { tls, domain }: Pick<Site, 'tls' | 'domain'>,
  paths: StatePaths,
  given: string | undefined,
  now: Date,
): Promise<void> {
  const own = tls === 'local-ca' ? await ensureOwnCertificate(paths.folder, domain, now) : undefined
  const authority = own?.authority ?? (tls === 'given' ? given : undefined)
  if (authority === undefined) rmSync(paths.authority, { force: true })
  else replaceFile(paths.authority, authority)
  if (own === undefined) return
  const { tls: secret } = secretNames
  addGivenSecrets(paths.folder, { [`${secret}/tls.crt`]: own.cert, [`${secret}/tls.key`]: own.key })
}
