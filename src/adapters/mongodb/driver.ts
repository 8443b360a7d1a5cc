import { MongoClient, MongoServerError } from 'mongodb'
import { AppError } from '../../base/errors.ts'
import { copyDatabase } from './copy.ts'
import { dumpDatabase } from './dump.ts'
import type { MongoAccess, Mongodb, MongoSizes, MongoUser } from './port.ts'
import { grantsOf, noteOf, sameSet } from './port.ts'

export interface MongodbOptions {
  readonly host: string
  readonly port?: number
  /** The administrator, whose user lies in `admin`. */
  readonly user: string
  readonly password: string
  /** `host:port` of servers that are spoken to by TLS; their certificate must be of an authority that Node trusts. */
  readonly tlsServers?: readonly string[]
}

const SIGN_IN_FAILED = 18
const UNAUTHORIZED = 13
const USER_NOT_FOUND = 11
const OUT_OF_DISK_SPACE = 14_031
const TIMEOUT_MS = 5000
const NOTED = 'cloudmgr'
const own = new Set(['admin', 'config', 'local'])

/** The real one. A connection per call: calls are rare, and an engine that sleeps holds none. */
export function createMongodb(options: MongodbOptions): Mongodb {
  const asAdmin = <T>(attempted: string, work: (client: MongoClient) => Promise<T>): Promise<T> =>
    translated(attempted, () => connected(options, options.user, options.password, work))
  const canLogin: Mongodb['canLogin'] = async (user, password) => {
    try {
      await connected(
        options,
        user,
        password,
        async (client) => await client.db('admin').command({ connectionStatus: 1 }),
      )
      return true
    } catch (error) {
      if (error instanceof MongoServerError && error.code === SIGN_IN_FAILED) return false
      throw translate(`signing in as ${user}`, error)
    }
  }
  const findUser: Mongodb['findUser'] = (user) =>
    asAdmin(`looking for user ${user}`, async (client) => {
      const found = (await client.db('admin').command({ usersInfo: { user, db: 'admin' } })) as UsersInfo
      return found.users.map(userOf)[0]
    })
  return {
    canLogin,
    findUser,
    ensureUser: async (access) => {
      const before = await findUser(access.user)
      if (
        before !== undefined &&
        isNoted(before, access) &&
        sameSet(before.databases, grantsOf(access)) &&
        (await canLogin(access.user, access.password))
      )
        return false
      await asAdmin(`making user ${access.user}`, (client) => writeUser(client, access, before === undefined))
      if (!(await canLogin(access.user, access.password))) {
        throw new AppError(
          'conflict',
          'mongodb-login-failed',
          `user ${access.user} can't sign in with the password it was just given`,
        )
      }
      return true
    },
    dropUser: (user) =>
      asAdmin(`dropping user ${user}`, async (client) => {
        try {
          await client.db('admin').command({ dropUser: user })
          return true
        } catch (error) {
          if (error instanceof MongoServerError && error.code === USER_NOT_FOUND) return false
          throw error
        }
      }),
    dropDatabase: (database) =>
      asAdmin(`dropping database ${database}`, async (client) => void (await client.db(database).dropDatabase())),
    copyDatabase: (from, to, copy) =>
      asAdmin(`copying database ${from} to ${to}`, (client) => copyDatabase(client.db(from), client.db(to), copy)),
    dumpDatabase: (database, to, name, dump) =>
      asAdmin(`dumping database ${database} to ${to.database} as ${name}`, (client) => {
        const store = { ...options, ...addressOf(to.server) }
        return connected(store, to.user, to.password, (other) =>
          dumpDatabase(client.db(database), other.db(to.database), name, dump),
        )
      }),
    listDatabases: () =>
      asAdmin('listing databases', async (client) => {
        const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true })
        return databases.map(({ name }) => name).filter((name) => !own.has(name))
      }),
    listUsers: (prefix = '') =>
      asAdmin('listing users', async (client) => {
        const found = (await client.db('admin').command({ usersInfo: 1 })) as UsersInfo
        return found.users.map(userOf).filter(({ user }) => user.startsWith(prefix))
      }),
  }
}

