import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { emptyCgroup, ensureCgroup, removeCgroup } from './cgroups.ts'
import { netnsFile } from './control-plane.ts'
import { ensureFile, findText, writeFile } from './files.ts'
import {
  containerd,
  containerdSocket,
  felix,
  felixHealthPort,
  imageStore,
  kubelet,
  kubeProxy,
  type MachineSite,
  machinePrograms,
  nodeIdentity,
  pauseImage,
  programName,
} from './machine-programs.ts'
import {
  ensureMountNamespace,
  ensureVolumeMounts,
  hasMountNamespace,
  removeMountNamespace,
  type VolumeMount,
} from './mounts.ts'
import { ensureMachineNetwork, removeLink, removeNamespace } from './network.ts'
import { programImage } from './oci.ts'
import { layOutDisk } from './prepared-disk.ts'
import { inNamespace, namespaceInode, processIds, signal } from './processes.ts'
import type { Programs } from './programs.ts'
import { removeFolder } from './remove-folder.ts'
import { attempt, run } from './run.ts'

/** Ends with the machine's four programs running in its own namespaces and group. The node object is the kubelet's work. */
export async function ensureMachine(
  site: MachineSite,
  programs: Programs,
  volumes: readonly VolumeMount[],
): Promise<void> {
  const { addresses, names, folder, record, pki, paths } = site
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  ensureFile(join(folder, 'resolv.conf'), `nameserver ${addresses.bridge.address}\n`, 0o644)
  ensureCgroup(names.cgroup, record)
  // What still runs without the namespace it was started in can't be used or reached any more.
  if (!hasMountNamespace(names.mountNamespace)) await emptyCgroup(names.cgroup)
  const disk = findText(paths.disk)
  const [, fresh] = await Promise.all([
    ensureMachineNetwork(addresses, names),
    pki.ensure(nodeIdentity(record.name), 'ca', {
      commonName: `system:node:${record.name}`,
      organization: 'system:nodes',
      names: [names.address, record.name],
    }),
    disk === undefined ? false : layOutDisk(disk, imageStore(folder)),
  ])
  if (fresh) rmSync(join(folder, 'kubelet.kubeconfig'), { force: true })
  await ensureMountNamespace(
    addresses.runFolder,
    names.mountNamespace,
    names.netns,
    folder,
    join(folder, 'resolv.conf'),
  )
  await ensureVolumeMounts(names.mountNamespace, volumes)
  await Promise.all([
    programs.ensure(kubeProxy(site)),
    programs.ensure(felix(site)),
    programs.ensure(containerd(site)).then(() => ensurePauseImage(site, programs)),
  ])
  await programs.ensure(kubelet(site))
}

/** Kills what it runs and takes everything of it from this host. The node object must be gone before, or it is made again. */
export async function removeMachine(site: MachineSite, programs: Programs): Promise<void> {
  const { addresses, names, folder, record, pki } = site
  const mountNamespace = namespaceInode(names.mountNamespace)
  const netns = namespaceInode(netnsFile(names.netns))
  await Promise.all(machinePrograms.map((name) => programs.remove(programName(record.name, name), 0)))
  await removeCgroup(names.cgroup)
  for (const pid of processIds()) {
    const inside =
      (mountNamespace !== undefined && inNamespace(pid, 'mnt', mountNamespace)) ||
      (netns !== undefined && inNamespace(pid, 'net', netns))
    if (inside) signal(pid, 'SIGKILL')
  }
  await removeMountNamespace(names.mountNamespace)
  await removeLink(addresses.netns, names.port)
  await removeNamespace(names.netns)
  for (const kind of ['crt', 'key'] as const) rmSync(pki.file(nodeIdentity(record.name), kind), { force: true })
  await removeFolder(folder)
}

/** Whether the pods' network enforces policies yet. */
export function isFelixReady(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = get({ host: address, port: felixHealthPort, path: '/readiness', timeout: 2000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(false))
  })
}

/** Every pod needs it and no registry has it: it is made from the program `pause` and given to containerd. */
async function ensurePauseImage(site: MachineSite, programs: Programs): Promise<void> {
  const { names, paths, binDir, record } = site
  const enter = [
    `--mount=${names.mountNamespace}`,
    '--',
    join(binDir, 'ctr'),
    '-a',
    containerdSocket,
    '-n',
    'k8s.io',
    'images',
  ]
  const present = await untilContainerd(() => attempt('nsenter', [...enter, 'ls', '-q']), site, programs)
  if (present.split('\n').includes(pauseImage)) return
  const archive = join(paths.configs, `pause-${record.name}.tar`)
  writeFile(archive, programImage(pauseImage, 'pause', readFileSync(join(binDir, 'pause'))), 0o644)
  await run('nsenter', [...enter, 'import', '--local', archive])
  rmSync(archive)
}

async function untilContainerd(
  ask: () => Promise<string | undefined>,
  site: MachineSite,
  programs: Programs,
): Promise<string> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) {
      const said = programs.lastWords(programName(site.record.name, 'containerd'))
      throw new AppError('unavailable', 'containerd', `containerd of ${site.record.name} does not answer: ${said}`)
    }
    await delay(50)
  }
}
