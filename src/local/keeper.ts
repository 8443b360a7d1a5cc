import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { ensureFile, findJson, findText, writeJson } from './files.ts'
import { cloudPaths, type CloudPaths } from './paths.ts'
import { endProcess, findProcess, isAlive, type ProcessId } from './processes.ts'

/**
 * Starts the supervisor again when it ended without taking its file away. $1 node, $2 main.ts, $3 state folder,
 * $4 programs, $5 the supervisor's file. A process without arguments has ended, or is another's by now.
 */
const watch = `
while [ -e "$5" ]; do
  pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' "$5")
  grep -q serve "/proc/$pid/cmdline" 2>/dev/null || "$1" "$2" serve --state "$3" --bin "$4"
  sleep 1
done`

const program = join(import.meta.dirname, 'main.ts')

export interface Serving {
  readonly socket: string
  readonly pid: number
}

export interface SupervisorWishes {
  /** Without root: all machines are simulated. */
  readonly simulated?: boolean | undefined
  /** Folder of the disk that new machines begin with. */
  readonly disk?: string | undefined
}

/** Ends with the local cloud answering: one that runs already is left alone. */
export async function startSupervisor(folder: string, binDir: string, wishes: SupervisorWishes = {}): Promise<Serving> {
  const paths = cloudPaths(folder)
  // Kept for whoever starts it the next time.
  if (wishes.simulated === true) ensureFile(paths.simulated, '')
  if (wishes.disk !== undefined) ensureFile(paths.disk, wishes.disk)
  if ((await servingPid(paths.socket)) === undefined)
    await detached(paths, process.execPath, [program, 'serve', '--state', folder, '--bin', binDir])
  const deadline = Date.now() + 30_000
  for (;;) {
    const pid = await servingPid(paths.socket)
    if (pid !== undefined) return { socket: paths.socket, pid }
    if (Date.now() > deadline) {
      const said = (findText(join(paths.logs, 'supervisor.log')) ?? '').trimEnd().split('\n').slice(-2).join(' | ')
      throw new AppError('unavailable', 'local-cloud', `the local cloud in ${folder} does not answer: ${said}`)
    }
    await delay(50)
  }
}

/** Called by the supervisor itself, so that it is looked after however it was started. */
export async function ensureKeeper(paths: CloudPaths, binDir: string): Promise<void> {
  const keeper = findJson<ProcessId>(paths.keeper)
  if (keeper !== undefined && isAlive(keeper)) return
  const args = ['-c', watch, 'keeper', process.execPath, program, paths.folder, binDir, paths.supervisor]
  const pid = await detached(paths, '/bin/sh', args)
  writeJson(paths.keeper, findProcess(pid))
}

/** Ends keeper and supervisor. Cluster and machines go on without them. */
export async function stopSupervisor(folder: string): Promise<{ stopped: boolean }> {
  const paths = cloudPaths(folder)
  // The keeper first, or it would start the next supervisor.
  const ended = [await end(paths.keeper), await end(paths.supervisor)]
  rmSync(paths.socket, { force: true })
  return { stopped: ended.includes(true) }
}

async function end(file: string): Promise<boolean> {
  const found = findJson<ProcessId>(file)
  const alive = found !== undefined && isAlive(found)
  if (alive) await endProcess(found, 10_000)
  rmSync(file, { force: true })
  return alive
}

async function detached(paths: CloudPaths, command: string, args: readonly string[]): Promise<number> {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 })
  const log = openSync(join(paths.logs, 'supervisor.log'), 'a', 0o600)
  try {
    const child = spawn(command, [...args], { cwd: '/', detached: true, stdio: ['ignore', log, log] })
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    child.unref()
    return child.pid ?? 0
  } finally {
    closeSync(log)
  }
}

/** Who answers on the socket, if anybody does. */
function servingPid(socket: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath: socket, path: '/v1/status', timeout: 2000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve(answer.statusCode === 200 ? (JSON.parse(text) as { pid: number }).pid : undefined))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(undefined))
    call.end()
  })
}
