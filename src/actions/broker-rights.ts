import type { Permissions, Policy } from '../adapters/rabbitmq/port.ts'

/** Reply queues are named by a UUID that only their owner knows. */
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

export const EVERYTHING: Permissions = { configure: '.*', write: '.*', read: '.*' }

/** Where an account's tasks go in, and the exchange that its client declares. */
export function accountNames(account: string): { readonly queue: string; readonly exchange: string } {
  return { queue: `q-${account}`, exchange: `x-${account}` }
}

/**
 * What an account may do on a vhost that it shares: send tasks to its own queue and read its own replies.
 * The client publishes through the default exchange, so it needs `amq.default`; it may read no queue of tasks, its own included.
 */
export function sharedPermissions(account: string): Permissions {
  const { queue, exchange } = accountNames(account)
  const [q, x] = [escaped(queue), escaped(exchange)]
  return {
    configure: `^(${q}|${x}|${UUID})$`,
    write: `^(${q}|${x}|amq\\.default|${UUID})$`,
    read: `^(${x}|${UUID})$`,
  }
}

/** The workers' queue for tasks without a label. */
export const WORKERS_QUEUE = 'default'

/** Whatever reaches an account's queue moves on at once to the workers' queue, which no account may touch. */
export const FORWARDING: Policy = {
  name: 'cloudmgr-forward',
  pattern: '^q-',
  definition: { 'message-ttl': 0, 'dead-letter-exchange': '', 'dead-letter-routing-key': WORKERS_QUEUE },
  applyTo: 'queues',
  priority: 10,
}

function escaped(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
