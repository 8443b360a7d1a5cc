import { AppError } from '../../base/errors.ts'
import type { HubUser, Jupyterhub } from './port.ts'

/** What a fake hub knows, so that it can be kept. */
export type JupyterhubMemory = Map<string, { admin: boolean; isRunning: boolean }>

/** A hub in memory whose servers start and stop at once. */
export function createFakeJupyterhub(users: JupyterhubMemory = new Map()): Jupyterhub {
  const view = (name: string, { admin, isRunning }: { admin: boolean; isRunning: boolean }): HubUser => ({
    name,
    admin,
    servers: isRunning ? [{ name: '', state: 'ready', url: `/user/${name}/` }] : [],
  })
  const existing = (name: string): { admin: boolean; isRunning: boolean } => {
    const found = users.get(name)
    if (found === undefined) throw new AppError('not-found', 'jupyterhub-not-found', `JupyterHub: no user ${name}`)
    return found
  }
  return {
    ensureUser: async (name, { admin = false } = {}) => {
      const found = users.get(name)
      if (!/^[a-z][a-z0-9]{2,29}$/.test(name))
        throw new AppError(
          'invalid',
          'jupyterhub-refused',
          `JupyterHub: making user ${name}: Invalid username: ${name}`,
        )
      users.set(name, { isRunning: found?.isRunning ?? false, admin })
      return found?.admin !== admin
    },
    findUser: async (name) => {
      const found = users.get(name)
      return found && view(name, found)
    },
    listUsers: async () => [...users].map(([name, user]) => view(name, user)),
    startServer: async (name) => {
      const user = existing(name)
      users.set(name, { ...user, isRunning: true })
      return !user.isRunning
    },
    stopServers: async (name) => {
      const user = users.get(name)
      if (user?.isRunning !== true) return false
      users.set(name, { ...user, isRunning: false })
      return true
    },
    deleteUser: async (name) => users.delete(name),
  }
}
