import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import { AppError, explain } from '../base/errors.ts'
import type { Addresses } from './addresses.ts'
import { removeCgroup, cgroupsOf } from './cgroups.ts'
import type { ClusterRecord, ProcessOrder } from './cluster.ts'
import {
  apiServer,
  type ControlPlane,
  controllerManager,
  coreDns,
  ensureKubeconfig,
  ensurePki,
  etcd,
  inside,
  metricsServer,
  scheduler,
} from './control-plane.ts'
import { hostResolvers } from './dns.ts'
import { ensureFile } from './files.ts'
import { type Kube, type KubeObject, pathOf } from './kube.ts'
import { markedProcesses, type ProgramSpec } from './launch.ts'
import { removeRunFolder } from './mounts.ts'
import { ensureSiteNetwork, removeSiteNetwork } from './network.ts'
import { signal } from './processes.ts'
import type { Programs } from './programs.ts'
import { removeFolder } from './remove-folder.ts'
import { pullRegistry, pushRegistry } from './registry.ts'
import { accessObjects, calicoObjects, serviceObjects } from './system-objects.ts'

/** Network, certificates and folders: what every program needs before it starts. */
export async function prepareCluster(site: ControlPlane): Promise<void> {
  const { paths, pki, addresses } = site
  for (const folder of [paths.etcd, paths.configs]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Machines' programs reach their files through it.
  mkdirSync(paths.registry, { recursive: true, mode: 0o755 })
  await Promise.all([addresses.simulated ? undefined : ensureSiteNetwork(addresses), ensurePki(pki, addresses)])
}

/** Starts the control plane and ends when the cluster answers and knows its own objects. */
export async function startCluster(
  site: ControlPlane,
  record: ClusterRecord,
  programs: Programs,
  kube: Kube,
): Promise<void> {
  if (site.addresses.simulated) return await startSimulated(site, record, programs, kube)
  const dns = { domain: record.domain, ingress: record.ingress, upstreams: hostResolvers() }
  await Promise.all([
    programs.ensure(etcd(site)),
    programs.ensure(apiServer(site)),
    programs.ensure(pullRegistry(site)),
    // Of several clusters one takes the images of all.
    ...(site.mirrors === undefined ? [programs.ensure(pushRegistry(site, record.registryPort))] : []),
  ])
  await untilServing(programs, kube)
  await Promise.all([
    programs.ensure(controllerManager(site)),
    programs.ensure(scheduler(site)),
    programs.ensure(coreDns(site, dns)),
    applyAll(kube, clusterObjects(site)),
  ])
  await programs.ensure(metricsServer(site))
}

/** No machine is real: nothing pulls images, resolves names or measures. */
async function startSimulated(
  site: ControlPlane,
  record: ClusterRecord,
  programs: Programs,
  kube: Kube,
): Promise<void> {
  await Promise.all([programs.ensure(etcd(site)), programs.ensure(apiServer(site))])
  await untilServing(programs, kube)
  await Promise.all([
    programs.ensure(controllerManager(site)),
    programs.ensure(scheduler(site)),
    programs.ensure(simulator(site)),
    applyAll(kube, [accessObjects()]),
  ])
  const processes = Object.entries(record.processes ?? {})
  await Promise.all(processes.map(([name, order]) => programs.ensure(processOf(name, order))))
}

/** A program of the operator's own, kept beside the control plane. */
export function processOf(name: string, { command, version }: ProcessOrder): ProgramSpec {
  return { name: processName(name), command, configs: [version], graceMs: 10_000 }
}

export function processName(name: string): string {
  return `process-${name}`
}

async function untilServing(programs: Programs, kube: Kube): Promise<void> {
  await until(
    () => kube.isReady(),
    60_000,
    () => `the API server is not ready: ${programs.lastWords('apiserver')}`,
  )
}

/** In waves: what a later one needs is made by an earlier. */
function clusterObjects({ binDir, addresses, pki }: ControlPlane): KubeObject[][] {
  const definitions = parseAllDocuments(readFileSync(join(binDir, 'calico-crds.yaml'), 'utf8'))
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
  return [
    [...definitions, ...accessObjects()],
    [...calicoObjects(), ...serviceObjects(addresses.bridge.address, pki.read('ca').cert)],
  ]
}

/** A young API server does not know a new kind or the namespace kube-system at once. */
async function applyAll(kube: Kube, waves: readonly (readonly KubeObject[])[]): Promise<void> {
  for (const wave of waves) {
    await Promise.all(wave.map((object) => applyPatiently(kube, object)))
  }
}

async function applyPatiently(kube: Kube, object: KubeObject): Promise<void> {
  let last: unknown
  const applied = async (): Promise<boolean> => {
    try {
      await kube.apply(pathOf(object), object)
      return true
    } catch (error) {
      last = error
      return false
    }
  }
  await until(applied, 30_000, () => `applying ${object.kind} ${object.metadata.name}: ${explain(last)}`)
}

async function until(condition: () => Promise<boolean>, timeoutMs: number, explanation: () => string): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const done = await condition().catch(() => false)
    if (done) return
    if (Date.now() > deadline) throw new AppError('unavailable', 'not-ready', explanation())
    await delay(100)
  }
}

