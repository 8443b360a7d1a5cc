import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { AppError, explain, kindOf } from '../base/errors.ts'
import { kubernetesFolder, versionStep } from '../base/kubernetes-version.ts'
import type { Log } from '../base/log.ts'
import {
  type Addresses,
  addressesOf,
  type ControlPorts,
  freeMachineNumber,
  loopbackAddresses,
  ports,
} from './addresses.ts'
import {
  checkUpgrade,
  checkVersion,
  type ClusterOrder,
  type ClusterRecord,
  type ProcessOrder,
  versionFor,
} from './cluster.ts'
import {
  forwarder,
  forwardFile,
  linker,
  linkFile,
  prepareCluster,
  removeCluster,
  simulator,
  startCluster,
} from './cluster-life.ts'
import { type ControlPlane, ensurePki } from './control-plane.ts'
import { ensureFile, findJson, writeJson } from './files.ts'
import type { ForwardConfig } from './forward.ts'
import { checkHost, checkKubernetes, checkSimulatedHost } from './host-checks.ts'
import { Kube } from './kube.ts'
import { checkSize, type MachineOrder, type MachineRecord, replaceNeeded, sameOrder } from './machine.ts'
import { ensureMachine, removeMachine } from './machine-life.ts'
import { programName } from './machine-programs.ts'
import { ensureVolumeMounts, removeVolumeMount, type VolumeMount } from './mounts.ts'
import { ensureFirewall, removePodRoute } from './network.ts'
import { drainNode, ensureSimulatedNode, removeNode } from './node-objects.ts'
import { NodeWatch } from './node-watch.ts'
import type { CloudPaths } from './paths.ts'
import { Pki } from './pki.ts'
import { newDoors } from './doors.ts'
import { checkPortsFree } from './port-holder.ts'
import { Programs } from './programs.ts'
import { anyFreePort, freePort } from './registry.ts'
import { removeFolder } from './remove-folder.ts'
import {
  type Cluster,
  controlSite,
  forwardTargets,
  type Machine,
  machineSite,
  newMachine,
  type Progress,
} from './running.ts'
import { claimSlot, restSlot } from './slots.ts'
import { upgradeMachine } from './upgrade-machine.ts'
import { nextToUpgrade, upgradeText } from './upgrade.ts'
import { Volumes } from './volumes.ts'

export type Caller = 'operator' | 'service'

export interface SupervisorParts {
  readonly paths: CloudPaths
  readonly binDir: string
  readonly clock: Clock
  readonly log: Log
  /** Who keeps the first cluster, of one beside it. */
  readonly first?: Supervisor
  /** All clusters of this local cloud: they reach each other. */
  readonly all?: () => readonly Cluster[]
  /** Waited for before the cluster is taken apart. */
  readonly beforeRemoval?: () => Promise<void>
}

const tickMs = 1000
/** While somebody waits for a machine. */
const hurriedTickMs = 200
/** The host's firewall is looked at this often. */
const firewallMs = 15_000
/** Certificates are looked at this often; they are renewed long before they end. */
const renewalMs = 12 * 3_600_000
const retryMs = 3000
const drainMs = 30_000
/** Keeps one cluster and its machines as ordered. What is wanted lies in files, so that it may be killed at any time. */
export class Supervisor {
  readonly volumes: Volumes
  readonly paths: CloudPaths
  /** Without root: every machine is one that only says so. */
  readonly simulated: boolean
  private readonly binDir: string
  private readonly clock: Clock
  private readonly log: Log
  private readonly first: Supervisor | undefined
  private readonly all: () => readonly Cluster[]
  private readonly beforeRemoval: () => Promise<void>
  private cluster: Cluster | undefined
  private readonly machines = new Map<string, Machine>()
  private stopped = false
  private renewedAt: number
  private firewallAt = 0
  /** Whom the firewall lets in, as it was made last. */
  private neighbours = ''
  private watch: NodeWatch

  constructor({ paths, binDir, clock, log, first, all, beforeRemoval }: SupervisorParts) {
    this.paths = paths
    this.simulated = existsSync(paths.simulated)
    this.binDir = binDir
    this.clock = clock
    this.log = log
    this.first = first
    this.all = all ?? (() => [])
    this.beforeRemoval = beforeRemoval ?? (async () => undefined)
    this.renewedAt = clock.now()
    this.volumes = new Volumes(this.paths.volumes)
    this.watch = this.newWatch()
  }