/** The real one of the accounts' view; a connection per call, with the account's own credentials. */
export function createMongoSizes(options: Pick<MongodbOptions, 'tlsServers'> = {}): MongoSizes {
  return {
    databaseBytes: ({ server, user, password, database }) => {
      return translated(`asking for the size of ${database} as ${user}`, () =>
        connected({ ...options, ...addressOf(server) }, user, password, async (client) => {
          const stats = await client.db(database).command({ dbStats: 1 })
          return Number(stats['storageSize'] ?? 0) + Number(stats['indexSize'] ?? 0)
        }),
      )
    },
  }
}

function addressOf(server: string): { host: string; port: number } {
  const [host = '', port = '27017'] = server.split(':')
  return { host, port: Number(port) }
}

interface UsersInfo {
  readonly users: readonly {
    readonly user: string
    readonly roles: readonly { readonly role: string; readonly db: string }[]
    readonly customData?: { readonly managedBy?: unknown; readonly account?: unknown; readonly owned?: unknown }
  }[]
}

async function writeUser(client: MongoClient, access: MongoAccess, isNew: boolean): Promise<void> {
  const writes = access.databases.map((db) => ({ role: 'readWrite', db }))
  const roles = [...writes, ...(access.readOnly ?? []).map((db) => ({ role: 'read', db }))]
  const command = isNew ? { createUser: access.user } : { updateUser: access.user }
  const note = access.account === undefined ? {} : { customData: { managedBy: NOTED, ...noteOf(access) } }
  await client.db('admin').command({ ...command, pwd: access.password, roles, ...note })
}

function userOf(found: UsersInfo['users'][number]): MongoUser {
  const { managedBy, account, owned } = found.customData ?? {}
  // Other roles count too: a user who may more than asked for is different.
  return {
    user: found.user,
    databases: found.roles.map(({ role, db }) => (role === 'readWrite' ? db : `${db}:${role}`)),
    ...(managedBy === NOTED && typeof account === 'string' ? { account, owned: wordsOf(owned) } : {}),
  }
}

function wordsOf(noted: unknown): string[] {
  return Array.isArray(noted) ? noted.filter((one) => typeof one === 'string') : []
}

function isNoted(found: MongoUser, access: MongoAccess): boolean {
  const { account, owned = [] } = noteOf(access)
  return found.account === account && sameSet(found.owned ?? [], owned)
}

async function connected<T>(
  options: Omit<MongodbOptions, 'user' | 'password'>,
  user: string,
  password: string,
  work: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const server = `${options.host}:${options.port ?? 27017}`
  const client = new MongoClient(`mongodb://${server}/?directConnection=true`, {
    auth: { username: user, password },
    authSource: 'admin',
    serverSelectionTimeoutMS: TIMEOUT_MS,
    connectTimeoutMS: TIMEOUT_MS,
    // A server that went without a word; an index over much data takes its time.
    socketTimeoutMS: 120_000,
    tls: options.tlsServers?.includes(server) === true,
  })
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.close()
  }
}

async function translated<T>(attempted: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translate(attempted, error)
  }
}

function translate(attempted: string, cause: unknown): AppError {
  const what = `MongoDB: ${attempted}`
  // Told to stop: whoever asked for that knows what it means.
  if (cause instanceof Error && cause.name === 'AbortError')
    return new AppError('unavailable', 'mongodb-stopped', what, { cause })
  if (!(cause instanceof MongoServerError)) return new AppError('unavailable', 'mongodb-unreachable', what, { cause })
  if (cause.code === SIGN_IN_FAILED || cause.code === UNAUTHORIZED)
    return new AppError('forbidden', 'mongodb-forbidden', what, { cause })
  // Passes once somebody makes room; a server whose journal finds none ends, and is unreachable.
  if (cause.code === OUT_OF_DISK_SPACE)
    return new AppError('unavailable', 'mongodb-full', `${what}: its volume is full`, { cause })
  if (cause.hasErrorLabel('RetryableWriteError') || cause.code === 11600 || cause.code === 91) {
    return new AppError('unavailable', 'mongodb-unreachable', what, { cause })
  }
  return new AppError('invalid', 'mongodb-refused', what, { cause })
}
