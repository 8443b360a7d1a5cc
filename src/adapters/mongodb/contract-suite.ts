import { expect, test } from 'vitest'
import type { Mongodb, MongoSizes } from './port.ts'

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

  test('what a user may only read is told apart, and mended', async () => {
    const mongodb = parts()
    const reader = { user: 'uReader', password: 'secretOne', databases: [], readOnly: ['dAlice'] }
    expect(await mongodb.ensureUser(reader)).toBe(true)
    expect(await mongodb.ensureUser(reader)).toBe(false)
    expect((await mongodb.findUser('uReader'))?.databases).toEqual(['dAlice:read'])
    expect(await mongodb.ensureUser({ ...reader, databases: ['dAlice'], readOnly: [] })).toBe(true)
    expect((await mongodb.findUser('uReader'))?.databases).toEqual(['dAlice'])
    await mongodb.dropUser('uReader')
  })

  test('a user is known as an account’s from the note beside it', async () => {
    const mongodb = parts()
    await mongodb.ensureUser({ ...alice, user: 'rA' })
    expect(await mongodb.listUsers('rA')).toEqual([{ user: 'rA', databases: ['dAlice'] }])
    expect(await mongodb.ensureUser({ ...alice, user: 'rA', account: 'alice' })).toBe(true)
    expect(await mongodb.ensureUser({ ...alice, user: 'rA', account: 'alice' })).toBe(false)
    const noted = { user: 'rA', databases: ['dAlice'], account: 'alice' }
    expect(await mongodb.listUsers('rA')).toEqual([{ ...noted, owned: ['dAlice'] }])
    expect(await mongodb.ensureUser({ ...alice, user: 'rA', account: 'alice', owned: [] })).toBe(true)
    expect(await mongodb.ensureUser({ ...alice, user: 'rA', account: 'alice', owned: [] })).toBe(false)
    expect(await mongodb.findUser('rA')).toEqual({ ...noted, owned: [] })
    await mongodb.dropUser('rA')
  })

  test('the server’s own databases are not listed', async () => {
    const listed = await parts().listDatabases()
    expect(listed.filter((name) => ['admin', 'config', 'local'].includes(name))).toEqual([])
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

/** What every implementation of the accounts' view keeps; `server` is where the administrator of `parts` makes users. */
export function mongoSizesContract(parts: () => { mongodb: Mongodb; sizes: MongoSizes; server: string }): void {
  test('an account asks for the size of its own database, and of no other', async () => {
    const { mongodb, sizes, server } = parts()
    const carol = { user: 'uCarol', password: 'secretCarol', databases: ['dCarol'] }
    const login = { server, user: 'uCarol', password: 'secretCarol', database: 'dCarol' }
    await mongodb.ensureUser(carol)
    expect(await sizes.databaseBytes(login)).toBe(0)
    const refused = { kind: 'forbidden', code: 'mongodb-forbidden' }
    await expect(sizes.databaseBytes({ ...login, database: 'dAlice' })).rejects.toMatchObject(refused)
    await expect(sizes.databaseBytes({ ...login, password: 'wrong' })).rejects.toMatchObject(refused)
    await expect(sizes.databaseBytes({ ...login, user: 'nobody' })).rejects.toMatchObject(refused)
    await mongodb.dropUser('uCarol')
  })
}
