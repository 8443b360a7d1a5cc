import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { argumentsOf, environmentOf, findProcess, namespaceInode, type ProcessId, processIds } from './processes.ts'
import { cleanEnv } from './run.ts'

/** A long-running program of the site. */
export interface ProgramSpec {
  /** Unique in the site, for example `etcd` or `machine-1.kubelet`; also the name of its log. */
  readonly name: string
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** File of the network namespace it lives in; the host's when left out. */
  readonly netns?: string
  /** File of its mount namespace; the host's when left out. */
  readonly mountNamespace?: string
  /** `cgroup.procs` files that it enters first. */
  readonly cgroupFiles?: readonly string[]
  /** Contents of its configuration files: when they change, it is restarted. */
  readonly configs?: readonly string[]
  /** Time between SIGTERM and SIGKILL. */
  readonly graceMs?: number
}

/** Enters the groups named before `--`, then becomes the program: its number stays that of this shell. */
const launcher = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 111; shift; done; shift; exec "$@"'

/** Marks every process of a site in its environment, so that it can be found when all files about it are lost. */
export function marker(folder: string): string {
  return `CLOUDMGR_LOCAL=${folder}`
}

/** Changes when the program must be restarted to be as wanted, also when a namespace of that name was made anew. */
export function fingerprint(spec: ProgramSpec): string {
  const { command, env, cgroupFiles, configs } = spec
  const namespaces = [spec.netns, spec.mountNamespace].map((file) =>
    file === undefined ? undefined : [file, namespaceInode(file)],
  )
  const text = JSON.stringify([command, env, namespaces, cgroupFiles, configs])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Starts it in a session of its own, so that it outlives the supervisor. */
export async function launch(folder: string, logs: string, spec: ProgramSpec): Promise<ProcessId> {
  mkdirSync(logs, { recursive: true })
  const log = openSync(join(logs, `${spec.name}.log`), 'a', 0o600)
  const args = ['-c', launcher, 'launch', ...(spec.cgroupFiles ?? []), '--', ...entering(spec), ...spec.command]
  const env = { ...cleanEnv, CLOUDMGR_LOCAL: folder, CLOUDMGR_PROGRAM: spec.name, ...spec.env }
  try {
    const child = spawn('/bin/sh', args, { cwd: '/', detached: true, env, stdio: ['ignore', log, log] })
    const pid = await new Promise<number | undefined>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid))
      child.once('error', reject)
    })
    child.unref()
    // Gone again already: a start time that fits no process makes it count as dead.
    return findProcess(pid ?? 0) ?? { pid: pid ?? 0, started: 'ended' }
  } catch (cause) {
    throw new AppError('unavailable', 'start-failed', `starting ${spec.name}`, { cause })
  } finally {
    closeSync(log)
  }
}

function entering(spec: ProgramSpec): string[] {
  const namespaces = [
    ...(spec.netns === undefined ? [] : [`--net=${spec.netns}`]),
    ...(spec.mountNamespace === undefined ? [] : [`--mount=${spec.mountNamespace}`]),
  ]
  return namespaces.length === 0 ? [] : ['nsenter', ...namespaces, '--']
}

/** A process that was started, but whose number was not noted before the supervisor died. */
export function findOrphan(folder: string, spec: ProgramSpec): ProcessId | undefined {
  const marks = [marker(folder), `CLOUDMGR_PROGRAM=${spec.name}`]
  for (const pid of processIds()) {
    // Programs pass their environment on to their children: the command tells them apart.
    if (argumentsOf(pid)[0] !== spec.command[0]) continue
    const environment = environmentOf(pid)
    if (marks.every((mark) => environment.includes(mark))) return findProcess(pid)
  }
  return undefined
}

/** Every process that belongs to the site by its environment. */
export function markedProcesses(folder: string): number[] {
  const mark = marker(folder)
  return processIds().filter((pid) => environmentOf(pid).includes(mark))
}
