import { AppError } from '../../base/errors.ts'
import { chooseContext } from '../kubeconfig-choice.ts'
import { fieldName } from '../../catalog/load.ts'
import { certificatesOf } from './certificate.ts'
import type { CheckedFile } from './check.ts'
import { type GivenSecrets, readCloudSecrets, type SecretSources } from './secret-values.ts'

/** What the site's own steps sign in with; of a kubeconfig the context that is meant, and nothing else. */
export async function cloudSecretsOf(file: CheckedFile, sources: SecretSources): Promise<GivenSecrets> {
  const found = await readCloudSecrets(file, sources)
  checkReceivers(file, found)
  checkRegistry(file, found)
  checkEncryptionKey(file, found)
  const { provider, rancher } = file.site
  const chosen: Record<string, string> = {}
  if (provider.kind === 'existing' && found['kubeconfig'] !== undefined)
    chosen['kubeconfig'] = chooseContext(found['kubeconfig'], provider.context)
  if (rancher.kind === 'create' && found['rancher-kubeconfig'] !== undefined)
    chosen['rancher-kubeconfig'] = chooseContext(
      found['rancher-kubeconfig'],
      rancher.cluster?.context,
      'rancher.cluster',
    )
  return { ...found, ...chosen }
}

/** Alertmanager would refuse all receivers for one that is wrong, long after. Never with the value: it is a secret. */
function checkReceivers({ site, path, lineOf }: CheckedFile, found: GivenSecrets): void {
  const { receivers } = site.monitoring
  for (const [index, { kind }] of receivers.entries()) {
    const value = found[`receiver-${index}`]
    if (value === undefined) continue
    const field = kind === 'pagerduty' ? 'key' : 'url'
    const right =
      kind === 'pagerduty' ? 'an integration key: letters and digits' : 'an address with https:// or http://'
    const isRight = kind === 'pagerduty' ? /^[A-Za-z0-9_-]+$/.test(value) : isWebAddress(value)
    if (isRight) continue
    const at = ['monitoring', 'receivers', index, field]
    const text = `${path}:${lineOf(at) ?? 1}: ${fieldName(at)}: what it leads to is no ${kind === 'pagerduty' ? 'key' : 'address'}; right is ${right}`
    throw new AppError('invalid', 'receiver-invalid', text, { details: { file: path, field: fieldName(at), right } })
  }
}

/** Programs would take the file for no authority at all, and refuse the registry. */
function checkRegistry({ path, lineOf }: CheckedFile, found: GivenSecrets): void {
  const ca = found['registry-ca']
  if (ca === undefined || certificatesOf(ca).length > 0) return
  const right = 'PEM text, `-----BEGIN CERTIFICATE-----`'
  const text = `${path}:${lineOf(['images', 'ca']) ?? 1}: images.ca: no certificate is in it; right is ${right}`
  throw new AppError('invalid', 'registry-ca-invalid', text, { details: { file: path, field: 'images.ca', right } })
}

/** Backups could not be written with another one, and nobody would hear of it before one is needed. */
function checkEncryptionKey({ path, lineOf }: CheckedFile, found: GivenSecrets): void {
  const key = found['rancher-backup-encryption-key']
  if (key === undefined || Buffer.from(key, 'base64').length === 32) return
  const at = ['rancher', 'cluster', 'backup', 'encryptionKey']
  const right = '32 bytes in base64, as openssl rand -base64 32 makes them'
  const text = `${path}:${lineOf(at) ?? 1}: ${fieldName(at)}: what it leads to is no such key; right is ${right}`
  throw new AppError('invalid', 'backup-key-invalid', text, { details: { file: path, field: fieldName(at), right } })
}

function isWebAddress(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '') && !/\s/.test(text)
}