  /** Finds everything again that was ordered, adopts what runs, starts what is missing. */
  async start(): Promise<void> {
    mkdirSync(this.paths.folder, { recursive: true, mode: 0o700 })
    const record = findJson<ClusterRecord>(this.paths.cluster)
    if (record !== undefined) await this.resume(record)
    void this.loop()
  }

  stop(): void {
    this.stopped = true
    this.cluster?.kube.close()
  }

  getCluster(name: string): Cluster {
    if (this.cluster?.record.name === name) return this.cluster
    throw new AppError('not-found', 'no-cluster', `there is no cluster ${name}`)
  }

  findCluster(): Cluster | undefined {
    return this.cluster
  }

  /** Its one cluster; a name that is not its is a mistake of the caller's. */
  async putCluster(name: string, order: ClusterOrder, orderedBy: Caller): Promise<Cluster> {
    checkVersion(order)
    checkKubernetes(this.binDir, order.kubernetesVersion)
    for (const volume of order.volumes) this.volumes.get(volume)
    const present = this.cluster
    if (present === undefined) return this.createCluster(name, order, orderedBy)
    if (present.record.name !== name) throw new AppError('bug', 'cluster-name', `${name} is kept elsewhere`)
    if (present.record.removing === true)
      throw new AppError('unavailable', 'removing', `cluster ${name} is being removed: ask again when it is gone`)
    checkUpgrade(this.versions(present), order)
    await checkPortsFree(newDoors(order.ports, present.record.ports))
    const record = { ...present.record, ...order }
    if (JSON.stringify(record) === JSON.stringify(present.record)) return present
    // Whoever waits for the cluster waits until all of it has this version.
    if (versionStep(present.record.kubernetesVersion, order.kubernetesVersion) !== 'same')
      this.upgrading(present, upgradeText(present.record.kubernetesVersion, order.kubernetesVersion, 'control plane'))
    present.record = record
    writeJson(this.paths.cluster, record)
    this.converge(present)
    for (const machine of this.machines.values()) this.convergeMachine(present, machine)
    return present
  }

  /** Kept running as long as the cluster is there; ends with it running. Simulated clusters alone have any. */
  async putProcess(clusterName: string, name: string, order: ProcessOrder): Promise<Cluster> {
    const cluster = this.getCluster(clusterName)
    if (!this.simulated) {
      const message = 'processes beside a cluster are for simulated ones: here machines run pods'
      throw new AppError('conflict', 'not-simulated', message)
    }
    if (cluster.record.removing === true)
      throw new AppError('unavailable', 'removing', `cluster ${clusterName} is being removed`)
    const record = { ...cluster.record, processes: { ...cluster.record.processes, [name]: order } }
    cluster.record = record
    writeJson(this.paths.cluster, record)
    this.converge(cluster)
    await cluster.converged
    return cluster
  }

  deleteCluster(name: string): Cluster {
    const cluster = this.getCluster(name)
    if (cluster.record.removing === true) return cluster
    cluster.record = { ...cluster.record, removing: true }
    writeJson(this.paths.cluster, cluster.record)
    this.dismantle(cluster)
    return cluster
  }

  getMachine(name: string): Machine {
    const machine = this.machines.get(name)
    if (machine === undefined) throw new AppError('not-found', 'no-machine', `there is no machine ${name}`)
    return machine
  }

  listMachines(): Machine[] {
    return [...this.machines.values()]
  }

  putMachine(clusterName: string, name: string, order: MachineOrder, orderedBy: Caller): Machine {
    const cluster = this.getCluster(clusterName)
    if (cluster.record.removing === true)
      throw new AppError('unavailable', 'removing', `cluster ${clusterName} is being removed`)
    if (this.simulated && !order.simulated) {
      const message = `machine ${name} can't be real: this local cloud works without root, its machines are simulated`
      throw new AppError('invalid', 'only-simulated', message, { details: { field: 'simulated', right: true } })
    }
    checkSize(order, totalmem() / 2 ** 30)
    const present = this.machines.get(name)
    if (present === undefined) return this.createMachine(cluster, name, order, orderedBy)
    if (present.record.removing === true)
      throw new AppError('unavailable', 'removing', `machine ${name} is being removed: ask again when it is gone`)
    const field = replaceNeeded(present.record, order)
    if (field !== undefined) {
      throw new AppError('conflict', 'replace-needed', `machine ${name} must be replaced to change ${field}`, {
        details: { field },
      })
    }
    if (sameOrder(present.record, order)) return present
    present.record = { ...present.record, ...order }
    this.saveMachine(present.record)
    this.convergeMachine(cluster, present)
    return present
  }

