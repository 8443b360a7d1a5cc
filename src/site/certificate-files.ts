import { existsSync, readFileSync, rmSync } from 'node:fs'
import { secretNames } from './file/secret-names.ts'
import { ensureOwnCertificate } from './own-certificate.ts'
import { addGivenSecrets, dropGivenSecret, replaceFile } from './secrets.ts'
import { type Site, tlsOf } from './site.ts'
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
  site: Pick<Site, 'tls' | 'listen' | 'domain'>,
  paths: StatePaths,
  given: string | undefined,
  now: Date,
): Promise<void> {
  const tls = tlsOf(site)
  const own = tls === 'local-ca' ? await ensureOwnCertificate(paths.folder, site.domain, now) : undefined
  const authority = own?.authority ?? (tls === 'given' ? given : undefined)
  if (authority === undefined) rmSync(paths.authority, { force: true })
  else replaceFile(paths.authority, authority)
  const { tls: secret } = secretNames
  if (own !== undefined)
    addGivenSecrets(paths.folder, { [`${secret}/tls.crt`]: own.cert, [`${secret}/tls.key`]: own.key })
  else if (tls === undefined) dropGivenSecret(paths.folder, secret)
}
