import type { Manifest } from '../adapters/kubernetes/port.ts'
import { hostOf, type RegistryLogin } from '../images/registry.ts'
import { secretLabels } from './manifests.ts'

export const pullSecretName = 'site-registry'

/** What nodes sign in at the registry with. */
export function pullSecret(namespace: string, registry: string, login: RegistryLogin): Manifest {
  const { username, password } = login
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  const config = JSON.stringify({ auths: { [hostOf(registry)]: { username, password, auth } } })
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: pullSecretName, namespace, labels: secretLabels },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  }
}
