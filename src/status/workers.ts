import type { Consumer } from '../adapters/rabbitmq/port.ts'
import { FORWARDING } from '../actions/broker-rights.ts'

export interface Worker {
  /** As celery calls it where it tells; else numbered. */
  readonly name: string
  /** Labels it serves. */
  readonly queues: readonly string[]
}

/** Where the tasks of everybody on a shared vhost end up. */
const SHARED_QUEUE = String(FORWARDING.definition['dead-letter-routing-key'])
const PIDBOX = '.celery.pidbox'
const NOT_TASKS = /^(amq\.|celeryev)|\.celery\.pidbox$|^celery\.pidbox$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Workers are what takes tasks, one per connection. On a shared vhost those of the workers' queue alone: who waits for
 * which replies there is nobody's business, nor is what the workers are called.
 */
export function workersOf(consumers: readonly Consumer[], vhost: 'own' | 'shared'): Worker[] {
  const byConnection = Map.groupBy(consumers, ({ connection }) => connection)
  const found = [...byConnection.entries()]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, seen]) => seen.map(({ queue }) => queue))
    .filter((queues) => taskQueues(queues, vhost).length > 0)
  return found.map((queues, index) => ({
    name: (vhost === 'own' ? celeryName(queues) : undefined) ?? `celery@${WORDS[vhost]}-${index + 1}`,
    queues: taskQueues(queues, vhost),
  }))
}

const WORDS = { own: 'worker', shared: 'shared' } as const

function taskQueues(queues: readonly string[], vhost: 'own' | 'shared'): string[] {
  const wanted = (queue: string) => (vhost === 'shared' ? queue === SHARED_QUEUE : !NOT_TASKS.test(queue))
  return [...new Set(queues.filter(wanted))].toSorted()
}

/** A worker with remote control listens to a queue of its own name, by the connection that it takes tasks with. */
function celeryName(queues: readonly string[]): string | undefined {
  return queues.find((queue) => queue.endsWith(PIDBOX) && queue.includes('@'))?.slice(0, -PIDBOX.length)
}
