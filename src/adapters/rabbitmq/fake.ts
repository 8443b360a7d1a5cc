import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../base/errors.ts'
import type { Consumer, Permissions, Policy, QueueLoad, Rabbitmq, RabbitmqMonitor } from './port.ts'

interface Vhost {
  tags: readonly string[]
  readonly permissions: Map<string, Permissions>
  readonly policies: Map<string, Policy>
  readonly queues: Set<string>
  readonly exchanges: Set<string>
}

export interface FakeRabbitmq extends Rabbitmq, RabbitmqMonitor {
  setConsumers(vhost: string, consumers: readonly Consumer[]): void
  /** Of queues that are not named nothing lies there. */
  setLoads(vhost: string, loads: readonly QueueLoad[]): void
}

/** What a fake broker knows, so that it can be kept. */
export interface RabbitmqMemory {
  readonly vhosts: Map<string, Vhost>
  readonly users: Map<string, { password: string; tags: readonly string[] }>
}

export function emptyRabbitmq(): RabbitmqMemory {
  return { vhosts: new Map(), users: new Map() }
}

/** A broker in memory: names and rights, no messages. */
export function createFakeRabbitmq({ vhosts, users }: RabbitmqMemory = emptyRabbitmq()): FakeRabbitmq {
  const consumers = new Map<string, readonly Consumer[]>()
  const loads = new Map<string, readonly QueueLoad[]>()
  const inside = (vhost: string): Vhost => {
    const found = vhosts.get(vhost)
    if (found === undefined)
      throw new AppError('not-found', 'rabbitmq-not-found', `RabbitMQ: vhost ${vhost} is missing`)
    return found
  }
  return {
    ensureVhost: async (vhost, tags = []) => {
      const empty = {
        permissions: new Map(),
        policies: new Map(),
        queues: new Set<string>(),
        exchanges: new Set<string>(),
      }
      const isNew = addTo(vhosts, vhost, { ...empty, tags })
      const isTagged = tags.every((tag) => inside(vhost).tags.includes(tag))
      if (!isTagged) inside(vhost).tags = tags
      return isNew || !isTagged
    },
    hasVhost: async (vhost) => vhosts.has(vhost),
    deleteVhost: async (vhost) => vhosts.delete(vhost),
    ensureUser: async (user, password, tags = []) => replaceIn(users, user, { password, tags }),
    hasUser: async (user) => users.has(user),
    canLogin: async (user, password) => users.get(user)?.password === password,
    deleteUser: async (user) => {
      for (const { permissions } of vhosts.values()) permissions.delete(user)
      return users.delete(user)
    },
    ensurePermissions: async (vhost, user, permissions) => {
      if (!users.has(user)) throw new AppError('not-found', 'rabbitmq-not-found', `RabbitMQ: user ${user} is missing`)
      return replaceIn(inside(vhost).permissions, user, { ...permissions })
    },
    findPermissions: async (vhost, user) => vhosts.get(vhost)?.permissions.get(user),
    ensurePolicy: async (vhost, policy) => replaceIn(inside(vhost).policies, policy.name, { ...policy }),
    findPolicy: async (vhost, name) => vhosts.get(vhost)?.policies.get(name),
    deletePolicy: async (vhost, name) => vhosts.get(vhost)?.policies.delete(name) ?? false,
    ensureQueue: async (vhost, queue) => addName(inside(vhost).queues, queue),
    ensureExchange: async (vhost, exchange) => addName(inside(vhost).exchanges, exchange),
    deleteQueue: async (vhost, queue) => vhosts.get(vhost)?.queues.delete(queue) ?? false,
    deleteExchange: async (vhost, exchange) => vhosts.get(vhost)?.exchanges.delete(exchange) ?? false,
    listQueues: async (vhost) => [...inside(vhost).queues],
    listExchanges: async (vhost) => [...inside(vhost).exchanges],
    listLoads: async (vhost) => {
      const said = loads.get(vhost) ?? []
      const silent = [...inside(vhost).queues].filter((name) => said.every(({ queue }) => queue !== name))
      return [...said, ...silent.map((queue) => ({ queue, ready: 0, unacknowledged: 0 }))]
    },
    listUsers: async (prefix = '') => [...users.keys()].filter((user) => user.startsWith(prefix)),
    listVhosts: async () => [...vhosts.keys()],
    usersWithTag: async (tag) => [...users].filter(([, { tags }]) => tags.includes(tag)).map(([name]) => name),
    vhostsWithTag: async (tag) => [...vhosts].filter(([, { tags }]) => tags.includes(tag)).map(([name]) => name),
    listConsumers: async (vhost) => {
      inside(vhost)
      return consumers.get(vhost) ?? []
    },
    setConsumers: (vhost, seen) => void consumers.set(vhost, seen),
    setLoads: (vhost, seen) => void loads.set(vhost, seen),
  }
}

function addTo<T>(map: Map<string, T>, name: string, value: T): boolean {
  if (map.has(name)) return false
  map.set(name, value)
  return true
}

function replaceIn<T>(map: Map<string, T>, name: string, value: T): boolean {
  const isSame = isDeepStrictEqual(map.get(name), value)
  map.set(name, value)
  return !isSame
}

function addName(names: Set<string>, name: string): boolean {
  const isNew = !names.has(name)
  names.add(name)
  return isNew
}