  deleteMachine(clusterName: string, name: string): Machine {
    const cluster = this.getCluster(clusterName)
    const machine = this.getMachine(name)
    if (machine.record.removing === true) return machine
    machine.record = { ...machine.record, removing: true }
    this.saveMachine(machine.record)
    this.retireMachine(cluster, machine)
    return machine
  }

  /** What an account ordered is seen by every machine; what the operator ordered, by the cluster that names it. */
  private mountsOf({ record }: Cluster): VolumeMount[] {
    const ordered = this.volumes.list().filter(({ orderedBy }) => orderedBy === 'service')
    return this.volumes.mounts([...new Set([...record.volumes, ...ordered.map(({ name }) => name)])])
  }

  /** Ends when every running machine sees it; those that are started later see it from their start on. */
  async showVolume(name: string): Promise<void> {
    const { cluster } = this
    if (cluster === undefined) return
    await Promise.all(this.realMachines().map((machine) => this.showVolumeOn(machine, cluster, name)))
  }

  private async showVolumeOn(machine: Machine, cluster: Cluster, name: string): Promise<void> {
    // It mounts what there is when its turn comes, which may have been before this order.
    if (!machine.started) return this.convergeMachine(cluster, machine)
    const { mountNamespace } = machineSite(cluster, machine.record).names
    const work = machine.work.then(() => ensureVolumeMounts(mountNamespace, this.volumes.mounts([name])))
    machine.work = work.catch(() => {
      // Told to whoever ordered the volume.
    })
    return await work
  }

  private realMachines(): Machine[] {
    return this.listMachines().filter(({ record }) => !record.simulated && record.removing !== true)
  }

  /** Whether its cluster names the volume. */
  usesVolume(name: string): boolean {
    return this.cluster?.record.volumes.includes(name) === true
  }

  /** Its machines see it no more. */
  async hideVolume(name: string): Promise<void> {
    const user = this.cluster
    if (user === undefined) return
    const spaces = this.realMachines().map((machine) => machineSite(user, machine.record).names.mountNamespace)
    await Promise.all(spaces.map((file) => removeVolumeMount(file, name)))
  }

  private async resume(record: ClusterRecord): Promise<void> {
    const kubernetesVersion = versionFor(record.kubernetesVersion, record.name)
    const cluster = await this.openCluster({ ...record, kubernetesVersion })
    for (const name of existsSync(this.paths.machines) ? readdirSync(this.paths.machines) : []) {
      const file = findJson<MachineRecord>(this.machineFile(name))
      if (file !== undefined) this.machines.set(name, newMachine(versioned(file, record)))
    }
    if (record.removing === true) return this.dismantle(cluster)
    this.converge(cluster)
    for (const machine of this.machines.values()) {
      if (machine.record.removing === true) this.retireMachine(cluster, machine)
      else this.convergeMachine(cluster, machine)
    }
  }

  private async createCluster(name: string, order: ClusterOrder, orderedBy: Caller): Promise<Cluster> {
    if (this.simulated) checkSimulatedHost(this.binDir, this.paths.folder)
    else await checkHost(this.binDir, this.paths.folder)
    await checkPortsFree(newDoors(order.ports, []))
    // Images and the gateway are the first one's.
    const beside = this.first?.findCluster()?.record
    const record: ClusterRecord = {
      ...order,
      name,
      registryPort: beside?.registryPort ?? (this.simulated ? 0 : await freePort(ports.registryPush)),
      gatewayToken: beside === undefined ? randomBytes(24).toString('base64url') : '',
      orderedBy,
      ...(this.simulated ? { controlPorts: await freeControlPorts() } : {}),
    }
    mkdirSync(this.paths.folder, { recursive: true, mode: 0o700 })
    writeJson(this.paths.cluster, record)
    const cluster = await this.openCluster(record)
    this.converge(cluster)
    return cluster
  }

