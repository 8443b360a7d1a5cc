import type { Generated, Insertable, Selectable, Transaction, Updateable } from 'kysely'
import { Kysely } from 'kysely'
import { AppError } from '../base/errors.ts'
import type { StatusCode } from '../base/status.ts'
import { type DatabaseKind, dialectFor } from './dialect.ts'

/** Every table. Times are milliseconds since 1970 (UTC), JSON is kept as text: both databases then agree. */
export interface Tables {
  accounts: AccountsTable
  api_keys: ApiKeysTable
  deployments: DeploymentsTable
  audit_log: AuditLogTable
  settings: SettingsTable
  commands: CommandsTable
  tasks: TasksTable
  task_output: TaskOutputTable
  locks: LocksTable
  terraform_states: TerraformStatesTable
  terraform_state_versions: TerraformStateVersionsTable
  metric_samples: MetricSamplesTable
  oidc_artifacts: OidcArtifactsTable
  sessions: SessionsTable
  one_time_tokens: OneTimeTokensTable
  mails: MailsTable
  account_groups: AccountGroupsTable
  group_members: GroupMembersTable
  identities: IdentitiesTable
  findings: FindingsTable
  comparisons: ComparisonsTable
  clusters: ClustersTable
}

export interface ClustersTable {
  id: Generated<number>
  name: string
  account_id: number
  provider: string
  state: 'making' | 'ready' | 'removing'
  api_server: string | null
  /** At which its pods find the site's services; null where they find them in the cluster itself. */
  address: string | null
  /** Ports of `address` by the services' own, as JSON; null: the same. */
  links: string | null
  /** What was made for it before it was there, sealed by the engine's keys. */
  notes: string | null
  /** Of the administrator, sealed by the engine's keys. */
  kubeconfig: string | null
  /** Of the API's own account there, which may look; sealed by the keys of settings. */
  observer: string | null
  created_at: number
  updated_at: number
}

export interface AccountsTable {
  id: Generated<number>
  name: string
  email: string
  password_hash: string | null
  role: 'admin' | 'staff' | 'user' | 'machine' | 'group'
  /** JSON array of words. */
  rights: string
  status: 'unconfirmed' | 'waiting-approval' | 'active' | 'disabled' | 'removing'
  created_at: number
  /** Since when the address is known to be theirs. */
  mail_confirmed_at: number | null
  password_changed_at: number | null
}

export interface ApiKeysTable {
  id: Generated<number>
  account_id: number
  label: string
  /** sha256 of the key in hex: what a caller is looked up by. */
  key_hash: string
  /** Empty for keys that are shown once only. */
  key_encrypted: string
  created_at: number
  expires_at: number | null
  last_used_at: number | null
  revoked_at: number | null
  /** Digest of the `Idempotency-Key` that it was made with. */
  idempotency_key: Generated<string | null>
}

export interface DeploymentsTable {
  id: Generated<number>
  account_id: number
  plan: string
  /** Tells several of one plan apart; empty for the only one. */
  instance: Generated<string>
  status: StatusCode
  settings_encrypted: string | null
  /** Since when it serves; null before the first success and once its removal has begun. */
  ready_at: number | null
  /** JSON object of what was delivered last; secret ones are sealed. */
  params: Generated<string | null>
  /** Since when nothing of it runs. */
  suspended_at: Generated<number | null>
  /** When it was run last, where a schedule runs it. */
  ran_at: Generated<number | null>
  /** Why it failed, in one line. */
  message: string | null
  created_at: number
  updated_at: number
}

export interface AuditLogTable {
  id: Generated<number>
  at: number
  actor: string
  action: string
  subject: string
  /** JSON object. */
  detail: string
}

/** Single values of the installation, such as the identity of a restored site. */
export interface SettingsTable {
  name: string
  value: string
}

