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

interface Placed {
  readonly namespace: string
}

/** What an action does whose one thing is that Secret, made of `content`; `tells` ends the sentence of what it does. */
export function providerSecretMethods<Input extends Placed>(
  kubernetes: Kubernetes,
  content: (wanted: Input) => Promise<Readonly<Record<string, string>>>,
  tells: (wanted: Input) => string,
): Pick<Action<Input>, 'locks' | 'observe' | 'ensure' | 'remove'> {
  const ref = ({ namespace }: Input) => ({ apiVersion: 'v1', kind: 'Secret', name: providerSecret, namespace })
  const manifest = async (wanted: Input) => secret(wanted.namespace, providerSecret, await content(wanted))
  return {
    locks: ({ namespace }) => [`kubernetes:Secret/${namespace}/${providerSecret}`],
    observe: async (wanted) => {
      // A removal is looked at when what the content comes from may be gone.
      if ((await kubernetes.find(ref(wanted))) === undefined) return { state: 'absent' }
      return { state: await kubernetes.compare(await manifest(wanted)) }
    },
    ensure: async (wanted) => {
      const changed = (await kubernetes.apply(await manifest(wanted))) !== 'unchanged'
      const text = `Secret ${wanted.namespace}/${providerSecret} ${tells(wanted)}`
      return { changed, message: changed ? text : 'already as wanted' }
    },
    remove: async (wanted) => {
      const changed = await kubernetes.delete(ref(wanted))
      return { changed, message: changed ? 'removed' : 'already absent' }
    },
  }
}

/** How the engine in the cluster orders nodes: the provider's address and a token that is good for that alone. */
export function providerSecretAction(parts: {
  readonly cloud: Pick<CloudControl, 'gateway'>
  readonly kubernetes: Kubernetes
}): Action<ProviderSecretInput> {
  const { cloud, kubernetes } = parts
  const methods = providerSecretMethods<ProviderSecretInput>(
    kubernetes,
    async ({ provider, cluster }) => {
      const { url, ca, token } = await cloud.gateway()
      return { provider, cluster, endpoint: url, ca, token }
    },
    ({ cluster }) => `lets the engine order nodes of ${cluster}`,
  )
  return { name: 'provider-secret', input, ...methods }
}
