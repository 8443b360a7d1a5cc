import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { AppError } from '../../base/errors.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  url: z.url(),
  /** Where its name must lead to. */
  address: z.string().min(1),
  /** Of a first start with its certificate; people may have to make a DNS record meanwhile. */
  timeoutSeconds: z.int().min(1).max(7200).default(1800),
})

export interface RancherReadyDeps {
  readonly rancher: Rancher
  readonly sleep: Sleep
  readonly now: () => number
}

/** Ends when a new Rancher answers under its name, with a certificate that the world knows. */
export function rancherReadyAction({ rancher, sleep, now }: RancherReadyDeps): Action<z.infer<typeof input>> {
  return {
    name: 'rancher-ready',
    input,
    locks: () => [],
    observe: async ({ url }, { signal }) => {
      const detail = await rancher.missing(url, signal)
      return detail === undefined ? { state: 'present' } : { state: 'different', detail }
    },
    ensure: async ({ url, address, timeoutSeconds }, context) => {
      const deadline = now() + timeoutSeconds * 1000
      const right = `${new URL(url).hostname} must lead to ${address}`
      for (;;) {
        const missing = await rancher.missing(url, context.signal)
        if (missing === undefined) break
        if (now() >= deadline) {
          const text = `Rancher is not there after ${timeoutSeconds} s: ${missing}; ${right}, then ./cloudmgr up goes on`
          throw new AppError('conflict', 'rancher-not-ready', text, { details: { right } })
        }
        context.waiting(`${missing}; ${right}`)
        await sleep(2000, context.signal)
      }
      context.waiting(undefined)
      return { changed: false, message: `${url} answers` }
    },
    remove: async () => ({ changed: false, message: 'nothing of its own' }),
  }
}