export interface CommandsTable {
  id: Generated<number>
  plan: string
  /** Which of several deployments of the plan; empty for the only one. */
  instance: Generated<string>
  phase: 'install' | 'update' | 'remove' | 'suspend' | 'resume'
  /** JSON object. */
  params: string
  /** Account the command is for; null for the site's own. */
  subject: number | null
  requested_by: string
  idempotency_key: string | null
  /** sha256 of what was asked for: tells a repeated order from another one under the same key. */
  content_hash: string
  /** Commands of one lane run one after the other. */
  lane: string
  /** The lane while it runs, else null: the unique index lets one command per lane run. */
  active_lane: string | null
  status: StatusCode
  /** The failed command whose steps this removal takes back. */
  undo_of: number | null
  /** The command of which a step ordered this one; it has the place of that one in their lane. */
  issued_by: Generated<number | null>
  /** Digest of who sent which `Idempotency-Key` with its last retry or cancellation. */
  change_key: Generated<string | null>
  /** Why it shall end early; set while a task still runs. */
  cancelled: string | null
  /** Outcome in one line; while it waits, the reason. */
  message: string | null
  due_at: number
  created_at: number
  started_at: number | null
  ended_at: number | null
}

export interface TasksTable {
  id: Generated<number>
  command_id: number
  subject: number | null
  step: string
  action: string
  /** Taken away in an update: a step that the parameters no longer ask for. */
  mode: Generated<'ensure' | 'remove'>
  /** Position in the command, for display. */
  position: number
  /** JSON array of step names. */
  after: string
  /** JSON object with unresolved placeholders: resolved when the task runs, so that no secret lies here. */
  input: string
  /** waiting: for earlier steps; ready: from `due_at` on; running: while its lease holds. */
  state: 'waiting' | 'ready' | 'running' | 'done' | 'failed'
  due_at: number
  attempts: number
  /** Grows with every claim; whoever holds an older number has lost the task. */
  fencing: number
  lease_owner: string | null
  lease_until: number | null
  /** The lock it waits for; freed locks make it due. */
  waiting_lock: string | null
  /** What it waits for, in words. */
  waiting: string | null
  waiting_since: Generated<number | null>
  /** Outcome in one line. */
  message: string | null
  /** Sealed JSON object of the action's outputs. */
  outputs: string | null
  started_at: number | null
  ended_at: number | null
}

export interface TaskOutputTable {
  id: Generated<number>
  task_id: number
  at: number
  line: string
}

export interface LocksTable {
  name: string
  task_id: number
  fencing: number
  taken_at: number
}

/** States of the Terraform roots that the engine owns. */
export interface TerraformStatesTable {
  id: Generated<number>
  root: string
  /** Counts the writes. */
  version: number
  /** Sealed; null before the first write and after everything was destroyed. */
  state: string | null
  /** Terraform's name of the lock, while one is held. */
  lock_id: string | null
  /** What Terraform says of the holder (JSON), for people. */
  lock_info: string | null
  /** Null where an older program took the lock. */
  locked_at: number | null
  updated_at: number
}

/** Earlier states, the newest of each root, for the operator's hand. */
export interface TerraformStateVersionsTable {
  id: Generated<number>
  root: string
  version: number
  state: string
  created_at: number
  /** Of what it holds, readable without a key; null in versions that an older program wrote. */
  serial: number | null
  bytes: number | null
  /** JSON array of the addresses of what it manages. */
  addresses: string | null
}

/** What differed between rows and world when they were compared last. */
export interface FindingsTable {
  id: Generated<number>
  difference: 'orphan' | 'drift'
  system: string
  kind: string
  name: string
  account: string | null
  plan: string | null
  instance: string | null
  /** 1: an order may mend it. 2: one that says so, because it may hold data. */
  mendable: number
  detail: string
}

export interface ComparisonsTable {
  difference: 'orphan' | 'drift'
  compared_at: number
}

/** What nodes and accounts' pods used, every half minute: written by the engine, read by the API. */
export interface MetricSamplesTable {
  id: Generated<number>
  at: number
  /** `nodes`, or `pods/<namespace>`. */
  scope: string
  /** JSON object: cores and bytes by name. */
  used: string
}