  private async openCluster(record: ClusterRecord): Promise<Cluster> {
    const addresses = await this.addressesFor(record)
    const firsts = this.first?.findCluster()?.site.addresses.bridge.address
    const mirrors =
      this.first === undefined ? {} : { mirrors: firsts === undefined ? [] : [`${firsts}:${ports.registry}`] }
    const { paths, binDir } = this
    const kubernetesDir = kubernetesFolder(binDir, record.kubernetesVersion)
    const site = { addresses, paths, pki: new Pki(paths.pki), binDir, kubernetesDir, ...mirrors }
    await prepareCluster(site)
    const kube = adminOf(site)
    const programs = new Programs(this.paths.folder, this.clock, this.log)
    this.watch = this.newWatch()
    this.cluster = {
      record,
      site,
      programs,
      kube,
      progress: { state: 'creating' },
      work: Promise.resolve(),
      converged: Promise.resolve(),
    }
    return this.cluster
  }

  private async addressesFor({ controlPorts }: ClusterRecord): Promise<Addresses> {
    if (controlPorts !== undefined) return loopbackAddresses(controlPorts)
    return addressesOf(await claimSlot(this.paths.folder))
  }

  private newWatch(): NodeWatch {
    const start = (cluster: Cluster, machine: Machine) => this.startMachine(cluster, machine)
    return new NodeWatch({ clock: this.clock, log: this.log, start })
  }

  /** Works until the cluster is as ordered; says why it is not, as long as it is not. */
  private converge(cluster: Cluster): void {
    const { progress } = cluster
    cluster.work = cluster.work.then(() =>
      this.untilDone(
        () => cluster.record.removing === true,
        progress,
        async () => {
          await startCluster(controlSite(cluster), cluster.record, cluster.programs, cluster.kube)
          await this.forward(cluster)
          if (this.nextOld(cluster) !== undefined) return
          progress.state = 'ready'
          delete progress.reason
          this.log.info('cluster ready', { cluster: cluster.record.name })
        },
      ),
    )
    cluster.converged = cluster.work
    cluster.work = cluster.work.then(() => this.upgradeMachines(cluster))
  }

  /** What runs somewhere in the cluster: the control plane's, and those of its machines. */
  private versions({ record }: Cluster): string[] {
    return [record.kubernetesVersion, ...this.realMachines().map((machine) => machine.record.kubernetesVersion)]
  }

  private upgrading({ progress }: Cluster, reason: string): void {
    progress.state = 'upgrading'
    progress.reason = reason
  }

  private nextOld({ record }: Cluster): Machine | undefined {
    return nextToUpgrade(this.realMachines(), record.kubernetesVersion)
  }

  /** Machine by machine, once the control plane has the new version; a kubelet may be older than it, never newer. */
  private async upgradeMachines(cluster: Cluster): Promise<void> {
    const { progress } = cluster
    const unwanted = (): boolean => cluster.record.removing === true
    await this.untilDone(unwanted, progress, async () => {
      for (let next = this.nextOld(cluster); next !== undefined && !unwanted(); next = this.nextOld(cluster)) {
        await this.upgradeNext(cluster, next)
        if (this.nextOld(cluster) !== undefined) continue
        progress.state = 'ready'
        delete progress.reason
        this.log.info('cluster upgraded', { version: cluster.record.kubernetesVersion })
      }
    })
  }

  /** In the machine's own queue, so that it is neither started nor removed at the same time. */
  private async upgradeNext(cluster: Cluster, machine: Machine): Promise<void> {
    const { kubernetesVersion: to } = cluster.record
    const from = machine.record.kubernetesVersion
    const tell = (what: string) =>
      this.upgrading(cluster, upgradeText(from, to, `machine ${machine.record.name}: ${what}`))
    tell(machine.progress.reason ?? 'its turn has come')
    const work = machine.work.then(() =>
      upgradeMachine({
        cluster,
        machine,
        hasOthers: this.realMachines().length > 1,
        save: (record) => {
          machine.record = record
          this.saveMachine(record)
        },
        start: () => this.startMachine(cluster, machine),
        stopped: () => this.stopped || machine.record.removing === true || cluster.record.removing === true,
        tell,
        log: this.log,
      }),
    )
    machine.work = work.catch(() => {
      // Told by the cluster, whose work this is.
    })
    await work
  }

  private createMachine(cluster: Cluster, name: string, order: MachineOrder, orderedBy: Caller): Machine {
    const taken = this.listMachines().map(({ record }) => record.number)
    const number = order.simulated ? 0 : freeMachineNumber(taken)
    const { kubernetesVersion } = cluster.record
    const machine = newMachine({ ...order, name, number, orderedBy, kubernetesVersion })
    this.machines.set(name, machine)
    this.saveMachine(machine.record)
    this.convergeMachine(cluster, machine)
    return machine
  }

