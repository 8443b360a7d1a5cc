import { AppError } from '../../base/errors.ts'
import type { Jupyterhub } from './port.ts'

/** Of a site without notebooks: accounts need no user there, and nothing is ever found or started. */
export function createNoJupyterhub(): Jupyterhub {
  return {
    ensureUser: async () => false,
    findUser: async () => undefined,
    listUsers: async () => [],
    startServer: async (name) => {
      throw new AppError(
        'not-found',
        'jupyterhub-not-found',
        `starting a server of ${name}: this site has no JupyterHub`,
      )
    },
    stopServers: async () => false,
    deleteUser: async () => false,
  }
}
