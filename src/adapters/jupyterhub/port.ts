export interface HubServer {
  /** Empty for the user's default server. */
  readonly name: string
  readonly state: 'ready' | 'starting' | 'stopping' | 'stopped'
  readonly url: string | undefined
}

export interface HubUser {
  readonly name: string
  readonly admin: boolean
  readonly servers: readonly HubServer[]
}

/**
 * JupyterHub's REST API, with the scopes `admin:users`, `admin:servers` and `list:users`; only an administrator's token makes
 * administrators.
 *
 * Errors: `unavailable/jupyterhub-unreachable`, `forbidden/jupyterhub-forbidden` (the token), `not-found/jupyterhub-not-found`
 * (no such user), `invalid/jupyterhub-refused` (with the hub's text).
 */
export interface Jupyterhub {
  /** False when it was so already. */
  ensureUser(name: string, options?: { admin?: boolean }): Promise<boolean>
  findUser(name: string): Promise<HubUser | undefined>
  listUsers(): Promise<readonly HubUser[]>
  /** Asks for the user's default server; false when it runs or is on its way. Look at `findUser` for the outcome. */
  startServer(name: string): Promise<boolean>
  /** Asks for the end of all servers of the user; false when none runs. Look at `findUser` for the outcome. */
  stopServers(name: string): Promise<boolean>
  /** Of a user whose servers are stopped; with one that runs, the hub stops it first and may ask to be called again (`unavailable`). */
  deleteUser(name: string): Promise<boolean>
}