  private convergeMachine(cluster: Cluster, machine: Machine): void {
    const { progress } = machine
    machine.work = machine.work.then(() =>
      this.untilDone(
        () => machine.record.removing === true || cluster.record.removing === true,
        progress,
        async () => {
          await cluster.converged
          await this.startMachine(cluster, machine)
          // Its node is looked at by the next tick.
          machine.started = true
        },
      ),
    )
  }

  private async startMachine(cluster: Cluster, machine: Machine): Promise<void> {
    if (machine.record.simulated) {
      await cluster.programs.ensure(simulator(cluster.site))
      return ensureSimulatedNode(cluster.kube, machine.record, !this.simulated)
    }
    await ensureMachine(machineSite(cluster, machine.record), cluster.programs, this.mountsOf(cluster))
  }

  private retireMachine(cluster: Cluster, machine: Machine): void {
    const { record, progress } = machine
    progress.state = 'removing'
    machine.work = machine.work.then(() =>
      this.untilDone(
        () => false,
        progress,
        async () => {
          machine.started = false
          await this.forward(cluster)
          await cluster.converged
          if (cluster.record.removing !== true) await drainNode(cluster.kube, record.name, drainMs)
          await this.takeDown(cluster, machine)
          await this.forward(cluster)
        },
      ),
    )
  }

  /** The kubelet is ended before its node object goes, or it would register again. */
  private async takeDown(cluster: Cluster, machine: Machine): Promise<void> {
    const { record, node } = machine
    if (!record.simulated) await removeMachine(machineSite(cluster, record), cluster.programs)
    if (cluster.record.removing !== true) await removeNode(cluster.kube, record.name)
    const podCidr = node?.spec?.podCIDR
    if (podCidr !== undefined && !this.simulated) {
      const others = this.listMachines().filter(
        (other) => other !== machine && other.started && !other.record.simulated,
      )
      const netns = others.map((other) => machineSite(cluster, other.record).names.netns)
      await Promise.all([cluster.site.addresses.netns, ...netns].map((name) => removePodRoute(name, podCidr)))
    }
    await removeFolder(join(this.paths.machines, record.name))
    this.machines.delete(record.name)
    if (record.simulated && !this.simulated && !this.listMachines().some((other) => other.record.simulated))
      await cluster.programs.remove('kwok')
    this.log.info('machine removed', { machine: record.name })
  }

  private dismantle(cluster: Cluster): void {
    cluster.progress.state = 'removing'
    cluster.work = cluster.work.then(() =>
      this.untilDone(
        () => false,
        cluster.progress,
        async () => {
          await this.beforeRemoval()
          // Programs in pods get the chance to write what they hold, as when a machine is shut down.
          const real = this.listMachines().filter(({ record }) => !record.simulated)
          await Promise.all(real.map(({ record }) => this.emptyMachine(cluster, record.name)))
          await Promise.all(
            this.listMachines().map((machine) => machine.work.then(() => this.takeDown(cluster, machine))),
          )
          await removeCluster(cluster.site, cluster.programs)
          cluster.kube.close()
          if (!this.simulated) await restSlot(cluster.site.addresses.slot)
          rmSync(this.paths.cluster, { force: true })
          this.cluster = undefined
          this.log.info('cluster removed', { cluster: cluster.record.name })
        },
      ),
    )
  }

  private async emptyMachine(cluster: Cluster, name: string): Promise<void> {
    if (!cluster.programs.isAlive('apiserver') || !cluster.programs.isAlive(programName(name, 'kubelet'))) return
    try {
      await drainNode(cluster.kube, name, 15_000)
    } catch (error) {
      // The cluster goes anyway.
      this.log.warn('pods were not asked to end', { machine: name, error: explain(error) })
    }
  }

