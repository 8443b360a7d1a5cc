import { expect, test } from 'vitest'
import type { Policy, Rabbitmq, RabbitmqMonitor } from './port.ts'

const permissions = { configure: '^a$', write: '^(a|amq\\.default)$', read: '^a$' }
const policy: Policy = {
  name: 'forward',
  pattern: '^q-',
  definition: { 'message-ttl': 0, 'dead-letter-exchange': '' },
  applyTo: 'queues',
  priority: 1,
}

/** What every implementation keeps. */
export function rabbitmqContract(parts: () => Rabbitmq): void {
  test('a vhost, a user and its rights are made once, mended, and deleted', async () => {
    const broker = parts()
    expect(await broker.ensureVhost('v/one')).toBe(true)
    expect(await broker.ensureVhost('v/one')).toBe(false)
    expect([await broker.hasVhost('v/one'), await broker.hasVhost('other')]).toEqual([true, false])

    expect(await broker.ensureUser('alice', 'secretOne')).toBe(true)
    expect(await broker.ensureUser('alice', 'secretOne')).toBe(false)
    expect(await broker.ensureUser('alice', 'secretTwo')).toBe(true)
    expect([await broker.canLogin('alice', 'secretOne'), await broker.canLogin('alice', 'secretTwo')]).toEqual([
      false,
      true,
    ])

    expect(await broker.findPermissions('v/one', 'alice')).toBeUndefined()
    expect(await broker.ensurePermissions('v/one', 'alice', permissions)).toBe(true)
    expect(await broker.ensurePermissions('v/one', 'alice', permissions)).toBe(false)
    expect(await broker.findPermissions('v/one', 'alice')).toEqual(permissions)
    expect(await broker.ensurePermissions('v/one', 'alice', { ...permissions, read: '.*' })).toBe(true)

    expect(await broker.deleteUser('alice')).toBe(true)
    expect(await broker.deleteUser('alice')).toBe(false)
    expect([await broker.hasUser('alice'), await broker.canLogin('alice', 'secretTwo')]).toEqual([false, false])
    expect(await broker.deleteVhost('v/one')).toBe(true)
    expect(await broker.deleteVhost('v/one')).toBe(false)
  })

  test('users and vhosts are found by their tags, which give no rights', async () => {
    const broker = parts()
    await broker.ensureVhost('plain')
    expect(await broker.ensureVhost('tagged', ['mark'])).toBe(true)
    expect(await broker.ensureVhost('tagged', ['mark'])).toBe(false)
    expect(await broker.vhostsWithTag('mark')).toEqual(['tagged'])
    expect(await broker.ensureVhost('plain', ['mark'])).toBe(true)
    expect((await broker.vhostsWithTag('mark')).toSorted()).toEqual(['plain', 'tagged'])
    await broker.ensureUser('bob', 'secretOne')
    expect(await broker.usersWithTag('mark')).toEqual([])
    expect(await broker.ensureUser('bob', 'secretOne', ['mark'])).toBe(true)
    expect(await broker.ensureUser('bob', 'secretOne', ['mark'])).toBe(false)
    expect([await broker.usersWithTag('mark'), await broker.canLogin('bob', 'secretOne')]).toEqual([['bob'], true])
    await broker.deleteUser('bob')
    for (const vhost of ['plain', 'tagged']) await broker.deleteVhost(vhost)
  })

  test('policies, queues and exchanges are made once and deleted', async () => {
    const broker = parts()
    await broker.ensureVhost('v2')
    expect(await broker.ensurePolicy('v2', policy)).toBe(true)
    expect(await broker.ensurePolicy('v2', policy)).toBe(false)
    expect(await broker.findPolicy('v2', 'forward')).toEqual(policy)
    expect(await broker.ensurePolicy('v2', { ...policy, priority: 2 })).toBe(true)
    expect(await broker.ensureQueue('v2', 'q-alice')).toBe(true)
    expect(await broker.ensureQueue('v2', 'q-alice')).toBe(false)
    expect(await broker.ensureExchange('v2', 'x-alice')).toBe(true)
    expect(await broker.ensureExchange('v2', 'x-alice')).toBe(false)
    expect(await broker.listQueues('v2')).toEqual(['q-alice'])
    expect(await broker.listExchanges('v2')).toContain('x-alice')
    expect([await broker.deleteQueue('v2', 'q-alice'), await broker.deleteQueue('v2', 'q-alice')]).toEqual([
      true,
      false,
    ])
    expect([await broker.deleteExchange('v2', 'x-alice'), await broker.deleteExchange('v2', 'x-alice')]).toEqual([
      true,
      false,
    ])
    expect([await broker.deletePolicy('v2', 'forward'), await broker.deletePolicy('v2', 'forward')]).toEqual([
      true,
      false,
    ])
    await broker.deleteVhost('v2')
  })

  test('what lies in queues is told by vhost', async () => {
    const broker = parts()
    await broker.ensureVhost('v5')
    await broker.ensureQueue('v5', 'gpu')
    expect(await broker.listLoads('v5')).toEqual([{ queue: 'gpu', ready: 0, unacknowledged: 0 }])
    await broker.deleteVhost('v5')
    await expect(broker.listLoads('v5')).rejects.toMatchObject({ kind: 'not-found', code: 'rabbitmq-not-found' })
  })

  test('rights on a missing vhost, or of a missing user, are refused as not found', async () => {
    const broker = parts()
    await broker.ensureUser('bob', 'secretBob')
    await expect(broker.ensurePermissions('nowhere', 'bob', permissions)).rejects.toMatchObject({ kind: 'not-found' })
    await broker.ensureVhost('v3')
    await expect(broker.ensurePermissions('v3', 'nobody', permissions)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(broker.listQueues('nowhere')).rejects.toMatchObject({ kind: 'not-found' })
    expect(await broker.listUsers('bo')).toEqual(['bob'])
    expect(await broker.listVhosts()).toContain('v3')
    await broker.deleteUser('bob')
    await broker.deleteVhost('v3')
  })
}

export interface MonitorParts {
  readonly broker: Rabbitmq
  readonly monitor: RabbitmqMonitor
  /** Somebody takes messages from these queues, by one connection; answers how to end that. */
  readonly consume: (vhost: string, queues: readonly string[]) => Promise<() => Promise<void>>
}

/** What every observer keeps. */
export function rabbitmqMonitorContract(parts: () => MonitorParts): void {
  test('who takes messages from a vhost’s queues is seen, told apart by connection', async () => {
    const { broker, monitor, consume } = parts()
    await broker.ensureVhost('v4')
    for (const queue of ['default', 'gpu', 'idle']) await broker.ensureQueue('v4', queue)
    expect(await monitor.listConsumers('v4')).toEqual([])
    const end = await consume('v4', ['default', 'gpu'])
    const seen = async () => (await monitor.listConsumers('v4')).map(({ queue }) => queue).toSorted()
    await expect.poll(seen, { timeout: 10_000 }).toEqual(['default', 'gpu'])
    const connections = async () =>
      new Set((await monitor.listConsumers('v4')).map(({ connection }) => connection)).size
    await expect.poll(connections, { timeout: 20_000 }).toBe(1)
    await end()
    await expect.poll(seen, { timeout: 10_000 }).toEqual([])
    await broker.deleteVhost('v4')
  })

  test('a vhost that is not there is not found', async () => {
    const missing = parts().monitor.listConsumers('nowhere')
    await expect(missing).rejects.toMatchObject({ kind: 'not-found', code: 'rabbitmq-not-found' })
  })
}
