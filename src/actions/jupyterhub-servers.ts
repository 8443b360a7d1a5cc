import { z } from 'zod'
import type { Jupyterhub } from '../adapters/jupyterhub/port.ts'
import type { Readiness } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import type { Action, ActionContext } from './action.ts'
import { waitUntil } from './wait-until.ts'

const input = z.strictObject({
  user: z.string().min(1),
  /** False: none of its servers runs. Whether one may start is a matter of the account's settings. */
  running: z.boolean(),
  timeoutSeconds: z.number().int().min(1).max(3600).default(120),
})

export type JupyterhubServersInput = z.infer<typeof input>

export interface JupyterhubServersParts {
  readonly jupyterhub: Jupyterhub
  readonly clock: Clock
}

/** Stops a user's notebook servers; starting is left to the user, so nothing of it is to be taken away. */
export function jupyterhubServers(parts: JupyterhubServersParts): Action<JupyterhubServersInput> {
  return {
    name: 'jupyterhub-servers',
    input,
    locks: ({ user }) => [`jupyterhub:${user}`],
    observe: async ({ user, running }) => {
      if (running) return { state: 'absent', detail: 'servers are started by their user' }
      const server = await runningServer(parts.jupyterhub, user)
      return server === undefined ? { state: 'present' } : { state: 'different', detail: `a server is ${server.state}` }
    },
    ensure: async ({ user, running, timeoutSeconds }, context) => {
      if (running) return { changed: false, message: 'already as wanted' }
      const changed = await stopServers(parts, user, timeoutSeconds * 1000, context)
      return { changed, message: changed ? `the servers of ${user} are stopped` : 'already as wanted' }
    },
    remove: async () => ({ changed: false, message: 'nothing to remove: servers go on as they are' }),
  }
}

/** Resolves when none runs; false when none did. Asks again for those that were on their way. */
export async function stopServers(
  { jupyterhub, clock }: JupyterhubServersParts,
  user: string,
  timeoutMs: number,
  context: ActionContext,
): Promise<boolean> {
  if (!(await jupyterhub.stopServers(user))) return false
  const check = async (): Promise<Readiness> => {
    const server = await runningServer(jupyterhub, user)
    if (server === undefined) return { state: 'ready', reason: 'stopped' }
    if (server.state !== 'stopping') await jupyterhub.stopServers(user)
    return { state: 'waiting', reason: `it is ${server.state}` }
  }
  await waitUntil({ what: `the notebook servers of ${user} to stop`, timeoutMs, check }, clock, context)
  return true
}

async function runningServer(jupyterhub: Jupyterhub, user: string) {
  return (await jupyterhub.findUser(user))?.servers.find(({ state }) => state !== 'stopped')
}
