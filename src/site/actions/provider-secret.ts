import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import { secret } from '../manifests.ts'
import type { CloudControl } from '../operator.ts'

const input = z.strictObject({
  /** As in `catalog/providers/`. */
  provider: z.string().min(1),
  cluster: z.string().min(1),
  namespace: z.string().min(1),
})

export type ProviderSecretInput = z.infer<typeof input>

/** Mounted into the engine alone. */
export const providerSecret = 'cloudmgr-provider'

export const providerSecretRef = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  name: providerSecret,
  namespace,
})

/** How the engine in the cluster orders nodes: the provider's address and a token that is good for that alone. */
export function providerSecretAction(parts: {
  readonly cloud: Pick<CloudControl, 'gateway'>
  readonly kubernetes: Kubernetes
}): Action<ProviderSecretInput> {
  const { cloud, kubernetes } = parts
  return {
    name: 'provider-secret',
    input,
    locks: ({ namespace }) => [`kubernetes:Secret/${namespace}/${providerSecret}`],
    observe: async ({ namespace }) => {
      const found = await kubernetes.find(providerSecretRef(namespace))
      return { state: found === undefined ? 'absent' : 'present' }
    },
    ensure: async ({ provider, cluster, namespace }) => {
      const { url, ca, token } = await cloud.gateway()
      await kubernetes.apply(secret(namespace, providerSecret, { provider, cluster, endpoint: url, ca, token }))
      return { changed: true, message: `Secret ${namespace}/${providerSecret} names ${url}` }
    },
    remove: async ({ namespace }) => {
      const changed = await kubernetes.delete(providerSecretRef(namespace))
      return { changed, message: changed ? 'removed' : 'already absent' }
    },
  }
}