  /** Repeats a piece of work that can be repeated, with a pause between, until it is done or not wanted any more. */
  private async untilDone(
    unwanted: () => boolean,
    progress: Progress<string>,
    work: () => Promise<void>,
  ): Promise<void> {
    for (let attempts = 1; !this.stopped && !unwanted(); attempts += 1) {
      try {
        return await work()
      } catch (error) {
        progress.reason = explain(error)
        this.log.error('not as ordered yet', { reason: progress.reason, attempts })
        const hopeless = kindOf(error) !== 'unavailable' && kindOf(error) !== 'conflict'
        if (progress.state !== 'removing' && (hopeless || attempts >= 3)) progress.state = 'failed'
        await this.clock.sleep(retryMs)
      }
    }
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      const awaited = this.listMachines().some(({ started, progress }) => started && progress.state === 'creating')
      await this.clock.sleep(awaited ? hurriedTickMs : tickMs)
      try {
        await this.tick()
      } catch (error) {
        this.log.warn('looking after the cluster', { error: explain(error) })
      }
    }
  }

  private async keepFirewall(cluster: Cluster): Promise<void> {
    const beside = this.all().filter((one) => one !== cluster)
    const links = beside.map(({ site }) => site.addresses.uplink.link)
    if (links.join() === this.neighbours && this.clock.now() - this.firewallAt <= firewallMs) return
    await ensureFirewall(cluster.site.addresses, links)
    this.firewallAt = this.clock.now()
    this.neighbours = links.join()
  }

  private async tick(): Promise<void> {
    const { cluster } = this
    if (cluster === undefined || cluster.record.removing === true) return
    await cluster.programs.tick()
    if (!this.simulated) await this.keepFirewall(cluster)
    if (this.clock.now() - this.renewedAt > renewalMs) await this.renew(cluster)
    if (cluster.progress.state !== 'ready' && cluster.progress.state !== 'upgrading') return
    await this.watch.look(cluster, this.listMachines())
    await this.forward(cluster)
  }

  /** New certificates restart the programs that use them, one cluster or machine at a time in its own queue. */
  private async renew(cluster: Cluster): Promise<void> {
    this.renewedAt = this.clock.now()
    await ensurePki(cluster.site.pki, cluster.site.addresses)
    cluster.kube.close()
    cluster.kube = adminOf(cluster.site)
    this.converge(cluster)
    for (const machine of this.listMachines())
      if (machine.record.removing !== true) this.convergeMachine(cluster, machine)
  }

  private async forward(cluster: Cluster): Promise<void> {
    const { record, site, programs } = cluster
    // No machine listens: whoever serves the site's ports is a process on this host.
    if (this.simulated) return
    const before = findJson<ForwardConfig>(forwardFile(site))?.targets ?? []
    ensureFile(
      forwardFile(site),
      JSON.stringify({ listen: record.ports, ...forwardTargets(site, this.listMachines(), before) }),
    )
    if (record.ports.length > 0 && !programs.isAlive('forwarder')) await programs.ensure(forwarder(site))
    await this.link(cluster)
  }

  /** The way to the first cluster's machines, which come and go. */
  private async link({ record, site, programs }: Cluster): Promise<void> {
    if (this.first === undefined || (record.links ?? []).length === 0) return
    const { address } = site.addresses.bridge
    const listen = record.links.map(({ port, node }) => ({ host: port, node, address }))
    const before = findJson<ForwardConfig>(linkFile(site))?.targets ?? []
    const config = { listen, ...this.first.targets(before) }
    ensureFile(linkFile(site), JSON.stringify(config))
    if (!programs.isAlive('links')) await programs.ensure(linker(site))
  }

  /** Where connections to node ports of its cluster may go. */
  targets(before: readonly string[]): Pick<ForwardConfig, 'targets' | 'machines'> {
    if (this.cluster === undefined) return { targets: [], machines: [] }
    return forwardTargets(this.cluster.site, this.listMachines(), before)
  }

  private saveMachine(record: MachineRecord): void {
    writeJson(this.machineFile(record.name), record)
  }

  private machineFile(name: string): string {
    return join(this.paths.machines, name, 'machine.json')
  }
}

/** Records of before say nothing: those machines ran what the cluster ran. */
function versioned(machine: Omit<MachineRecord, 'kubernetesVersion'> & Partial<MachineRecord>, cluster: ClusterRecord) {
  const made = machine.kubernetesVersion ?? cluster.kubernetesVersion
  return { ...machine, kubernetesVersion: versionFor(made, cluster.name) }
}

function adminOf({ addresses, pki }: ControlPlane): Kube {
  const server = `https://${addresses.uplink.site}:${addresses.ports.apiServer}`
  return new Kube({ server, ca: pki.read('ca').cert, credential: pki.read('admin') })
}

async function freeControlPorts(): Promise<ControlPorts> {
  const names = ['apiServer', 'etcd', 'etcdPeer', 'controllerManager', 'scheduler', 'gateway'] as const
  // Asked for at once: one that is told twice was given back between.
  const found = await Promise.all(names.map(async (name) => [name, await anyFreePort()] as const))
  return Object.fromEntries(found) as unknown as ControlPorts
}
