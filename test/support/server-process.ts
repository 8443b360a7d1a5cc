import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface ServerProcess {
  readonly pid: number
  isAlive(): boolean
  stop(): Promise<void>
  /** As a power cut does it; resolves when it is gone. */
  kill(): Promise<void>
}

/** A server that can be away for a while: killed, and started again with the data and the ports it had. */
export interface Interruptible {
  halt(): Promise<void>
  resume(): Promise<void>
}

/** Programs in Go collect garbage later: a test's servers live for minutes, and memory is there. */
const sparing = { GOGC: '400' }

/** Starts a server of a test with its output in a file; ends with the test's process at the latest. */
export function startServer(
  program: string,
  args: readonly string[],
  options: { log: string; env?: Record<string, string>; uid?: number; gid?: number; cwd?: string },
): ServerProcess {
  const log = openSync(options.log, 'a')
  const [file, ...rest] = existsSync('/usr/bin/setpriv')
    ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', program, ...args]
    : [program, ...args]
  const child = spawn(file, rest, {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', LANG: 'C.UTF-8', ...sparing, ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const kill = async (): Promise<void> => {
    if (isAlive(child)) child.kill('SIGKILL')
    await ended
  }
  return { pid: child.pid ?? -1, isAlive: () => isAlive(child), stop: () => stop(child, ended), kill }
}

/** Repeats a check until it holds; rejects with the server's last lines when the server died or the time is over. */
export async function untilReady(
  name: string,
  server: ServerProcess,
  log: string,
  check: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await check().catch(() => false))) {
    if (!server.isAlive() || Date.now() > deadline) {
      const lines = readFileSync(log, 'utf8').split('\n').slice(-15).join('\n')
      await server.stop()
      throw new Error(`${name} ${Date.now() > deadline ? 'was not ready in time' : 'ended'}:\n${lines}`)
    }
    await delay(50)
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (!isAlive(child)) return
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(force)
}
