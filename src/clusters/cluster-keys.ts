import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { type Credential, createAuthority, issueCertificate } from '../base/certificate.ts'
import { randomWord } from '../base/secrets.ts'

/**
 * What a k3s cluster of plain machines is begun with: made here and not by its first machine, so that its kubeconfig is
 * known without signing in there. The shape is that of variable `keys` of module hcloud-cluster. All of it is secret.
 */
export interface ClusterKeys {
  /** Of machines of the control plane. */
  readonly token: string
  /** Of the others: whoever has it can't join the control plane. */
  readonly agent_token: string
  /** By file name below k3s' folder `server/tls`. */
  readonly files: Readonly<Record<string, string>>
  readonly admin_crt: string
  readonly admin_key: string
}

/** By file name, without ending. k3s uses files that are there before its first start, and makes none of its own. */
const authorities = ['server-ca', 'client-ca', 'request-header-ca', 'etcd/peer-ca', 'etcd/server-ca'] as const
const authorityDays = 3650
const adminDays = 365

export async function makeClusterKeys(now: Date): Promise<ClusterKeys> {
  const validity = { from: now, days: authorityDays }
  const files: Record<string, string> = { 'service.key': serviceKey() }
  for (const name of authorities) {
    const { cert, key } = await createAuthority(`k3s-${name.replace('/', '-')}`, validity)
    files[`${name}.crt`] = cert
    files[`${name}.key`] = asK3s(key)
  }
  const admin = await adminOf(files, now)
  return { token: randomWord(48), agent_token: randomWord(48), files, admin_crt: admin.cert, admin_key: admin.key }
}

/** Another certificate for the administrator, valid for a year from `now`. The cluster notices nothing. */
export async function renewAdmin(keys: ClusterKeys, now: Date): Promise<ClusterKeys> {
  const { cert, key } = await adminOf(keys.files, now)
  return { ...keys, admin_crt: cert, admin_key: key }
}

function adminOf(files: Readonly<Record<string, string>>, now: Date): Promise<Credential> {
  const key = createPrivateKey(files['client-ca.key'] ?? '').export({ type: 'pkcs8', format: 'pem' })
  const authority = { cert: files['client-ca.crt'] ?? '', key: String(key) }
  const identity = { commonName: 'cloudmgr-admin', organization: 'system:masters' }
  return issueCertificate(authority, identity, { from: now, days: adminDays })
}

/** In the form in which k3s writes such keys itself. */
function asK3s(key: string): string {
  return String(createPrivateKey(key).export({ type: 'sec1', format: 'pem' }))
}

/** Signs the service accounts' tokens. RSA, as k3s' own. */
function serviceKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return String(privateKey.export({ type: 'pkcs1', format: 'pem' }))
}
