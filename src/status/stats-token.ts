import type { Kubernetes, ServiceToken } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'

/** A token that ends sooner than this is not used any more. */
const LEFT_MS = 120_000

/** Gives the account's token, and asks for a new one in time. */
export function keepToken(
  kubernetes: Pick<Kubernetes, 'serviceToken'>,
  account: { readonly namespace: string; readonly name: string },
  clock: Clock,
): () => Promise<string> {
  let asking: Promise<ServiceToken> | undefined
  let kept: ServiceToken | undefined
  return async () => {
    if (kept !== undefined && kept.expiresAt - clock.now() > LEFT_MS) return kept.token
    // All nodes are asked at once: one token is enough for them.
    asking ??= kubernetes.serviceToken(account).finally(() => {
      asking = undefined
    })
    kept = await asking
    return kept.token
  }
}
