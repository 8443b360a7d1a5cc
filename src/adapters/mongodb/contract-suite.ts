import { expect, test } from 'vitest'
import type { Mongodb } from './port.ts'

/** What every implementation keeps. */
export function mongodbContract(parts: () => Mongodb): void {
  const alice = { user: 'uAlice', password: 'secretOne', databases: ['dAlice'] }

  test('a user is made once, mended when something differs, and dropped', async () => {
    const mongodb = parts()
    expect(await mongodb.findUser('uAlice')).toBeUndefined()
    expect(await mongodb.ensureUser(alice)).toBe(true)
    expect(await mongodb.ensureUser(alice)).toBe(false)
    expect(await mongodb.findUser('uAlice')).toEqual({ user: 'uAlice', databases: ['dAlice'] })

    expect(await mongodb.ensureUser({ ...alice, password: 'secretTwo' })).toBe(true)
    expect(await mongodb.canLogin('uAlice', 'secretOne')).toBe(false)
    expect(await mongodb.canLogin('uAlice', 'secretTwo')).toBe(true)
    expect(await mongodb.ensureUser({ ...alice, password: 'secretTwo', databases: ['dAlice', 'dGroup'] })).toBe(true)
    expect((await mongodb.findUser('uAlice'))?.databases.toSorted()).toEqual(['dAlice', 'dGroup'])

    expect(await mongodb.dropUser('uAlice')).toBe(true)
    expect(await mongodb.dropUser('uAlice')).toBe(false)
    expect(await mongodb.canLogin('uAlice', 'secretTwo')).toBe(false)
  })

  test('users are listed by prefix', async () => {
    const mongodb = parts()
    await mongodb.ensureUser({ ...alice, user: 'pA' })
    await mongodb.ensureUser({ ...alice, user: 'qB' })
    expect((await mongodb.listUsers('p')).map(({ user }) => user)).toEqual(['pA'])
    await mongodb.dropUser('pA')
    await mongodb.dropUser('qB')
  })

  test('dropping a database that does not exist is fine', async () => {
    await expect(parts().dropDatabase('never')).resolves.toBeUndefined()
  })
}