export interface SessionsTable {
  id: Generated<number>
  /** sha256 of what the cookie holds. */
  id_hash: string
  account_id: number
  created_at: number
  expires_at: number
  /** The session of our OpenID Connect provider that it stands for, once another program signed in by it. */
  oidc_uid: string | null
  /** Sealed: the ID token of the issuer that it came by. */
  outside: string | null
}

export interface OneTimeTokensTable {
  id: Generated<number>
  /** sha256 of the token that was sent. */
  token_hash: string
  account_id: number
  purpose: 'confirm-mail' | 'reset-password' | 'change-mail'
  /** JSON object: what shall become true when it is used. */
  detail: string
  created_at: number
  expires_at: number
}

export interface MailsTable {
  id: Generated<number>
  recipient: string
  kind: string
  subject: string
  /** Links and tokens are in it. */
  body_encrypted: string
  /** listed: there is no mail server, people read it in the list. */
  status: 'waiting' | 'sent' | 'failed' | 'listed'
  attempts: number
  due_at: number
  created_at: number
  sent_at: number | null
  /** Why it was not sent, in one line. */
  message: string | null
}

export interface AccountGroupsTable {
  id: Generated<number>
  name: string
  /** The account that owns what the group is delivered; nobody signs in as it. */
  account_id: number
  created_at: number
}

export interface GroupMembersTable {
  id: Generated<number>
  group_id: number
  account_id: number
  role: 'owner' | 'member'
  created_at: number
}

/** Somebody of another issuer, by the pair that never changes. */
export interface IdentitiesTable {
  id: Generated<number>
  issuer: string
  subject: string
  account_id: number
  created_at: number
}

/** What our OpenID Connect provider remembers: codes, tokens, grants, its sessions. */
export interface OidcArtifactsTable {
  id: Generated<number>
  /** Kind and digest of its identifier: whoever reads rows can't use them. */
  key: string
  /** JSON object. */
  payload: string
  grant_id: string | null
  uid: string | null
  expires_at: number
  consumed_at: number | null
}

/** The database, or a transaction on it. */
export type Db = Kysely<Tables>
export type Tx = Transaction<Tables>

export type Row<T extends keyof Tables> = Selectable<Tables[T]>
export type NewRow<T extends keyof Tables> = Insertable<Tables[T]>
export type RowChange<T extends keyof Tables> = Updateable<Tables[T]>

export interface DatabaseOptions {
  readonly kind: DatabaseKind
  /** SQLite: the file, or `:memory:`. */
  readonly path?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly database?: string
  /** MySQL: by TLS; its certificate must name the host and be of an authority that Node trusts. */
  readonly tls?: boolean
  /** Unix socket of a MySQL server, instead of host and port. */
  readonly socket?: string
  /** Connections kept to a MySQL server (default 10). */
  readonly poolSize?: number
}

/** Opens `sqlite:/path`, `mysql://user:password@host:port/database`, or options with the password apart. Close with `db.destroy()`. */
export function openDatabase(target: string | DatabaseOptions): Db {
  const options = typeof target === 'string' ? parseDatabaseUrl(target) : target
  return new Kysely<Tables>({ dialect: dialectFor(options) })
}

function parseDatabaseUrl(url: string): DatabaseOptions {
  if (url.startsWith('sqlite:')) return { kind: 'sqlite', path: url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '') }
  // A path alone is a file; the URL itself may hold a password and is never quoted in a message.
  if (!url.includes('://')) return { kind: 'sqlite', path: url }
  return parseMysqlUrl(url)
}

function parseMysqlUrl(url: string): DatabaseOptions {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'mysql:') {
    throw new AppError(
      'invalid',
      'database-url-invalid',
      'the database URL must be sqlite:/path or mysql://user@host:port/database',
    )
  }
  return {
    kind: 'mysql',
    host: parsed.hostname,
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database: parsed.pathname.slice(1),
  }
}
