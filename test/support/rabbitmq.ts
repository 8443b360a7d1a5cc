import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomWord } from '../../src/base/secrets.ts'
import { findProgram, freePort, needProgram } from './programs.ts'
import { type Interruptible, startServer, untilReady } from './server-process.ts'

export interface TestRabbitmq extends Interruptible {
  /** Of the management interface. */
  readonly admin: { readonly url: string; readonly user: string; readonly password: string }
  /** Where clients connect (AMQP, plain). */
  readonly amqp: { readonly host: string; readonly port: number }
  stop(): Promise<void>
}

export interface RabbitmqStart {
  /** Kept when it stops: a broker started there again finds its data. */
  readonly folder?: string
  /** Node name, when the data are to be found again. */
  readonly node?: string
  /** Content of a definitions file instead of the first user; it must make that user. */
  readonly definitions?: string
}

/** A broker of its own on loopback, apart from any that the machine runs: own node name, ports, cookie, folder. */
export async function startRabbitmq(given: RabbitmqStart = {}): Promise<TestRabbitmq> {
  const folder = given.folder ?? mkdtempSync(join(tmpdir(), 'cloudmgr-rabbit-'))
  const [amqpPort, httpPort, distPort, epmdPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const admin = { url: `http://127.0.0.1:${httpPort}`, user: 'admin', password: 'admin-of-tests' }
  writeFiles(folder, { amqpPort, httpPort, ...admin, definitions: given.definitions })
  const env = {
    HOME: folder,
    RABBITMQ_NODENAME: given.node ?? `cloudmgr-${randomWord(6)}@localhost`,
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_DIST_PORT: String(distPort),
    // A port mapper of its own, started and ended here.
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Its script then becomes the broker instead of guarding it: who ends the script ends the broker.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
  const log = join(folder, 'rabbitmq.log')
  const owner = ownerOf(folder)
  const mapper = startServer(needProgram('epmd'), ['-port', String(epmdPort), '-address', '127.0.0.1'], {
    log,
    ...owner,
  })
  let earlier = 0
  const begin = () => {
    earlier = statSync(log).size
    return startServer(serverProgram(), [], { log, env, cwd: folder, ...owner })
  }
  let server = begin()
  const stop = async (): Promise<void> => {
    await server.stop()
    await mapper.stop()
    if (given.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
  const authorization = `Basic ${Buffer.from(`${admin.user}:${admin.password}`).toString('base64')}`
  // Its API answers before definitions are read; this line comes after them.
  const hasStarted = () => readFileSync(log).subarray(earlier).includes('Server startup complete')
  const answers = async () =>
    hasStarted() && (await fetch(`${admin.url}/api/overview`, { headers: { authorization } })).ok
  const ready = async (): Promise<void> => await untilReady('rabbitmq', server, log, answers)
  try {
    await ready()
  } catch (error) {
    await stop()
    throw error
  }
  const halt = async (): Promise<void> => await server.kill()
  const resume = async (): Promise<void> => {
    server = begin()
    await ready()
  }
  return { admin, amqp: { host: '127.0.0.1', port: amqpPort }, stop, halt, resume }
}

function writeFiles(
  folder: string,
  given: { amqpPort: number; httpPort: number; user: string; password: string; definitions: string | undefined },
): void {
  mkdirSync(join(folder, 'data'), { recursive: true })
  const definitions = join(folder, 'definitions.json')
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${given.amqpPort}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${given.httpPort}`,
    ...(given.definitions === undefined
      ? [`default_user = ${given.user}`, `default_pass = ${given.password}`]
      : [`load_definitions = ${definitions}`]),
    'loopback_users = none',
  ]
  writeFileSync(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`)
  if (given.definitions !== undefined) writeFileSync(definitions, given.definitions)
  writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_management].\n')
  if (!existsSync(join(folder, '.erlang.cookie')))
    writeFileSync(join(folder, '.erlang.cookie'), randomWord(20), { mode: 0o400 })
}

/** Debian's script lets only root and rabbitmq start it, and goes on as rabbitmq: the folder must be that user's. */
function ownerOf(folder: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'rabbitmq'], { encoding: 'utf8' }))
  const owner = { uid: id('-u'), gid: id('-g') }
  for (const name of ['', 'data', 'rabbitmq.conf', 'enabled_plugins', '.erlang.cookie'])
    chownSync(join(folder, name), owner.uid, owner.gid)
  chmodSync(folder, 0o755)
  return owner
}

/** Debian's `rabbitmq-server` is a wrapper around the system's own node; the script behind it is not. */
function serverProgram(): string {
  const behind = '/usr/lib/rabbitmq/bin/rabbitmq-server'
  const found = existsSync(behind) ? behind : findProgram('rabbitmq-server')
  if (found === undefined) throw new Error('rabbitmq-server is missing: apt-get install rabbitmq-server')
  return found
}
