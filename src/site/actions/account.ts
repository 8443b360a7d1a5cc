import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { AppError } from '../../base/errors.ts'
import type { SiteSecrets } from '../secrets.ts'
import type { Credential, ServiceApi } from '../service-api.ts'
import { type Sleep, waitUntilActive } from '../service-wait.ts'
import { adminKey } from './bootstrap-accounts.ts'

const input = z.strictObject({
  userid: z.string().min(1),
  email: z.string().min(1),
  password: z.string().min(1),
})

export type AccountInput = z.infer<typeof input>

export interface AccountDeps {
  readonly connect: (credential: Credential) => ServiceApi
  readonly secrets: () => SiteSecrets
  readonly store: (keys: { demoApikey: string }) => void
  readonly sleep: Sleep
}

/**
 * The demo account, ready to be used. Its key is told when it is made, and kept in the site's secrets; later nobody but
 * the account itself is told it.
 */
export function accountAction(deps: AccountDeps): Action<AccountInput> {
  const asAdmin = () => deps.connect(adminKey(deps.secrets()))
  return {
    name: 'account',
    input,
    locks: ({ userid }) => [`account:${userid}`],
    observe: async ({ userid }) => {
      const found = await asAdmin().findAccount(userid)
      return found === undefined ? { state: 'absent' } : { state: 'present', detail: found.status }
    },
    ensure: async ({ userid, email, password }, context) => {
      const api = asAdmin()
      const found = await api.findAccount(userid)
      const known = found !== undefined && found.status !== 'removed'
      if (!known) deps.store({ demoApikey: (await api.createAccount({ userid, email, password })).apikey })
      else if (!(await keyWorks(deps, userid))) deps.store({ demoApikey: await keyByPassword(api, userid, password) })
      await waitUntilActive(api, userid, deps.sleep, context)
      return known ? { changed: false, message: 'already as wanted' } : { changed: true, message: `${userid} is ready` }
    },
    // Accounts are rows of the service: they stay with its database.
    remove: async () => ({ changed: false, message: 'kept with the database' }),
  }
}

/** Whether the key that was kept still signs in. */
async function keyWorks({ connect, secrets }: AccountDeps, userid: string): Promise<boolean> {
  const { demoApikey: apikey } = secrets()
  if (apikey === undefined) return false
  try {
    return (await connect({ kind: 'apikey', userid, apikey }).findAccount(userid)) !== undefined
  } catch (cause) {
    if (cause instanceof AppError && cause.kind === 'unauthenticated') return false
    throw cause
  }
}

/** After a crash before the key was kept, and when it was rotated. */
async function keyByPassword(api: ServiceApi, userid: string, password: string): Promise<string> {
  const apikey = await api.ownApikey({ userid, password })
  if (apikey !== undefined) return apikey
  throw new AppError(
    'conflict',
    'account-key-unknown',
    `account ${userid} has another key and another password than this site gave it, and is told them alone: remove it (./cloudmgr account remove ${userid}) and run ./cloudmgr up, which makes it anew`,
  )
}
