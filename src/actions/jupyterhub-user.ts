import { z } from 'zod'
import type { Jupyterhub } from '../adapters/jupyterhub/port.ts'
import type { Clock } from '../base/clock.ts'
import type { Action } from './action.ts'
import { stopServers } from './jupyterhub-servers.ts'

const input = z.strictObject({
  /** JupyterHub lower-cases names: so must they be. */
  user: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a user of JupyterHub is named by lower-case letters and digits'),
  admin: z.boolean().default(false),
  timeoutSeconds: z.number().int().min(1).max(3600).default(120),
})

export type JupyterhubUserInput = z.infer<typeof input>

export interface JupyterhubUserParts {
  readonly jupyterhub: Jupyterhub
  readonly clock: Clock
}

/** A user of JupyterHub; its removal stops its notebook servers first. */
export function jupyterhubUser({ jupyterhub, clock }: JupyterhubUserParts): Action<JupyterhubUserInput> {
  return {
    name: 'jupyterhub-user',
    input,
    locks: ({ user }) => [`jupyterhub:${user}`],
    things: ({ user }) => [{ system: 'jupyterhub', kind: 'user', name: user }],
    observe: async ({ user, admin }) => {
      const found = await jupyterhub.findUser(user)
      if (found === undefined) return { state: 'absent' }
      if (found.admin === admin) return { state: 'present' }
      return { state: 'different', detail: `${user} is ${found.admin ? 'an' : 'no'} administrator` }
    },
    ensure: async ({ user, admin }) => {
      const changed = await jupyterhub.ensureUser(user, { admin })
      const outputs = { path: `/user/${user}/` }
      return { changed, message: changed ? `user ${user} made` : 'already as wanted', outputs }
    },
    remove: async ({ user, timeoutSeconds }, context) => {
      await stopServers({ jupyterhub, clock }, user, timeoutSeconds * 1000, context)
      const changed = await jupyterhub.deleteUser(user)
      return changed ? { changed, message: `user ${user} deleted` } : { changed, message: 'already absent' }
    },
  }
}
