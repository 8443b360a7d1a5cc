import { AppError } from '../../base/errors.ts'
import type { MongoAccess, Mongodb, MongoSizes } from './port.ts'

export interface FakeMongodb extends Mongodb, MongoSizes {
  readonly dropped: readonly string[]
  setBytes(database: string, bytes: number): void
}

/** Users in memory. */
export function createFakeMongodb(): FakeMongodb {
  const users = new Map<string, MongoAccess>()
  const dropped: string[] = []
  const bytes = new Map<string, number>()
  const view = ({ user, databases }: MongoAccess) => ({ user, databases })
  return {
    dropped,
    setBytes: (database, size) => void bytes.set(database, size),
    databaseBytes: async ({ user, password, database }) => {
      const found = users.get(user)
      if (found?.password === password && found.databases.includes(database)) return bytes.get(database) ?? 0
      throw new AppError('forbidden', 'mongodb-forbidden', `MongoDB: asking for the size of ${database} as ${user}`)
    },
    ensureUser: async (access) => {
      const before = users.get(access.user)
      users.set(access.user, access)
      return JSON.stringify(before) !== JSON.stringify(access)
    },
    findUser: async (user) => {
      const found = users.get(user)
      return found && view(found)
    },
    canLogin: async (user, password) => users.get(user)?.password === password,
    dropUser: async (user) => users.delete(user),
    dropDatabase: async (database) => void dropped.push(database),
    listUsers: async (prefix = '') => [...users.values()].map(view).filter(({ user }) => user.startsWith(prefix)),
  }
}
