import type { MongoAccess, Mongodb } from './port.ts'

export interface FakeMongodb extends Mongodb {
  readonly dropped: readonly string[]
}

/** Users in memory. */
export function createFakeMongodb(): FakeMongodb {
  const users = new Map<string, MongoAccess>()
  const dropped: string[] = []
  const view = ({ user, databases }: MongoAccess) => ({ user, databases })
  return {
    dropped,
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
