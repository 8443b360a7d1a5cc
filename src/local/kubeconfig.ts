import { stringify } from 'yaml'
import type { Credential } from '../base/certificate.ts'

export interface ApiAccess {
  readonly server: string
  /** Certificate of the authority, PEM. */
  readonly ca: string
  readonly credential: Credential
}

/** A kubeconfig that holds everything itself, so that it works wherever it is copied. */
export function kubeconfig(name: string, { server, ca, credential }: ApiAccess): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      { name, user: { 'client-certificate-data': base64(credential.cert), 'client-key-data': base64(credential.key) } },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
