import { setTimeout } from 'node:timers/promises'
import { AppError } from '../../base/errors.ts'
import type { HubServer, HubUser, Jupyterhub } from './port.ts'

export interface JupyterhubOptions {
  /** Of the hub, for example `http://jupyterhub:8081`. */
  readonly url: string
  readonly token: string
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

interface Answer {
  readonly status: number
  readonly body: unknown
}

const TIMEOUT_MS = 30_000
const STRANGER_PAUSES_MS = [200, 800, 3000]

/** The real one, by HTTP. */
export function createJupyterhub(options: JupyterhubOptions): Jupyterhub {
  const send = (method: Method, path: string, body?: unknown): Promise<Answer> =>
    askKnown(async () => await request(options, method, path, body))
  const findUser: Jupyterhub['findUser'] = async (name) => {
    const answer = await send('GET', `/users/${encodeURIComponent(name)}`)
    if (answer.status === 404) return undefined
    return userOf(checked(answer, `looking for user ${name}`) as RawUser)
  }
  return {
    findUser,
    listUsers: async () => {
      const users: HubUser[] = []
      for (;;) {
        const page = checked(await send('GET', `/users?offset=${users.length}&limit=200`), 'listing users') as RawUser[]
        users.push(...page.map(userOf))
        if (page.length < 200) return users
      }
    },
    ensureUser: async (name, { admin = false } = {}) => {
      const found = await findUser(name)
      if (found?.admin === admin) return false
      const answer =
        found === undefined
          ? await send('POST', '/users', { usernames: [name], admin })
          : await send('PATCH', `/users/${encodeURIComponent(name)}`, { admin })
      // 409: somebody made it at the same moment.
      if (answer.status !== 409) checked(answer, `making user ${name}`)
      return true
    },
    startServer: async (name) => {
      const answer = await send('POST', `/users/${encodeURIComponent(name)}/server`)
      if (answer.status === 400 && /already|pending/i.test(textOf(answer))) return false
      checked(answer, `starting the server of ${name}`)
      return true
    },
    stopServers: async (name) => {
      const running = (await findUser(name))?.servers.filter(({ state }) => state !== 'stopped') ?? []
      for (const server of running) {
        const path = server.name === '' ? 'server' : `servers/${encodeURIComponent(server.name)}`
        const answer = await send('DELETE', `/users/${encodeURIComponent(name)}/${path}`)
        if (answer.status !== 404) checked(answer, `stopping a server of ${name}`)
      }
      return running.length > 0
    },
    deleteUser: async (name) => {
      const answer = await send('DELETE', `/users/${encodeURIComponent(name)}`)
      if (answer.status === 404) return false
      if (answer.status === 400 && /process of stopping|pending/i.test(textOf(answer))) {
        throw new AppError('unavailable', 'jupyterhub-busy', `the server of ${name} is still stopping`, {
          cause: new Error(textOf(answer)),
        })
      }
      checked(answer, `deleting user ${name}`)
      return true
    },
  }
}

interface RawUser {
  readonly name: string
  readonly admin: boolean
  readonly pending?: string | null
  readonly server?: string | null
  readonly servers?: Readonly<
    Record<string, { name: string; ready: boolean; pending: string | null; stopped?: boolean; url?: string }>
  >
}

function userOf(raw: RawUser): HubUser {
  return { name: raw.name, admin: raw.admin, servers: Object.values(raw.servers ?? {}).map(serverOf) }
}

function serverOf(raw: {
  name: string
  ready: boolean
  pending: string | null
  stopped?: boolean
  url?: string
}): HubServer {
  const state =
    raw.pending === 'stop' ? 'stopping' : raw.ready ? 'ready' : raw.pending === 'spawn' ? 'starting' : 'stopped'
  return { name: raw.name, state, url: raw.url }
}

/**
 * A hub whose database connection broke answers as if nobody had signed in, and connects anew for the next request
 * (JupyterHub 6.1, `BaseHandler.prepare`). Only an answer that stays is about the token.
 */
async function askKnown(ask: () => Promise<Answer>): Promise<Answer> {
  for (const pauseMs of STRANGER_PAUSES_MS) {
    const answer = await ask()
    if (answer.status !== 403 || !/missing or invalid credentials/i.test(textOf(answer))) return answer
    await setTimeout(pauseMs)
  }
  return await ask()
}

async function request(options: JupyterhubOptions, method: Method, path: string, body?: unknown): Promise<Answer> {
  try {
    const response = await fetch(`${options.url.replace(/\/$/, '')}/hub/api${path}`, {
      method,
      headers: {
        authorization: `token ${options.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    return { status: response.status, body: parse(text) }
  } catch (cause) {
    throw new AppError('unavailable', 'jupyterhub-unreachable', `asking JupyterHub at ${options.url}`, { cause })
  }
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    // A proxy's page.
    return { message: text.slice(0, 200) }
  }
}

function textOf({ status, body }: Answer): string {
  const message = (body as { message?: unknown } | undefined)?.message
  return typeof message === 'string' ? message : `HTTP status ${status}`
}

function checked(answer: Answer, attempted: string): unknown {
  if (answer.status < 300) return answer.body
  const cause = new Error(textOf(answer))
  const message = `JupyterHub: ${attempted}`
  if (answer.status === 401 || answer.status === 403)
    throw new AppError('forbidden', 'jupyterhub-forbidden', message, { cause })
  if (answer.status === 404) throw new AppError('not-found', 'jupyterhub-not-found', message, { cause })
  if (answer.status >= 500 || answer.status === 429)
    throw new AppError('unavailable', 'jupyterhub-unreachable', message, { cause })
  throw new AppError('invalid', 'jupyterhub-refused', message, { cause })
}
