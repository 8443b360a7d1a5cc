import { AppError } from '../../base/errors.ts'
import { type CopiedCollection, grantsOf, noteOf, type MongoAccess, type Mongodb, type MongoSizes } from './port.ts'

/** Documents by id, by collection, by database. */
type Stores = Map<string, Map<string, Map<string, unknown>>>

export interface FakeMongodb extends Mongodb, MongoSizes {
  readonly dropped: readonly string[]
  setBytes(database: string, bytes: number): void
  /** Data of a database, to be filled and looked at by tests. */
  collection(database: string, name: string): Map<string, unknown>
  /** Documents by store and file that dumps of this server have left. */
  readonly dumps: ReadonlyMap<string, readonly unknown[]>
}

/** What a fake server knows, so that it can be kept. */
export interface MongodbMemory {
  readonly users: Map<string, MongoAccess>
  readonly stores: Stores
  readonly bytes: Map<string, number>
  readonly dumps: Map<string, readonly unknown[]>
}

export function emptyMongodb(): MongodbMemory {
  return { users: new Map(), stores: new Map(), bytes: new Map(), dumps: new Map() }
}

/** Users and documents in memory. */
export function createFakeMongodb({ users, stores, bytes, dumps }: MongodbMemory = emptyMongodb()): FakeMongodb {
  const dropped: string[] = []
  const view = (access: MongoAccess) => ({
    user: access.user,
    databases: grantsOf(access),
    ...noteOf(access),
  })
  const database = (name: string) => getOrMake(stores, name, () => new Map<string, Map<string, unknown>>())
  const collection = (db: string, name: string) => getOrMake(database(db), name, () => new Map<string, unknown>())
  return {
    dropped,
    dumps,
    dumpDatabase: async (from, to, name, { signal, onCollection }) =>
      [...database(from).keys()].sort().map((one) => {
        signal?.throwIfAborted()
        const documents = [...collection(from, one).values()]
        dumps.set(`${to.database}/${name}/${one}.bson`, documents)
        const dumped = { name: one, documents: documents.length }
        onCollection?.(dumped)
        return dumped
      }),
    setBytes: (database, size) => void bytes.set(database, size),
    databaseBytes: async ({ user, password, database }) => {
      const found = users.get(user)
      const may = [...(found?.databases ?? []), ...(found?.readOnly ?? [])]
      if (found?.password === password && may.includes(database)) return bytes.get(database) ?? 0
      throw new AppError('forbidden', 'mongodb-forbidden', `MongoDB: asking for the size of ${database} as ${user}`)
    },
    collection,
    ensureUser: async (access) => {
      const before = users.get(access.user)
      users.set(access.user, access)
      const said = (one: MongoAccess | undefined) => one && JSON.stringify([one.password, noteOf(one), grantsOf(one)])
      return said(before) !== said(access)
    },
    findUser: async (user) => {
      const found = users.get(user)
      return found && view(found)
    },
    canLogin: async (user, password) => users.get(user)?.password === password,
    dropUser: async (user) => users.delete(user),
    dropDatabase: async (name) => {
      dropped.push(name)
      stores.delete(name)
    },
    copyDatabase: async (from, to, { replace, signal, onCollection }) => {
      const copied = [...database(from).keys()].sort().map((name) => {
        signal?.throwIfAborted()
        return copy(name, collection(from, name), collection(to, name), replace)
      })
      for (const one of copied) onCollection?.(one)
      return copied
    },
    listDatabases: async () => [...stores].filter(([, held]) => held.size > 0).map(([name]) => name),
    listUsers: async (prefix = '') => [...users.values()].map(view).filter(({ user }) => user.startsWith(prefix)),
  }
}

function copy(
  name: string,
  from: ReadonlyMap<string, unknown>,
  to: Map<string, unknown>,
  replace: boolean,
): CopiedCollection {
  const same = (id: string, document: unknown) => JSON.stringify(to.get(id)) === JSON.stringify(document)
  const missing = [...from].filter(([id]) => !to.has(id))
  const other = [...from].filter(([id, document]) => to.has(id) && !same(id, document))
  for (const [id, document] of replace ? [...missing, ...other] : missing) to.set(id, document)
  const [replaced, differing] = replace ? [other.length, 0] : [0, other.length]
  return { name, documents: from.size, added: missing.length, replaced, differing }
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
