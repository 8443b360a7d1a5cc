import type { MysqlPool } from 'kysely'
import { createPool } from 'mysql2'
import type { DatabaseOptions } from './database.ts'

/** A pool of connections; connecting happens with the first query. */
export function createMysqlPool(options: DatabaseOptions): MysqlPool {
  const address =
    options.socket === undefined
      ? { host: options.host ?? '127.0.0.1', port: options.port ?? 3306 }
      : { socketPath: options.socket }
  return createPool({
    ...address,
    user: options.user ?? '',
    password: options.password ?? '',
    database: options.database ?? '',
    connectionLimit: options.poolSize ?? 10,
    connectTimeout: 10_000,
    ...(options.tls === true ? { ssl: { verifyIdentity: true } } : {}),
    enableKeepAlive: true,
    charset: 'utf8mb4_bin',
    // Sums and counts come as text otherwise.
    decimalNumbers: true,
  })
}
