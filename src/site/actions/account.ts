import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { ServiceApi } from '../service-api.ts'
import { type Sleep, waitUntilActive } from '../service-wait.ts'

const input = z.strictObject({
  userid: z.string().min(1),
  email: z.string().min(1),
  password: z.string().min(1),
})

export type AccountInput = z.infer<typeof input>

export interface AccountDeps {
  /** As the admin. */
  api(): ServiceApi
  store(keys: { demoApikey: string }): void
  sleep: Sleep
}

/** The demo account, ready to be used; its key is kept in the site's secrets. */
export function accountAction(deps: AccountDeps): Action<AccountInput> {
  return {
    name: 'account',
    input,
    locks: ({ userid }) => [`account:${userid}`],
    observe: async ({ userid }) => {
      const found = await deps.api().findAccount(userid)
      return found === undefined ? { state: 'absent' } : { state: 'present', detail: found.status }
    },
    ensure: async ({ userid, email, password }, context) => {
      const api = deps.api()
      const found = await api.findAccount(userid)
      const known = found !== undefined && found.status !== 'removed'
      if (!known) await api.createAccount({ userid, email, password })
      // Asked for every time: the key may have been rotated.
      deps.store({ demoApikey: await api.apikeyOf(userid) })
      await waitUntilActive(api, userid, deps.sleep, context)
      return known ? { changed: false, message: 'already as wanted' } : { changed: true, message: `${userid} is ready` }
    },
    // Accounts are rows of the service: they stay with its database.
    remove: async () => ({ changed: false, message: 'kept with the database' }),
  }
}
