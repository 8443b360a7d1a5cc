import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../base/errors.ts'
import type { Consumer, Permissions, Policy, QueueLoad, Rabbitmq, RabbitmqMonitor } from './port.ts'

export interface RabbitmqOptions {
  /** Of the management interface, path prefix included, for example `http://rabbitmq:15672`. */
  readonly url: string
  readonly user: string
  readonly password: string
}

type Method = 'GET' | 'PUT' | 'DELETE'

const TIMEOUT_MS = 15_000

/** The real one, by HTTP. */
export function createRabbitmq(options: RabbitmqOptions): Rabbitmq {
  const send = (method: Method, path: string, body?: unknown) => request(options, method, path, body)
  const get = async (path: string): Promise<unknown> => {
    const { status, body } = await send('GET', path)
    if (status === 404) return undefined
    return checked(status, body, `reading ${path}`)
  }
  const put = async (path: string, body: unknown): Promise<true> => {
    const answer = await send('PUT', path, body)
    checked(answer.status, answer.body, `writing ${path}`)
    return true
  }
  const remove = async (path: string): Promise<boolean> => {
    const { status, body } = await send('DELETE', path)
    if (status === 404) return false
    checked(status, body, `deleting ${path}`)
    return true
  }
  const names = async (path: string): Promise<readonly string[]> => {
    const found = (await get(path)) as { name: string }[] | undefined
    if (found === undefined) throw new AppError('not-found', 'rabbitmq-not-found', `RabbitMQ: ${path} is missing`)
    return found.map(({ name }) => name)
  }
  const tagged = async (path: string, tag: string): Promise<readonly string[]> =>
    ((await get(path)) as Tagged[]).filter((one) => tagsOf(one).includes(tag)).map(({ name }) => name)
  const canLogin = async (user: string, password: string): Promise<boolean> => {
    const { status, body } = await request({ ...options, user, password }, 'GET', '/whoami')
    // Users without tags may not use the interface; the server looks at the password first and says which it was.
    if (status === 401) return /not management user/i.test(JSON.stringify(body))
    checked(status, body, `signing in as ${user}`)
    return true
  }
  const findPermissions: Rabbitmq['findPermissions'] = async (vhost, user) => {
    const found = (await get(`/permissions/${enc(vhost)}/${enc(user)}`)) as Permissions | undefined
    return found && { configure: found.configure, write: found.write, read: found.read }
  }
  const findPolicy: Rabbitmq['findPolicy'] = async (vhost, name) => {
    const found = (await get(`/policies/${enc(vhost)}/${enc(name)}`)) as
      | (Omit<Policy, 'applyTo'> & { 'apply-to': Policy['applyTo'] })
      | undefined
    if (found === undefined) return undefined
    const { pattern, definition, priority } = found
    return { name, pattern, definition, priority, applyTo: found['apply-to'] }
  }

  return {
    canLogin,
    findPermissions,
    findPolicy,
    ensureVhost: async (vhost, tags = []) => {
      const path = `/vhosts/${enc(vhost)}`
      const found = (await get(path)) as Tagged | undefined
      const isAsWanted = found !== undefined && tags.every((tag) => tagsOf(found).includes(tag))
      return !isAsWanted && (await put(path, tags.length === 0 ? {} : { tags: tags.join(',') }))
    },
    hasVhost: async (vhost) => (await get(`/vhosts/${enc(vhost)}`)) !== undefined,
    deleteVhost: (vhost) => remove(`/vhosts/${enc(vhost)}`),
    ensureUser: async (user, password, tags = []) => {
      const found = (await get(`/users/${enc(user)}`)) as { tags: string | string[] } | undefined
      const wanted = tags.join(',')
      const isSame = found !== undefined && String(found.tags) === wanted && (await canLogin(user, password))
      return !isSame && (await put(`/users/${enc(user)}`, { password, tags: wanted }))
    },
    hasUser: async (user) => (await get(`/users/${enc(user)}`)) !== undefined,
    deleteUser: (user) => remove(`/users/${enc(user)}`),
    ensurePermissions: async (vhost, user, permissions) => {
      if (isDeepStrictEqual(await findPermissions(vhost, user), { ...permissions })) return false
      return await put(`/permissions/${enc(vhost)}/${enc(user)}`, permissions)
    },
    ensurePolicy: async (vhost, policy) => {
      if (isDeepStrictEqual(await findPolicy(vhost, policy.name), { ...policy })) return false
      const { name, applyTo, ...rest } = policy
      return await put(`/policies/${enc(vhost)}/${enc(name)}`, { ...rest, 'apply-to': applyTo })
    },
    deletePolicy: (vhost, name) => remove(`/policies/${enc(vhost)}/${enc(name)}`),
    ensureQueue: async (vhost, queue) => {
      const path = `/queues/${enc(vhost)}/${enc(queue)}`
      return (await get(path)) === undefined && (await put(path, { durable: true }))
    },
    ensureExchange: async (vhost, exchange, type = 'direct') => {
      const path = `/exchanges/${enc(vhost)}/${enc(exchange)}`
      return (await get(path)) === undefined && (await put(path, { durable: true, type }))
    },
    deleteQueue: (vhost, queue) => remove(`/queues/${enc(vhost)}/${enc(queue)}`),
    deleteExchange: (vhost, exchange) => remove(`/exchanges/${enc(vhost)}/${enc(exchange)}`),
    listQueues: (vhost) => names(`/queues/${enc(vhost)}?columns=name`),
    listExchanges: (vhost) => names(`/exchanges/${enc(vhost)}?columns=name`),
    listLoads: async (vhost) => {
      const path = `/queues/${enc(vhost)}?columns=name,messages_ready,messages_unacknowledged`
      const found = (await get(path)) as LoadAnswer[] | undefined
      if (found === undefined)
        throw new AppError('not-found', 'rabbitmq-not-found', `RabbitMQ: vhost ${vhost} is missing`)
      return found.map(loadOf)
    },
    listUsers: async (prefix = '') => (await names('/users?columns=name')).filter((name) => name.startsWith(prefix)),
    listVhosts: () => names('/vhosts?columns=name'),
    usersWithTag: (tag) => tagged('/users?columns=name,tags', tag),
    vhostsWithTag: (tag) => tagged('/vhosts?columns=name,tags', tag),
  }
}

