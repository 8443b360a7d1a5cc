import createClient from 'openapi-fetch'
import type { components, paths } from '../../src/client/schema.ts'

type Schemas = components['schemas']
export type Account = Schemas['Account']
export type ApiKey = Schemas['ApiKey']
export type Cluster = Schemas['Cluster']
export type Command = Schemas['Command']
export type CommandDetails = Schemas['CommandDetails']
export type Deployment = Schemas['Deployment']
export type Group = Schemas['Group']
export type Mail = Schemas['Mail']
export type Node = Schemas['Node']
export type Order = Schemas['NewOrder']
export type Plan = Schemas['Plan']
export type Preview = Schemas['Preview']
export type Session = Schemas['Session']

/** A refusal in the words of the service, with what is wrong at which field. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly fields: Readonly<Record<string, string>>

  constructor(status: number, problem: Partial<Schemas['Problem']>) {
    super(problem.detail ?? `the service answered ${status}`)
    this.status = status
    this.code = problem.code ?? 'unknown'
    this.fields = Object.fromEntries((problem.errors ?? []).map(({ field, problem }) => [field, problem]))
  }
}

const client = createClient<paths>({ baseUrl: location.origin, credentials: 'same-origin' })

let csrfToken: string | undefined
client.use({
  onRequest: ({ request }) => {
    if (request.method !== 'GET' && csrfToken !== undefined) request.headers.set('x-csrf-token', csrfToken)
    return request
  },
})

/** The answer, or the refusal as an error. A service that can't be reached is an `ApiError` of status 0. */
async function answered<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch(() => {
    throw new ApiError(0, { detail: 'The service can’t be reached. Check the connection and try again.' })
  })
  if (response.ok) return data as T
  throw new ApiError(response.status, typeof error === 'object' && error !== null ? error : {})
}

/** Changes are accepted only with the token that came with the session. */
function keepToken(session: Session): Session {
  csrfToken = session.csrfToken
  return session
}

const of = (name: string) => ({ params: { path: { name } } })

export const api = {
  site: () => answered(client.GET('/api/v2/site')),

  signUp: (body: { email: string; password: string }) => answered(client.POST('/api/v2/signup', { body })),
  confirm: (token: string) => answered(client.POST('/api/v2/signup/confirm', { body: { token } })),
  resend: (email: string) => answered(client.POST('/api/v2/signup/resend', { body: { email } })),
  forgotPassword: (email: string) => answered(client.POST('/api/v2/password/forgot', { body: { email } })),
  resetPassword: (body: { token: string; password: string }) =>
    answered(client.POST('/api/v2/password/reset', { body })),

  signIn: async (body: { login: string; password: string }) =>
    keepToken(await answered(client.POST('/api/v2/session', { body }))),
  /** `null` when nobody is signed in. */
  session: async () => {
    try {
      return keepToken(await answered(client.GET('/api/v2/session')))
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null
      throw error
    }
  },
  signOut: () => answered(client.DELETE('/api/v2/session')),

  account: (name: string) => answered(client.GET('/api/v2/accounts/{name}', of(name))),
  credentials: (name: string) => answered(client.GET('/api/v2/accounts/{name}/credentials', of(name))),
  rotate: (name: string) => answered(client.POST('/api/v2/accounts/{name}/credentials/rotate', of(name))),
  accounts: (query: { after?: string; state?: 'waiting-approval' }) =>
    answered(client.GET('/api/v2/accounts', { params: { query } })),
  approve: (name: string) => answered(client.POST('/api/v2/accounts/{name}/approve', of(name))),
  reject: (name: string) => answered(client.POST('/api/v2/accounts/{name}/reject', of(name))),

  keys: (name: string) => answered(client.GET('/api/v2/accounts/{name}/keys', of(name))),
  createKey: (name: string, body: { name: string; expiresAt?: string }) =>
    answered(client.POST('/api/v2/accounts/{name}/keys', { ...of(name), body })),
  revokeKey: (name: string, id: number) =>
    answered(client.DELETE('/api/v2/accounts/{name}/keys/{id}', { params: { path: { name, id } } })),

  groups: (query: { after?: string }) => answered(client.GET('/api/v2/groups', { params: { query } })),
  setMember: (name: string, account: string, role: 'owner' | 'member', etag: string) =>
    answered(
      client.PUT('/api/v2/groups/{name}/members/{account}', {
        params: { path: { name, account }, header: { 'if-match': etag } },
        body: { role },
      }),
    ),
  dropMember: (name: string, account: string, etag: string) =>
    answered(
      client.DELETE('/api/v2/groups/{name}/members/{account}', {
        params: { path: { name, account }, header: { 'if-match': etag } },
      }),
    ),

  plans: () => answered(client.GET('/api/v2/plans')),
  plan: (name: string) => answered(client.GET('/api/v2/plans/{name}', of(name))),
  deployments: (query: { account: string; after?: number }) =>
    answered(client.GET('/api/v2/deployments', { params: { query } })),
  deployment: (id: number) => answered(client.GET('/api/v2/deployments/{id}', { params: { path: { id } } })),
  preview: async (order: Order) =>
    (await answered(client.POST('/api/v2/orders', { body: { ...order, preview: true } }))) as Preview,
  /** The same key again is the same order. */
  order: async (order: Order, key: string) =>
    (await answered(
      client.POST('/api/v2/orders', { params: { header: { 'idempotency-key': key } }, body: order }),
    )) as Command,

  commands: (query: { account?: string; before?: number; limit?: number }) =>
    answered(client.GET('/api/v2/commands', { params: { query } })),
  command: (id: number) => answered(client.GET('/api/v2/commands/{id}', { params: { path: { id } } })),
  change: (id: number, what: 'cancel' | 'retry' | 'undo') =>
    answered(client.POST(`/api/v2/commands/{id}/${what}`, { params: { path: { id } } })),
  nodes: () => answered(client.GET('/api/v2/nodes')),
  clusters: () => answered(client.GET('/api/v2/clusters')),
  mails: (query: { before?: number }) => answered(client.GET('/api/v2/mails', { params: { query } })),
}
