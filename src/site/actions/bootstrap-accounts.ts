import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { AppError } from '../../base/errors.ts'
import type { SiteSecrets } from '../secrets.ts'
import type { Credential, FirstAccounts, ServiceApi } from '../service-api.ts'
import { type Sleep, waitUntilActive, waitUntilHealthy } from '../service-wait.ts'

const input = z.strictObject({ domain: z.string().min(1) })

export type BootstrapInput = z.infer<typeof input>

export interface BootstrapDeps {
  connect(credential: Credential): ServiceApi
  secrets(): SiteSecrets
  sleep: Sleep
}

/** The accounts that must exist before anything else works: the admin, and the machines that sign in. */
export function firstAccounts(secrets: SiteSecrets, domain: string): FirstAccounts {
  const { adminPassword, adminApikey, omworkerApikey, jyadminApikey } = secrets
  return {
    admin: { email: `admin@${domain}`, password: adminPassword, apikey: adminApikey },
    omworker: { email: `omworker@${domain}`, apikey: omworkerApikey },
    jyadmin: { email: `jyadmin@${domain}`, apikey: jyadminApikey },
  }
}

/** Makes the first accounts with the bootstrap key and ends its power; later the admin's key is used. */
export function bootstrapAccountsAction(deps: BootstrapDeps): Action<BootstrapInput> {
  return {
    name: 'bootstrap-accounts',
    input,
    locks: () => ['accounts'],
    observe: async () => ((await adminWorks(deps)) ? { state: 'present' } : { state: 'absent' }),
    ensure: async ({ domain }, context) => {
      const secrets = deps.secrets()
      const asBootstrap = deps.connect({ kind: 'bootstrap', key: secrets.bootstrapKey })
      await waitUntilHealthy(asBootstrap, deps.sleep, context)
      const known = await adminWorks(deps)
      if (!known) await asBootstrap.bootstrap(firstAccounts(secrets, domain))
      const asAdmin = deps.connect(adminKey(secrets))
      // Also after a crash between the two: revoking twice is harmless.
      await asAdmin.revokeBootstrap()
      await waitUntilActive(asAdmin, 'omworker', deps.sleep, context)
      return known
        ? { changed: false, message: 'already as wanted' }
        : { changed: true, message: 'admin, omworker, jyadmin made; the bootstrap key is revoked' }
    },
    // Accounts are rows of the service: they stay with its database.
    remove: async () => ({ changed: false, message: 'kept with the database' }),
  }
}

async function adminWorks(deps: BootstrapDeps): Promise<boolean> {
  try {
    return (await deps.connect(adminKey(deps.secrets())).findAccount('admin')) !== undefined
  } catch (cause) {
    if (cause instanceof AppError && ['unauthenticated', 'forbidden'].includes(cause.kind)) return false
    throw cause
  }
}

export function adminKey(secrets: SiteSecrets): Credential {
  return { kind: 'apikey', userid: 'admin', apikey: secrets.adminApikey }
}
