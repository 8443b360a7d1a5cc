import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import { type HcloudJoin, hcloudJoining } from '../../clusters/hcloud-nodepool-root.ts'
import { secret } from '../manifests.ts'
import { clusterKeysIn } from '../site-keys.ts'
import { providerSecret, providerSecretRef } from './provider-secret.ts'

const input = z.strictObject({
  cluster: z.string().min(1),
  namespace: z.string().min(1),
  /** Output of module hcloud-cluster. */
  joining: hcloudJoining,
})

export type ProviderHcloudInput = z.infer<typeof input>

/** How the engine in the cluster orders machines at Hetzner: a token, and what lets them join. */
export function providerHcloudAction(parts: {
  readonly kubernetes: Kubernetes
  /** Of the site file, and those made here. */
  readonly secrets: () => Readonly<Record<string, string>>
}): Action<ProviderHcloudInput> {
  const { kubernetes, secrets } = parts
  const manifest = ({ cluster, namespace, joining }: ProviderHcloudInput) => {
    const { token = '', 'cluster-token': own = token } = secrets()
    const join: HcloudJoin = { joining, agentToken: clusterKeysIn(secrets(), 'cluster-keys').agent_token }
    const settings = JSON.stringify(join)
    return secret(namespace, providerSecret, { provider: 'hcloud', cluster, token: own, settings })
  }
  return {
    name: 'provider-hcloud',
    input,
    locks: ({ namespace }) => [`kubernetes:Secret/${namespace}/${providerSecret}`],
    observe: async (wanted) => ({ state: await kubernetes.compare(manifest(wanted)) }),
    ensure: async (wanted) => {
      const applied = await kubernetes.apply(manifest(wanted))
      const text = `Secret ${wanted.namespace}/${providerSecret} lets machines join`
      return { changed: applied !== 'unchanged', message: applied === 'unchanged' ? 'already as wanted' : text }
    },
    remove: async ({ namespace }) => {
      const changed = await kubernetes.delete(providerSecretRef(namespace))
      return { changed, message: changed ? 'removed' : 'already absent' }
    },
  }
}
