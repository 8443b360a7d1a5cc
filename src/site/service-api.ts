import type { ServerEvent } from './events.ts'

/** A deployment's or account's state as people read it. */
export type AccountStatus =
  | 'unconfirmed'
  | 'waiting-approval'
  | 'disabled'
  | 'pending'
  | 'active'
  | 'failed'
  | 'removing'
  | 'removed'

export interface AccountView {
  readonly userid: string
  readonly email?: string
  readonly role?: string
  readonly status: AccountStatus
  readonly statusDetail?: string
  readonly createdAt?: string
}

export interface NewAccount {
  readonly userid: string
  readonly email: string
  readonly password?: string
  readonly role?: 'admin' | 'user'
}

interface FirstAccount {
  readonly email: string
  readonly apikey: string
}

/** The site's own accounts, with keys that the site chose. */
export interface FirstAccounts {
  readonly admin: FirstAccount & { readonly password: string }
  readonly omworker: FirstAccount
  readonly jyadmin: FirstAccount
}

export interface CreatedAccount extends AccountView {
  /** Told to whoever makes the account. */
  readonly apikey: string
}

export interface RotatedAccount extends AccountView {
  /** Told to the account itself. */
  readonly apikey?: string
  /** The order that gives database and broker new passwords. */
  readonly command?: number
}

export interface ServiceCommand {
  readonly id: number
  readonly plan: string
  readonly phase: string
  readonly status: number
  readonly account?: string
  readonly message?: string
}

/** A request to the service's own API; the answer is its body. */
export interface ServiceCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Such as `/api/v2/plans`. */
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Default: half a minute. */
  readonly timeoutMs?: number
}

/** What the CLI and the site's steps ask of the service, over its public URL. Errors: `AppError`s of the answer's kind. */
export interface ServiceApi {
  /** Whether it answers at all. */
  healthy(): Promise<boolean>
  /** Makes the site's own accounts; for the bootstrap key only. May be repeated. */
  bootstrap(accounts: FirstAccounts): Promise<void>
  createAccount(account: NewAccount): Promise<CreatedAccount>
  /** The key of an account, told to whoever knows its password; `undefined`: that is not its password. */
  ownApikey(login: { readonly userid: string; readonly password: string }): Promise<string | undefined>
  findAccount(userid: string): Promise<AccountView | undefined>
  listAccounts(): Promise<AccountView[]>
  /** A new key at once. */
  rotateAccount(userid: string): Promise<RotatedAccount>
  removeAccount(userid: string): Promise<AccountView>
  /** Orders that every active account's deployments are made sure of; answers with the commands. */
  ensureDeployments(): Promise<ServiceCommand[]>
  listCommands(limit: number): Promise<ServiceCommand[]>
  findCommand(id: number): Promise<(ServiceCommand & { steps?: readonly unknown[] }) | undefined>
  retryCommand(id: number): Promise<ServiceCommand>
  undoCommand(id: number): Promise<ServiceCommand>
  /** Anything else of its own API. */
  call<T>(call: ServiceCall): Promise<T>
  /** Server-sent events after the one with `lastId` (empty: from the first), until the service ends them. */
  events(path: string, lastId: string, signal: AbortSignal): AsyncIterable<ServerEvent>
  /** Ends the bootstrap key's power. */
  revokeBootstrap(): Promise<void>
}

export type Credential =
  | { readonly kind: 'apikey'; readonly userid: string; readonly apikey: string }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'bootstrap'; readonly key: string }
