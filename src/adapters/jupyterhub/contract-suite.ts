import { expect, test } from 'vitest'
import type { Jupyterhub } from './port.ts'

/** What every implementation keeps; the hub's spawner must be able to start servers. */
export function jupyterhubContract(parts: () => Jupyterhub): void {
  test('a user is made once and deleted', async () => {
    const hub = parts()
    expect(await hub.findUser('alice')).toBeUndefined()
    expect(await hub.ensureUser('alice')).toBe(true)
    expect(await hub.ensureUser('alice')).toBe(false)
    expect(await hub.ensureUser('alice', { admin: true })).toBe(true)
    expect(await hub.findUser('alice')).toEqual({ name: 'alice', admin: true, servers: [] })
    expect((await hub.listUsers()).map(({ name }) => name)).toContain('alice')
    expect(await hub.deleteUser('alice')).toBe(true)
    expect(await hub.deleteUser('alice')).toBe(false)
  })

  test('a user whose name is no person’s is refused', async () => {
    await expect(parts().ensureUser('g-team')).rejects.toMatchObject({ kind: 'invalid' })
    expect(await parts().findUser('g-team')).toBeUndefined()
  })

  test('a server starts and stops, each asked for once', async () => {
    const hub = parts()
    const state = async (): Promise<string | undefined> => (await hub.findUser('bob'))?.servers[0]?.state
    await hub.ensureUser('bob')
    expect(await hub.stopServer('bob')).toBe(false)
    expect(await hub.startServer('bob')).toBe(true)
    await expect.poll(state, { timeout: 20_000 }).toBe('ready')
    expect(await hub.startServer('bob')).toBe(false)
    expect(await hub.stopServer('bob')).toBe(true)
    await expect.poll(async () => (await state()) ?? 'stopped', { timeout: 20_000 }).toBe('stopped')
    await hub.deleteUser('bob')
  })

  test('starting a server for nobody is refused as not found', async () => {
    await expect(parts().startServer('nobody')).rejects.toMatchObject({ kind: 'not-found' })
  })
}