export function simulator(site: ControlPlane): ProgramSpec {
  const access = ensureKubeconfig(site, 'kwok')
  const stages = readFileSync(join(import.meta.dirname, 'kwok-stages.yaml'), 'utf8')
  const file = join(site.paths.configs, 'kwok-stages.yaml')
  ensureFile(file, stages)
  return {
    name: 'kwok',
    ...inside(site.addresses),
    command: [
      join(site.binDir, 'kwok'),
      `--kubeconfig=${access.file}`,
      `--config=${file}`,
      '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
      '--node-lease-duration-seconds=40',
      '--node-ip=127.0.0.1',
    ],
    env: { GOGC: '50' },
    configs: [access.text, stages],
  }
}

/** Ports of the host. It follows its file, so that it is never restarted for a new machine. */
export function forwarder(site: Pick<ControlPlane, 'paths'>, file = forwardFile(site)): ProgramSpec {
  const main = join(import.meta.dirname, 'main.ts')
  return {
    name: 'forwarder',
    command: [process.execPath, '--max-old-space-size=64', main, 'forward', '--config', file],
    // The form of its file: one that runs an older program is restarted.
    configs: ['addresses'],
  }
}

/** Ports of the cluster's own address, in its namespace, that lead to machines of the first cluster. */
export function linker(site: ControlPlane): ProgramSpec {
  return { ...forwarder(site, linkFile(site)), name: 'links', ...inside(site.addresses) }
}

export function linkFile({ paths }: Pick<ControlPlane, 'paths'>): string {
  return join(paths.configs, 'links.json')
}

export function forwardFile({ paths }: Pick<ControlPlane, 'paths'>): string {
  return join(paths.configs, 'forward.json')
}

/** Everything of the cluster but volumes and images, once its machines are gone. */
export async function removeCluster(site: ControlPlane, programs: Programs): Promise<void> {
  const { paths, addresses } = site
  await programs.removeAll((name) => name.startsWith(processName('')))
  // The API server goes before etcd, or it complains for ten seconds.
  await programs.removeAll((name) => name !== 'etcd', 3000)
  await programs.removeAll(() => true)
  await sweep(paths.folder, addresses)
  const folders = [paths.etcd, paths.pki, paths.configs, paths.machines, paths.programs, paths.logs]
  await Promise.all(folders.map(removeFolder))
}

/** What is left on the host of a site, however it came to be left. */
async function sweep(folder: string, addresses: Addresses): Promise<void> {
  for (const pid of markedProcesses(folder)) signal(pid, 'SIGKILL')
  if (addresses.simulated) return
  for (const name of cgroupsOf(addresses.slot)) await removeCgroup(name)
  await removeSiteNetwork(addresses)
  await removeRunFolder(addresses.runFolder)
}
