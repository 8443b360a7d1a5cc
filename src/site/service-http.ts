import { AppError, type ErrorKind } from '../base/errors.ts'
import { serverEvents } from './events.ts'
import { type HttpAnswer, sendJson } from './http.ts'
import type { AccountView, CreatedAccount, Credential, ServiceApi, ServiceCall, ServiceCommand } from './service-api.ts'
import type { ServiceAddress } from './service-address.ts'

/** The service through its front door, which is opened at the first call where it is not a plain address. */
export function createServiceApi(
  address: ServiceAddress | (() => Promise<ServiceAddress>),
  credential: Credential,
): ServiceApi {
  const place = async () => (typeof address === 'function' ? await address() : address)
  const headersFor = ({ host }: ServiceAddress) => ({ host, authorization: authorization(credential) })
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    more: Readonly<Record<string, string>> = {},
    timeoutMs?: number,
  ): Promise<HttpAnswer> => {
    const at = await place()
    return await sendJson(at.target, {
      method,
      path: `${at.base}${path}`,
      headers: { ...headersFor(at), ...more },
      ...(body === undefined ? {} : { body }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
  }
  const must = async <T>(
    method: string,
    path: string,
    body?: unknown,
    more?: Readonly<Record<string, string>>,
    timeoutMs?: number,
  ): Promise<T> => {
    const answer = await send(method, path, body, more, timeoutMs)
    if (answer.status >= 200 && answer.status < 300) return answer.body as T
    throw errorOf(answer, `${method} ${path}`)
  }
  const find = async <T>(path: string): Promise<T | undefined> => {
    const answer = await send('GET', path)
    if (answer.status === 404 && problemOf(answer.body).kind === 'not-found') return undefined
    if (answer.status === 200) return answer.body as T
    throw errorOf(answer, `GET ${path}`)
  }
  const account = (userid: string) => `/api/v2/accounts/${encodeURIComponent(userid)}`

  return {
    healthy: async () => await isHealthy(send),
    bootstrap: async (accounts) => void (await must('POST', '/api/v2/bootstrap', accounts)),
    createAccount: async ({ userid, ...rest }) =>
      await must<CreatedAccount>('POST', '/api/v2/accounts', { name: userid, ...rest }),
    ownApikey: async ({ userid, password }) => {
      const answer = await send('POST', '/token-auth', { username: userid, password })
      // Wrong, or of an account that may not come in.
      if (answer.status === 400) return undefined
      if (answer.status !== 200) throw errorOf(answer, 'POST /token-auth')
      const own = { authorization: authorization({ kind: 'token', token: (answer.body as { token: string }).token }) }
      return (await must<{ apikey: string }>('GET', `${account(userid)}/credentials`, undefined, own)).apikey
    },
    findAccount: async (userid) => await find<AccountView>(account(userid)),
    listAccounts: async () => await allAccounts(must),
    rotateAccount: async (userid) => {
      // Before: the caller's own old key is of no use afterwards.
      const view = await must<AccountView>('GET', account(userid))
      const path = `${account(userid)}/credentials/rotate`
      const { apikey, command } = await must<{ apikey?: string; command?: number }>('POST', path, {})
      return {
        ...view,
        ...(apikey === undefined ? {} : { apikey }),
        ...(command === undefined ? {} : { command }),
      }
    },
    removeAccount: async (userid) => await must<AccountView>('DELETE', account(userid)),
    ensureDeployments: async () =>
      (await must<{ commands: ServiceCommand[] }>('POST', '/api/v2/deployments/ensure', {})).commands,
    listCommands: async (limit) =>
      (await must<{ commands: ServiceCommand[] }>('GET', `/api/v2/commands?limit=${limit}`)).commands,
    findCommand: async (id) => await find<ServiceCommand>(`/api/v2/commands/${id}`),
    retryCommand: async (id) => await must<ServiceCommand>('POST', `/api/v2/commands/${id}/retry`, {}),
    undoCommand: async (id) => await must<ServiceCommand>('POST', `/api/v2/commands/${id}/undo`, {}),
    call: async <T>({ method = 'GET', path, body, headers: more, timeoutMs }: ServiceCall) =>
      await must<T>(method, path, body, more, timeoutMs),
    events: async function* (path, lastId, signal) {
      const at = await place()
      const more = lastId === '' ? {} : { 'last-event-id': lastId }
      const wanted = { method: 'GET', path: `${at.base}${path}`, headers: { ...headersFor(at), ...more } }
      yield* serverEvents(at.target, wanted, (answer) => errorOf(answer, `GET ${path}`), signal)
    },
    revokeBootstrap: async () => void (await must('DELETE', '/api/v2/bootstrap')),
  }
}

function authorization(credential: Credential): string {
  switch (credential.kind) {
    case 'apikey':
      return `ApiKey ${credential.userid}:${credential.apikey}`
    case 'token':
      return `Bearer ${credential.token}`
    case 'bootstrap':
      return `Bootstrap ${credential.key}`
  }
}

async function isHealthy(send: (method: string, path: string) => Promise<HttpAnswer>): Promise<boolean> {
  try {
    return (await send('GET', '/healthz')).status === 200
  } catch (cause) {
    // Nobody listens yet.
    if (cause instanceof AppError && cause.kind === 'unavailable') return false
    throw cause
  }
}

async function allAccounts(must: <T>(method: string, path: string) => Promise<T>): Promise<AccountView[]> {
  const all: AccountView[] = []
  for (let after: string | undefined = ''; after !== undefined; ) {
    const query: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
    const page: { accounts: AccountView[]; next?: string } = await must('GET', `/api/v2/accounts?limit=1000${query}`)
    all.push(...page.accounts)
    after = page.next
  }
  return all
}

const kinds: readonly string[] = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'not-found',
  'conflict',
  'unavailable',
  'bug',
]

/** As of RFC 9457, with the service's own words. */
interface Problem {
  readonly kind?: string
  readonly code?: string
  readonly detail?: string
  readonly errors?: readonly unknown[]
  readonly details?: Record<string, unknown>
}

function problemOf(body: unknown): Problem {
  return typeof body === 'object' && body !== null ? body : {}
}

/** The service's own error where it is one; else what stands between, such as the ingress while the service starts. */
export function errorOf({ status, body }: HttpAnswer, attempted: string): AppError {
  const { kind: told, code = 'refused', detail = attempted, errors, details } = problemOf(body)
  if (told !== undefined && kinds.includes(told)) {
    const facts = errors === undefined ? details : { ...details, errors }
    return new AppError(told as ErrorKind, code, detail, facts === undefined ? {} : { details: facts })
  }
  const kind = status >= 500 || status === 404 ? 'unavailable' : 'bug'
  return new AppError(kind, 'unexpected-answer', `${attempted}: the site answered with status ${status}`)
}
