import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import { type HcloudJoin, hcloudJoining } from '../../clusters/hcloud-nodepool-root.ts'
import { clusterKeysIn } from '../site-keys.ts'
import { providerSecretMethods } from './provider-secret.ts'

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
  const methods = providerSecretMethods<ProviderHcloudInput>(
    kubernetes,
    async ({ cluster, joining }) => {
      const { token = '', 'cluster-token': own = token } = secrets()
      const join: HcloudJoin = { joining, agentToken: clusterKeysIn(secrets(), 'cluster-keys').agent_token }
      return { provider: 'hcloud', cluster, token: own, settings: JSON.stringify(join) }
    },
    () => 'lets machines join',
  )
  return { name: 'provider-hcloud', input, ...methods }
}