/** The real observer; an administrator would do as well, but needs not be asked. */
export function createRabbitmqMonitor(options: RabbitmqOptions): RabbitmqMonitor {
  return {
    listConsumers: async (vhost) => {
      const path = `/consumers/${enc(vhost)}`
      const { status, body } = await request(options, 'GET', path)
      return (checked(status, body, `reading ${path}`) as ConsumerAnswer[]).map(consumerOf)
    },
  }
}

interface LoadAnswer {
  readonly name: string
  /** Missing until the broker has collected its statistics. */
  readonly messages_ready?: number
  readonly messages_unacknowledged?: number
}

function loadOf({ name, messages_ready = 0, messages_unacknowledged = 0 }: LoadAnswer): QueueLoad {
  return { queue: name, ready: messages_ready, unacknowledged: messages_unacknowledged }
}

interface Tagged {
  readonly name: string
  /** A list, or words with commas in older brokers. */
  readonly tags?: string | readonly string[]
}

function tagsOf({ tags = [] }: Tagged): readonly string[] {
  return typeof tags === 'string' ? tags.split(',') : tags
}

interface ConsumerAnswer {
  readonly queue: { readonly name: string }
  readonly consumer_tag: string
  /** An empty list until the broker has collected its statistics, some seconds after the connection was opened. */
  readonly channel_details: { readonly connection_name?: string } | readonly never[]
}

function consumerOf({ queue, consumer_tag, channel_details }: ConsumerAnswer): Consumer {
  const connection = 'connection_name' in channel_details ? channel_details.connection_name : undefined
  return { queue: queue.name, connection: connection ?? `${queue.name} ${consumer_tag}` }
}

async function request(
  options: RabbitmqOptions,
  method: Method,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const authorization = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`
  try {
    const response = await fetch(`${options.url.replace(/\/$/, '')}/api${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  } catch (cause) {
    throw new AppError('unavailable', 'rabbitmq-unreachable', `asking RabbitMQ at ${options.url}`, { cause })
  }
}

function checked(status: number, body: unknown, attempted: string): unknown {
  if (status < 300) return body
  const reason = (body as { reason?: unknown } | undefined)?.reason
  const cause = new Error(typeof reason === 'string' ? reason : `HTTP status ${status}`)
  const message = `RabbitMQ: ${attempted}`
  if (status === 401 || status === 403) throw new AppError('forbidden', 'rabbitmq-forbidden', message, { cause })
  if (status === 404 || /no_such_(vhost|user)|vhost_or_user_not_found/.test(cause.message)) {
    throw new AppError('not-found', 'rabbitmq-not-found', message, { cause })
  }
  if (status >= 500 || status === 429) throw new AppError('unavailable', 'rabbitmq-unreachable', message, { cause })
  throw new AppError('invalid', 'rabbitmq-refused', message, { cause })
}

const enc = encodeURIComponent
