import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { namespaceInode } from './processes.ts'
import { attempt, run } from './run.ts'

/** A volume as a machine sees it. */
export interface VolumeMount {
  readonly name: string
  readonly folder: string
}

/** Fixed folders of the programs that are the machine's own on disk, by the name below the machine's folder. */
const kept: Readonly<Record<string, string>> = {
  '/var/lib/kubelet': 'kubelet',
  '/var/log/pods': 'pod-logs',
  '/var/log/containers': 'container-logs',
}

/** Those whose content describes living namespaces and mounts only: in memory, gone with the mount namespace. */
const volatile = ['/run/containerd', '/run/netns', '/var/lib/cni', '/var/lib/calico', '/mnt/volumes']

/** Settings of the whole host that a kubelet insists on writing: it gets files of its own instead. */
const kernelSettings = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

/**
 * Private to the host, shared below itself (pods may ask for propagation). $1 machine folder, $2 resolv.conf, then pairs
 * of folders, `--`, folders in memory, `--`, kernel settings.
 */
const script = `
mount --make-rprivate /
mount --make-rshared /
machine=$1; resolv=$2; shift 2
while [ "$1" != -- ]; do mount --bind "$machine/$2" "$1"; shift 2; done; shift
while [ "$1" != -- ]; do mount -t tmpfs -o mode=755,size=256m cloudmgr "$1"; shift; done; shift
for setting; do
  [ -e "/proc/sys/$setting" ] || continue
  own=/run/containerd/.settings/$setting; mkdir -p "\${own%/*}"; cat "/proc/sys/$setting" >"$own"
  mount --bind "$own" "/proc/sys/$setting"
done
mount --bind "$resolv" /etc/resolv.conf
`

/** The machine's mount namespace, held by a file, so that it outlives every process in it. */
export async function ensureMountNamespace(
  runFolder: string,
  file: string,
  netns: string,
  machineFolder: string,
  resolvConf: string,
): Promise<void> {
  if (hasMountNamespace(file)) return
  await ensureRunFolder(runFolder)
  for (const name of Object.values(kept)) mkdirSync(join(machineFolder, name), { recursive: true })
  const pairs = Object.entries(kept).flatMap(([folder, name]) => [folder, name])
  const args = [machineFolder, resolvConf, ...pairs, '--', ...volatile, '--', ...kernelSettings]
  writeFileSync(file, '')
  await run('nsenter', [
    `--net=/run/netns/${netns}`,
    '--',
    'unshare',
    `--mount=${file}`,
    '--propagation',
    'private',
    'sh',
    '-euc',
    script,
    'mounts',
    ...args,
  ])
}

export function hasMountNamespace(file: string): boolean {
  return namespaceInode(file) !== undefined
}

/** Volumes appear in a living machine too. */
export async function ensureVolumeMounts(file: string, volumes: readonly VolumeMount[]): Promise<void> {
  const mounted = await run('nsenter', [`--mount=${file}`, '--', 'cat', '/proc/self/mountinfo'])
  for (const { name, folder } of volumes) {
    const target = `/mnt/volumes/${name}`
    if (mounted.includes(` ${target} `)) continue
    await run('nsenter', [
      `--mount=${file}`,
      '--',
      'sh',
      '-euc',
      'mkdir -p "$2"; mount --bind "$1" "$2"',
      'volume',
      folder,
      target,
    ])
  }
}

/** A living machine sees the volume no more; what a pod still holds of it stays until the pod ends. */
export async function removeVolumeMount(file: string, name: string): Promise<void> {
  if (!hasMountNamespace(file)) return
  const script = 'umount -l "$1" && rmdir "$1"'
  await attempt('nsenter', [`--mount=${file}`, '--', 'sh', '-euc', script, 'volume', `/mnt/volumes/${name}`])
}

/** All mounts in it go with it, once no process is left inside. */
export async function removeMountNamespace(file: string): Promise<void> {
  if (!existsSync(file)) return
  await attempt('umount', ['-l', file])
  rmSync(file, { force: true })
}

export async function removeRunFolder(folder: string): Promise<void> {
  if (!existsSync(folder)) return
  if (isMounted(folder)) await attempt('umount', ['-l', folder])
  rmSync(folder, { recursive: true, force: true })
}

/** A mount namespace can be held only by a file whose mount is shared with nobody. */
async function ensureRunFolder(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (isMounted(folder)) return
  await run('mount', ['--bind', folder, folder])
  await run('mount', ['--make-private', folder])
}

export function mountsBelow(folder: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`))
}

function isMounted(folder: string): boolean {
  return mountsBelow(folder).includes(folder)
}
