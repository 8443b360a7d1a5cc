export interface Permissions {
  readonly configure: string
  readonly write: string
  readonly read: string
}

export interface Policy {
  readonly name: string
  readonly pattern: string
  readonly definition: Readonly<Record<string, unknown>>
  readonly applyTo: 'queues' | 'exchanges' | 'all'
  readonly priority: number
}

export interface QueueLoad {
  readonly queue: string
  /** Messages that nobody took yet. */
  readonly ready: number
  /** Messages that somebody took and did not acknowledge. */
  readonly unacknowledged: number
}

/**
 * RabbitMQ's management interface, as an administrator.
 *
 * Every `ensure…` answers false when it was so already, every `delete…` when there was nothing.
 * Errors: `unavailable/rabbitmq-unreachable`, `forbidden/rabbitmq-forbidden` (the administrator's own sign-in),
 * `not-found/rabbitmq-not-found` (vhost or user to act in is missing), `invalid/rabbitmq-refused` (with the server's reason).
 */
export interface Rabbitmq {
  /** With these tags where some are given; they give no rights. What exists is otherwise left as it is. */
  ensureVhost(vhost: string, tags?: readonly string[]): Promise<boolean>
  hasVhost(vhost: string): Promise<boolean>
  deleteVhost(vhost: string): Promise<boolean>
  /** With exactly this password and no tags, unless given. */
  ensureUser(user: string, password: string, tags?: readonly string[]): Promise<boolean>
  hasUser(user: string): Promise<boolean>
  canLogin(user: string, password: string): Promise<boolean>
  deleteUser(user: string): Promise<boolean>
  ensurePermissions(vhost: string, user: string, permissions: Permissions): Promise<boolean>
  findPermissions(vhost: string, user: string): Promise<Permissions | undefined>
  ensurePolicy(vhost: string, policy: Policy): Promise<boolean>
  findPolicy(vhost: string, name: string): Promise<Policy | undefined>
  deletePolicy(vhost: string, name: string): Promise<boolean>
  /** Durable; what exists is left as it is. */
  ensureQueue(vhost: string, queue: string): Promise<boolean>
  ensureExchange(vhost: string, exchange: string, type?: 'direct' | 'topic' | 'fanout'): Promise<boolean>
  deleteQueue(vhost: string, queue: string): Promise<boolean>
  deleteExchange(vhost: string, exchange: string): Promise<boolean>
  listQueues(vhost: string): Promise<readonly string[]>
  listExchanges(vhost: string): Promise<readonly string[]>
  /** What lies in a vhost's queues; a second or a few old. */
  listLoads(vhost: string): Promise<readonly QueueLoad[]>
  listUsers(prefix?: string): Promise<readonly string[]>
  listVhosts(): Promise<readonly string[]>
  usersWithTag(tag: string): Promise<readonly string[]>
  vhostsWithTag(tag: string): Promise<readonly string[]>
}

/** Somebody who takes messages from a queue. */
export interface Consumer {
  readonly queue: string
  /** The same for all consumers of one connection; only there to be compared. */
  readonly connection: string
}

/**
 * RabbitMQ's management interface as an observer: a user with the tag `monitoring` and no right on any vhost.
 *
 * Errors: `unavailable/rabbitmq-unreachable`, `forbidden/rabbitmq-forbidden`, `not-found/rabbitmq-not-found` (no such vhost).
 */
export interface RabbitmqMonitor {
  listConsumers(vhost: string): Promise<readonly Consumer[]>
}
