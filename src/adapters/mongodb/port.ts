/** A user in the database `admin` who may use some databases and nothing else. */
export interface MongoAccess {
  readonly user: string
  readonly password: string
  readonly databases: readonly string[]
  /** What it may only read. */
  readonly readOnly?: readonly string[]
  /** Whose user it is: noted beside it, so that it is known as ours when no row of ours names it. */
  readonly account?: string | undefined
  /** Noted with `account`: those of `databases` that go with the user; all of them when left out. */
  readonly owned?: readonly string[] | undefined
}

export interface MongoUser {
  readonly user: string
  /** What it may read and write; with `:` and the role what it may otherwise, such as `sales:read`. */
  readonly databases: readonly string[]
  /** As it was noted by `ensureUser`; left out for users that others made. */
  readonly account?: string
  /** With `account`: the databases that go with the user. */
  readonly owned?: readonly string[]
}

export interface CopyOptions {
  readonly replace: boolean
  readonly signal?: AbortSignal
  readonly onCollection?: (copied: CopiedCollection) => void
}

export interface CopiedCollection {
  readonly name: string
  readonly documents: number
  readonly added: number
  readonly replaced: number
  /** There with another content, and left. */
  readonly differing: number
}

export interface DumpOptions {
  readonly signal?: AbortSignal
  readonly onCollection?: (dumped: DumpedCollection) => void
}

export interface DumpedCollection {
  readonly name: string
  readonly documents: number
}

/**
 * A MongoDB server, as an administrator of users (`userAdminAnyDatabase`; dropping databases needs `root` or `dropDatabase`).
 *
 * Errors: `unavailable/mongodb-unreachable`, `forbidden/mongodb-forbidden` (the administrator's own sign-in or rights),
 * `invalid/mongodb-refused` (a name the server does not take), `conflict/mongodb-login-failed` (the user can't sign in
 * although it was just made so).
 */
export interface Mongodb {
  /** Makes or mends the user and proves it by signing in; false when it was so already. */
  ensureUser(access: MongoAccess): Promise<boolean>
  findUser(user: string): Promise<MongoUser | undefined>
  /** Whether this name and password sign in. */
  canLogin(user: string, password: string): Promise<boolean>
  /** False when there was none. */
  dropUser(user: string): Promise<boolean>
  /** Deletes all data of a database; nothing happens when there is none. */
  dropDatabase(database: string): Promise<void>
  /**
   * Adds what `to` lacks of `from`, indexes included, and compares the rest; with `replace`, what differs is overwritten.
   * May be cut off and repeated.
   */
  copyDatabase(from: string, to: string, options: CopyOptions): Promise<readonly CopiedCollection[]>
  /**
   * Keeps a database as files of the bucket `dumps` (GridFS) of another store: `<name>/<collection>.bson`, the documents one
   * after the other as `mongodump` writes them, and `<name>/<collection>.metadata.json` with the indexes. Files of that name
   * are replaced, so that it may be cut off and repeated.
   */
  dumpDatabase(
    database: string,
    to: MongoLogin,
    name: string,
    options: DumpOptions,
  ): Promise<readonly DumpedCollection[]>
  listUsers(prefix?: string): Promise<readonly MongoUser[]>
  /** Those that hold something, without the server's own. */
  listDatabases(): Promise<readonly string[]>
}

/** Who signs in to which database of which server. */
export interface MongoLogin {
  /** `host:port`. */
  readonly server: string
  readonly user: string
  readonly password: string
  readonly database: string
}

/**
 * MongoDB as the accounts themselves see it: with their own credentials, never an administrator's.
 *
 * Errors: `unavailable/mongodb-unreachable`, `forbidden/mongodb-forbidden` (wrong password, or no right on the database).
 */
export interface MongoSizes {
  /** Bytes on disk of data and indexes; 0 for a database that nobody wrote to yet. */
  databaseBytes(login: MongoLogin): Promise<number>
}

/** As `MongoUser.databases` tells it. */
export function grantsOf({ databases, readOnly = [] }: Pick<MongoAccess, 'databases' | 'readOnly'>): string[] {
  return [...databases, ...readOnly.map((name) => `${name}:read`)]
}

/** What is noted beside the user; nothing of one that is nobody's. */
export function noteOf({ account, databases, owned = databases }: MongoAccess): Pick<MongoUser, 'account' | 'owned'> {
  return account === undefined ? {} : { account, owned }
}

export function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join('\n') === other.toSorted().join('\n')
}
