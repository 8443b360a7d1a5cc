import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram, freePort, needProgram } from '../../support/programs.ts'
import { startServer, untilReady } from '../../support/server-process.ts'
import { mysqlScript } from './scripts.ts'

export interface TestMariadb {
  readonly port: number
  readonly rootPassword: string
  stop(): Promise<void>
}

export function hasMariadb(): boolean {
  return findProgram('mariadbd') !== undefined && findProgram('mariadb-install-db') !== undefined
}

/** An empty MariaDB on loopback whose root may sign in by TCP, as the image makes it. */
export async function startMariadb(): Promise<TestMariadb> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-charts-mariadb-'))
  const [data, socket, log] = [join(folder, 'data'), join(folder, 'sock'), join(folder, 'log')]
  mkdirSync(data)
  // MariaDB refuses to run as root.
  const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  if (owner.uid !== undefined) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid)
  chmodSync(folder, 0o700)
  const rootPassword = `it's "quoted" \\ and long`
  try {
    const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
    execFileSync(needProgram('mariadb-install-db'), install, { stdio: 'ignore', ...owner })
    const sql = [
      'FLUSH PRIVILEGES;',
      `CREATE USER root@'%' IDENTIFIED BY '${rootPassword.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}';`,
      "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;",
      // Anonymous users of a fresh folder come before '%' when names are matched.
      "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> '%');",
    ]
    execFileSync(needProgram('mariadbd'), ['--no-defaults', '--bootstrap', `--datadir=${data}`], {
      input: sql.join('\n'),
      stdio: ['pipe', 'ignore', 'ignore'],
      ...owner,
    })
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const port = await freePort()
  const args = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
  ]
  const server = startServer(needProgram('mariadbd'), [...args, '--skip-name-resolve', `--pid-file=${folder}/pid`], {
    log,
    ...owner,
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilReady('mariadbd', server, log, async () => {
      await mysqlScript("echo 'SELECT 1;' | mariadb --host=127.0.0.1 --port=$PORT --user=root", {
        PORT: String(port),
        MYSQL_PWD: rootPassword,
      })
      return true
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { port, rootPassword, stop }
}
