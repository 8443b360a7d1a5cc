import { accessSync, constants, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { kubernetesFolder } from '../base/kubernetes-version.ts'
import { attempt } from './run.ts'

const built = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'coredns',
  'metrics-server',
  'image-registry',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'kubelet',
  'kube-proxy',
  'calico-felix',
  'calico',
  'pause',
  'kwok',
]

/** What a cluster of simulated machines is made of. */
const builtForSimulation = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok']

/** Programs of the system, and the Debian package of each. */
const installed: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  ipset: 'ipset',
  conntrack: 'conntrack',
  runc: 'runc',
  nsenter: 'util-linux',
  unshare: 'util-linux',
}

const leastDiskGb = 3

/** Whether this host can carry a cluster at all; each failure names what is missing and how to mend it. */
export async function checkHost(binDir: string, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new AppError(
      'forbidden',
      'not-root',
      'real machines need root (namespaces, cgroups, mounts): run as root, or order simulated machines',
    )
  }
  checkPrograms(built, binDir)
  const packages = new Set<string>()
  for (const [name, from] of Object.entries(installed))
    if ((await attempt('which', [name])) === undefined) packages.add(from)
  if (!isProgram('/usr/lib/cni/host-local') && !isProgram('/opt/cni/bin/host-local'))
    packages.add('containernetworking-plugins')
  if (packages.size > 0) {
    const list = [...packages].join(' ')
    throw new AppError('unavailable', 'package-missing', `packages missing on this host: apt-get install -y ${list}`)
  }
  checkDisk(folder)
}

/** As `checkHost`, for a cluster whose machines are simulated: no root, no packages of the system. */
export function checkSimulatedHost(binDir: string, folder: string): void {
  checkPrograms(builtForSimulation, binDir)
  checkDisk(folder)
}

/** Programs of one version of Kubernetes; those of the usual one are among the rest. */
export function checkKubernetes(binDir: string, version: string): void {
  // They come together; of simulated machines this is all there is.
  checkPrograms(['kube-apiserver'], kubernetesFolder(binDir, version))
}

function checkPrograms(names: readonly string[], binDir: string): void {
  const missing = names.filter((name) => !isProgram(join(binDir, name)))
  if (missing.length > 0)
    throw new AppError('unavailable', 'program-missing', `programs missing in ${binDir}: ${missing.join(', ')}`)
}

function checkDisk(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  const freeGb = (bavail * bsize) / 1e9
  if (freeGb < leastDiskGb) {
    throw new AppError(
      'unavailable',
      'disk-full',
      `${folder} has ${freeGb.toFixed(1)} GB free, a cluster needs at least ${leastDiskGb} GB`,
    )
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there or not executable: both mean it can't be run.
    return false
  }
}
