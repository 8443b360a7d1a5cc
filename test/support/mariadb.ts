import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import type { DatabaseOptions } from '../../src/db/database.ts'
import { freePort, needProgram } from './programs.ts'
import { type Interruptible, startServer, untilReady } from './server-process.ts'

export interface TestMariadb extends Interruptible {
  readonly port: number
  readonly rootPassword: string
  /** Statements as root. */
  sql(...statements: readonly string[]): Promise<void>
  /** How `user` opens the database called `name`. */
  as(user: string, password: string, name: string): DatabaseOptions
  /** An empty database of its own, opened as root. */
  fresh(): Promise<DatabaseOptions>
  stop(): Promise<void>
}

/** An empty MariaDB on loopback whose root may sign in by TCP, as the image makes it; its data go with it. */
export async function startMariadb(tls?: { readonly cert: string; readonly key: string }): Promise<TestMariadb> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-mariadb-'))
  // MariaDB refuses to run as root.
  const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const rootPassword = `it's "quoted" \\ and long`
  try {
    const own = makeData(folder, rootPassword, owner)
    const port = await freePort()
    const args = ['--no-defaults', ...own, `--socket=${folder}/sock`, '--bind-address=127.0.0.1', `--port=${port}`]
    const fast = ['--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=64M', '--performance-schema=OFF']
    const log = join(folder, 'log')
    const certificate = tls === undefined ? [] : copyCertificate(folder, tls, owner)
    const all = [...args, ...certificate, ...fast, '--skip-name-resolve', `--pid-file=${folder}/pid`]
    const begin = () => startServer(needProgram('mariadbd'), all, { log, ...owner })
    let server = begin()
    const stop = async (): Promise<void> => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    const mariadb = connected(port, rootPassword, stop)
    const answers = async (): Promise<boolean> => {
      await mariadb.sql('SELECT 1')
      return true
    }
    const ready = async (): Promise<void> => await untilReady('mariadbd', server, log, answers)
    await ready().catch(async (error: unknown) => {
      await server.stop()
      throw error
    })
    const halt = async (): Promise<void> => await server.kill()
    const resume = async (): Promise<void> => {
      server = begin()
      await ready()
    }
    return { ...mariadb, halt, resume }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Where the server, which is another user, may read it. */
function copyCertificate(folder: string, { cert, key }: { cert: string; key: string }, owner: Owner): string[] {
  for (const [name, content] of Object.entries({ cert, key })) {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    if (owner.uid !== undefined && owner.gid !== undefined) chownSync(join(folder, name), owner.uid, owner.gid)
  }
  return [`--ssl-cert=${folder}/cert`, `--ssl-key=${folder}/key`]
}

type Owner = { readonly uid?: number; readonly gid?: number }

/** Fills the data folder; returns the flags that name it. */
function makeData(folder: string, rootPassword: string, owner: Owner): string[] {
  const data = join(folder, 'data')
  mkdirSync(data)
  const { uid, gid } = owner
  if (uid !== undefined && gid !== undefined) for (const path of [folder, data]) chownSync(path, uid, gid)
  chmodSync(folder, 0o700)
  // A server that starts clears its tmpdir of temporary tables, also those of another server: never the shared one.
  const own = [`--datadir=${data}`, `--tmpdir=${folder}`]
  const install = ['--no-defaults', ...own, '--auth-root-authentication-method=normal', '--skip-test-db']
  execFileSync(needProgram('mariadb-install-db'), install, { stdio: 'ignore', ...owner })
  const sql = [
    'FLUSH PRIVILEGES;',
    `CREATE USER root@'%' IDENTIFIED BY '${rootPassword.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}';`,
    "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;",
    // Anonymous users of a fresh folder come before '%' when names are matched.
    "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> '%');",
  ]
  execFileSync(needProgram('mariadbd'), ['--no-defaults', '--bootstrap', ...own], {
    input: sql.join('\n'),
    stdio: ['pipe', 'ignore', 'ignore'],
    ...owner,
  })
  return own
}

function connected(
  port: number,
  rootPassword: string,
  stop: () => Promise<void>,
): Omit<TestMariadb, keyof Interruptible> {
  const host = '127.0.0.1'
  const as = (user: string, password: string, database: string): DatabaseOptions => ({
    kind: 'mysql',
    host,
    port,
    user,
    password,
    database,
  })
  const sql = async (...statements: readonly string[]): Promise<void> => {
    const connection = await createConnection({ host, port, user: 'root', password: rootPassword })
    try {
      for (const statement of statements) await connection.query(statement)
    } finally {
      await connection.end()
    }
  }
  let count = 0
  const fresh = async (): Promise<DatabaseOptions> => {
    const name = `fresh_${++count}`
    await sql(`CREATE DATABASE ${name}`)
    return as('root', rootPassword, name)
  }
  return { port, rootPassword, sql, as, fresh, stop }
}
