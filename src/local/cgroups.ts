import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { processesOfCgroup, signal } from './processes.ts'

/** One mounted hierarchy. Version 1 has one for each controller or pair of them, version 2 a single one. */
export interface Hierarchy {
  readonly folder: string
  readonly controllers: readonly string[]
  readonly version: 1 | 2
}

export interface MachineSize {
  readonly cores: number
  readonly memoryGb: number
}

/** A file to write after its folder was made. */
export interface CgroupSetting {
  readonly file: string
  readonly value: string
}

const daemons = 'daemons'
const periodUs = 100_000
const wanted = ['cpuset', 'cpu', 'io', 'memory', 'pids']

/** The hierarchies of this host, from the text of /proc/self/mountinfo. A hybrid host has both versions. */
export function parseHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    const [left = '', right = ''] = line.split(' - ')
    const [, , , root, folder] = left.split(' ')
    const [type, , options = ''] = right.split(' ')
    if (folder === undefined || root === undefined || !folder.startsWith('/sys/fs/cgroup')) return []
    if (type === 'cgroup2') return [{ folder, controllers: [], version: 2 }]
    const controllers = options.split(',').filter((option) => option !== 'rw' && option !== 'ro')
    return type === 'cgroup' ? [{ folder, controllers, version: 1 }] : []
  })
}

export function hierarchies(): Hierarchy[] {
  return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'))
}

/** Version 2 alone rules the host when no controller is in a hierarchy of version 1. */
export function isUnified(all: readonly Hierarchy[]): boolean {
  return !all.some(({ version, controllers }) => version === 1 && controllers.includes('memory'))
}

/** The limits of a machine's group. Cores beyond the host's are no limit at all. */
export function limits(hierarchy: Hierarchy, unified: boolean, size: MachineSize, hostCores: number): CgroupSetting[] {
  const bytes = String(Math.round(size.memoryGb * 2 ** 30))
  const limited = size.cores < hostCores
  const quota = Math.round(size.cores * periodUs)
  if (hierarchy.version === 2) {
    if (!unified) return []
    return [
      { file: 'memory.max', value: bytes },
      { file: 'cpu.max', value: `${limited ? quota : 'max'} ${periodUs}` },
    ]
  }
  return [
    ...(hierarchy.controllers.includes('memory') ? [{ file: 'memory.limit_in_bytes', value: bytes }] : []),
    ...(hierarchy.controllers.includes('cpu')
      ? [{ file: 'cpu.cfs_quota_us', value: String(limited ? quota : -1) }]
      : []),
  ]
}

/** A machine's group in every hierarchy, with its limits, and below it a leaf for the machine's own programs. */
export function ensureCgroup(name: string, size: MachineSize): void {
  const all = hierarchies()
  if (all.length === 0)
    throw new AppError('unavailable', 'no-cgroups', 'no cgroup hierarchy is mounted below /sys/fs/cgroup')
  const unified = isUnified(all)
  for (const hierarchy of all) {
    const folder = join(hierarchy.folder, name)
    if (hierarchy.version === 2 && unified) passControllersOn(hierarchy.folder)
    mkdirSync(folder, { recursive: true })
    if (hierarchy.version === 2 && unified) passControllersOn(folder)
    for (const { file, value } of limits(hierarchy, unified, size, cpus().length)) write(join(folder, file), value)
    if (hierarchy.controllers.includes('cpuset')) fillCpuset(hierarchy.folder, folder)
    mkdirSync(join(folder, daemons), { recursive: true })
    if (hierarchy.controllers.includes('cpuset')) fillCpuset(folder, join(folder, daemons))
  }
}

/** Where a program of the machine writes its number to enter the group. */
export function daemonFiles(name: string): string[] {
  return hierarchies().map(({ folder }) => join(folder, name, daemons, 'cgroup.procs'))
}

/** The folders of a group that exist, below them those of its pods. */
export function cgroupFolders(name: string): string[] {
  return hierarchies()
    .map(({ folder }) => join(folder, name))
    .filter((folder) => existsSync(folder))
}

/** Names of all groups of a site. */
export function cgroupsOf(slot: number): string[] {
  const names = hierarchies().flatMap(({ folder }) =>
    readdirSync(folder).filter((name) => name.startsWith(`cloudmgr-${slot}-`)),
  )
  return [...new Set(names)]
}

export function cgroupProcesses(name: string): number[] {
  const pids = cgroupFolders(name).flatMap((folder) => subfolders(folder).flatMap(processesOfCgroup))
  return [...new Set(pids)]
}

/** Kills everything in the group and takes it away, deepest first. */
export async function removeCgroup(name: string, deadlineMs = 15_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    for (const pid of cgroupProcesses(name)) signal(pid, 'SIGKILL')
    const left = cgroupFolders(name).flatMap((folder) => subfolders(folder).filter((each) => !tryRemove(each)))
    if (left.length === 0) return
    if (Date.now() > deadline)
      throw new AppError('unavailable', 'cgroup-busy', `group ${name} could not be removed: ${left[0]}`)
    await delay(30)
  }
}

/** Kills what is in the group and keeps it. */
export async function emptyCgroup(name: string): Promise<void> {
  for (let pids = cgroupProcesses(name); pids.length > 0; pids = cgroupProcesses(name)) {
    for (const pid of pids) signal(pid, 'SIGKILL')
    await delay(20)
  }
}

/** A folder and all below it, deepest first. */
function subfolders(folder: string): string[] {
  try {
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    return [...below.flatMap((entry) => subfolders(join(folder, entry.name))), folder]
  } catch {
    // Removed meanwhile.
    return []
  }
}

function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** Version 2 gives a folder's children only the controllers named here. */
function passControllersOn(folder: string): void {
  const available = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ')
  const value = wanted.filter((name) => available.includes(name)).map((name) => `+${name}`)
  write(join(folder, 'cgroup.subtree_control'), value.join(' '))
}

/** A new cpuset of version 1 is empty and lets no process in. */
function fillCpuset(parent: string, folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readFileSync(join(folder, file), 'utf8').trim() !== '') continue
    write(join(folder, file), readFileSync(join(parent, file), 'utf8').trim())
  }
}

function write(file: string, value: string): void {
  try {
    writeFileSync(file, value)
  } catch (cause) {
    throw new AppError('unavailable', 'cgroup-write', `writing ${value} to ${file}`, { cause })
  }
}
