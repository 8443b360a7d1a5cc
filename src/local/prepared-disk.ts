import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { findJson, writeFile, writeJson } from './files.ts'
import { removeFolder } from './remove-folder.ts'
import { run } from './run.ts'

/** What lies on a prepared disk, beside containerd's folder. */
interface Content {
  /** Digests of the images. */
  readonly images: readonly string[]
  /** Files and folders. */
  readonly entries: number
}

const content = (disk: string): string => join(disk, 'content.json')
const store = (disk: string): string => join(disk, 'containerd')

/** Of a list that nobody can read: as if there were no disk. */
function findContent(disk: string): Content | undefined {
  try {
    return findJson<Content>(content(disk))
  } catch {
    // Damaged; it is made anew.
    return undefined
  }
}

/**
 * As clouds start machines from a disk that was made before: containerd's folder with the images unpacked, as hard links.
 * A pull then asks the registry for the manifest only. Where it can't be had the machine begins with nothing, as usual.
 */
export async function layOutDisk(disk: string, folder: string): Promise<boolean> {
  const known = findContent(disk)
  if (known === undefined || existsSync(folder)) return false
  const part = `${folder}.part`
  await removeFolder(part)
  try {
    await copyStore(store(disk), part)
    // Files that somebody cleaned up would be missing in pods.
    if ((await countEntries(part)) !== known.entries) return false
    renameSync(part, folder)
    return true
  } catch {
    // Another file system, or it is being made anew just now.
    return false
  } finally {
    await removeFolder(part)
  }
}

export interface DiskOrder {
  /** The disk's folder, shared by all sites of this host. */
  readonly disk: string
  /** `host:port/name@digest`, in a registry on the loopback. */
  readonly images: readonly string[]
  readonly binDir: string
}

/**
 * Makes the disk anew when its images are others or some of it is missing; what it has already is taken over. Says whether it did. For one caller at a
 * time.
 */
export async function prepareDisk({ disk, images, binDir }: DiskOrder): Promise<boolean> {
  const digests = images.map(digestOf).toSorted()
  const known = findContent(disk)
  if (known?.images.join() === digests.join() && (await countEntries(store(disk))) === known.entries) return false
  await removeParts(disk)
  // A number of its own: what a killed run started may still be ending.
  const part = `${disk}.${process.pid}.part`
  mkdirSync(part, { recursive: true, mode: 0o700 })
  try {
    await layOutDisk(disk, store(part))
    await fill(part, images, binDir)
    // A crash of the host must not leave empty files behind a list that says they are whole.
    await run('sync', ['--file-system', part], { timeoutMs: 600_000 })
    writeJson(content(part), { images: digests, entries: await countEntries(store(part)) })
    await removeFolder(disk)
    renameSync(part, disk)
    return true
  } finally {
    await removeFolder(part)
  }
}

/** What interrupted runs left. */
async function removeParts(disk: string): Promise<void> {
  const names = existsSync(dirname(disk)) ? readdirSync(dirname(disk)) : []
  for (const name of names)
    if (name.startsWith(`${basename(disk)}.`) && name.endsWith('.part')) await removeFolder(join(dirname(disk), name))
}

function digestOf(reference: string): string {
  const [, digest] = reference.split('@')
  if (digest !== undefined) return digest
  throw new AppError('invalid', 'image-reference', `image "${reference}" has no digest: host:port/name@sha256:…`)
}

/** Databases are containerd's to change; all else is never changed, only removed. */
async function copyStore(from: string, to: string): Promise<void> {
  await run('cp', ['--archive', '--link', from, to], { timeoutMs: 600_000 })
  const copy = 'find . -name "*.db" -exec cp --archive --remove-destination {} "$1"/{} ";"'
  await run('sh', ['-euc', `cd "$2"; ${copy}`, 'copy', to, from])
}

async function countEntries(folder: string): Promise<number> {
  return Number(await run('sh', ['-c', 'find "$1" | wc -l', 'count', folder]))
}

/**
 * One script that ends with whoever runs it, and containerd with the script, however they end: $1 folder of programs,
 * $2 configuration, $3 socket, then references. In a mount namespace of its own, which takes what containerd mounts with it.
 */
const script = `
programs=$1; config=$2; socket=$3; shift 3
setpriv --pdeathsig KILL "$programs/containerd" -c "$config" & server=$!
trap 'kill $server 2>/dev/null; wait $server' EXIT
images() { setpriv --pdeathsig KILL "$programs/ctr" -a "$socket" -n k8s.io images "$@"; }
for try in $(seq 300); do images ls -q >/dev/null 2>&1 && break; sleep 0.1; done
present=$(images ls)
for image; do
  case "$present" in *"\${image#*@}"*) ;; *) images pull --plain-http "$image" >/dev/null ;; esac
done
images ls | tail -n +2 | while read -r name type digest rest; do
  case "$*" in *"$digest"*) ;; *) images rm --sync "$name" >/dev/null ;; esac
done
`

async function fill(part: string, images: readonly string[], binDir: string): Promise<void> {
  const socket = join(part, 'containerd.sock')
  const config = join(part, 'containerd.toml')
  writeFile(config, configText(part, socket))
  const words = ['--pdeathsig', 'TERM', 'unshare', '--mount', '--propagation', 'private', 'sh', '-euc', script, 'fill']
  try {
    await run('setpriv', [...words, binDir, config, socket, ...images], {
      timeoutMs: 900_000,
      env: { OTEL_TRACES_EXPORTER: 'none' },
    })
  } finally {
    for (const name of ['containerd.toml', 'containerd.sock', 'containerd.sock.ttrpc', 'state'])
      rmSync(join(part, name), { recursive: true, force: true })
  }
}

/** Storage of images alone: it runs nothing. */
function configText(part: string, socket: string): string {
  const off = [
    'grpc.v1.cri',
    'cri.v1.runtime',
    'cri.v1.images',
    'nri.v1.nri',
    'internal.v1.opt',
    'podsandbox.controller.v1.podsandbox',
  ]
  const disabled = off.map((plugin) => JSON.stringify(`io.containerd.${plugin}`)).join(', ')
  return `version = 3
root = ${JSON.stringify(store(part))}
state = ${JSON.stringify(join(part, 'state'))}
disabled_plugins = [${disabled}]

[grpc]
  address = ${JSON.stringify(socket)}

[debug]
  level = "warn"
`
}
