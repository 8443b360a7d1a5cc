import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { MachineRecord, MachineState } from './machine.ts'
import { isFelixReady } from './machine-life.ts'
import { programName } from './machine-programs.ts'
import { ensurePodRoutes } from './network.ts'
import {
  ensureNodeFields,
  ensureSimulatedNode,
  listNodes,
  type NodeObject,
  podRoutes,
  whyNotReady,
} from './node-objects.ts'
import { type Cluster, type Machine, machineSite } from './running.ts'

/** How long a node object may be missing beside a living kubelet before the kubelet is made to register again. */
const rejoinMs = 10_000

export interface NodeWatchDeps {
  readonly clock: Clock
  readonly log: Log
  /** Starts what a machine lacks. */
  readonly start: (cluster: Cluster, machine: Machine) => Promise<void>
}

/** Compares the machines of a cluster with its node objects: readiness, labels, routes between their pods. */
export class NodeWatch {
  private readonly deps: NodeWatchDeps
  /** The routes that are in place. */
  private routed = ''

  constructor(deps: NodeWatchDeps) {
    this.deps = deps
  }

  /** One look; what it finds is noted in each machine's progress. */
  async look(cluster: Cluster, all: readonly Machine[]): Promise<void> {
    const machines = all.filter(({ started, record }) => started && record.removing !== true)
    const kinds = new Set(machines.map(({ record }) => (record.simulated ? 'simulated' : 'real')))
    const lists = await Promise.all([...kinds].map((kind) => listNodes(cluster.kube, kind)))
    const nodes = new Map(lists.flat().map((node) => [node.metadata.name, node]))
    await this.route(cluster, machines, [...nodes.values()])
    await Promise.all(machines.map((machine) => this.refresh(cluster, machine, nodes.get(machine.record.name))))
  }

  private async refresh(cluster: Cluster, machine: Machine, node: NodeObject | undefined): Promise<void> {
    const { record, progress } = machine
    machine.node = node ?? machine.node
    if (node !== undefined) await ensureNodeFields(cluster.kube, record, node)
    await this.rejoin(cluster, machine, node)
    const reason = whyNotReady(node) ?? (await whyNetworkNotReady(cluster, record, progress.state))
    if (record.removing === true) return
    if (reason === undefined) {
      if (progress.state !== 'ready') this.deps.log.info('machine ready', { machine: record.name })
      progress.state = 'ready'
      delete progress.reason
      return
    }
    progress.state = progress.state === 'creating' ? 'creating' : 'failed'
    progress.reason = reason
  }

  /** A kubelet whose node object was deleted does not notice: it registers when it starts. */
  private async rejoin(cluster: Cluster, machine: Machine, node: NodeObject | undefined): Promise<void> {
    const { clock, log, start } = this.deps
    if (node !== undefined) machine.missingSince = undefined
    else machine.missingSince ??= clock.now()
    if (machine.missingSince === undefined || clock.now() - machine.missingSince < rejoinMs) return
    machine.missingSince = undefined
    if (machine.record.simulated)
      return ensureSimulatedNode(cluster.kube, machine.record, !cluster.site.addresses.simulated)
    log.warn('node object is missing, kubelet restarted', { machine: machine.record.name })
    await cluster.programs.remove(programName(machine.record.name, 'kubelet'))
    await start(cluster, machine)
  }

  private async route(cluster: Cluster, machines: readonly Machine[], nodes: readonly NodeObject[]): Promise<void> {
    const sites = machines.filter(({ record }) => !record.simulated).map(({ record }) => machineSite(cluster, record))
    const addresses = new Map(sites.map(({ record, names }) => [record.name, names.address]))
    const routes = podRoutes(nodes, addresses)
    const key = JSON.stringify(routes)
    if (this.routed === key) return
    const places = [
      { netns: cluster.site.addresses.netns, own: undefined },
      ...sites.map(({ names }) => ({ netns: names.netns, own: names.address })),
    ]
    await Promise.all(places.map(({ netns, own }) => ensurePodRoutes(netns, own, routes)))
    this.routed = key
  }
}

async function whyNetworkNotReady(
  cluster: Cluster,
  record: MachineRecord,
  state: MachineState,
): Promise<string | undefined> {
  if (record.simulated || state === 'ready') return undefined
  const { address } = machineSite(cluster, record).names
  return (await isFelixReady(address)) ? undefined : 'the network policies are not in place yet'
}
