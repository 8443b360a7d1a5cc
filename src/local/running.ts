import { join } from 'node:path'
import { kubernetesFolder } from '../base/kubernetes-version.ts'
import { machineNames } from './addresses.ts'
import type { ClusterRecord, ClusterState } from './cluster.ts'
import type { ControlPlane } from './control-plane.ts'
import type { ForwardConfig } from './forward.ts'
import type { Kube } from './kube.ts'
import type { MachineRecord, MachineState } from './machine.ts'
import type { MachineSite } from './machine-programs.ts'
import type { NodeObject } from './node-objects.ts'
import type { Programs } from './programs.ts'

/** What was observed of a cluster or a machine, and why it is not ready. */
export interface Progress<State> {
  state: State
  reason?: string
}

/** A cluster as the supervisor works on it. */
export interface Cluster {
  record: ClusterRecord
  readonly site: ControlPlane
  readonly programs: Programs
  kube: Kube
  readonly progress: Progress<ClusterState>
  /** The present piece of work; the next one waits for it. */
  work: Promise<void>
  /** Settles when the last attempt to make it as ordered ended; never waits for its removal. */
  converged: Promise<void>
}

/** A machine as the supervisor works on it. */
export interface Machine {
  record: MachineRecord
  readonly progress: Progress<MachineState>
  /** The present piece of work; the next one waits for it. */
  work: Promise<void>
  /** Set once its programs run. */
  started: boolean
  node: NodeObject | undefined
  missingSince: number | undefined
}

export function newMachine(record: MachineRecord): Machine {
  const state = record.removing === true ? 'removing' : 'creating'
  return {
    record,
    progress: { state },
    work: Promise.resolve(),
    started: false,
    node: undefined,
    missingSince: undefined,
  }
}

export function machineSite({ site }: Pick<Cluster, 'site'>, record: MachineRecord): MachineSite {
  const names = machineNames(site.addresses, record.name, record.number)
  const kubernetesDir = kubernetesFolder(site.binDir, record.kubernetesVersion)
  return { ...site, kubernetesDir, record, names, folder: join(site.paths.machines, record.name) }
}

/** Its control plane, of the version that was ordered. */
export function controlSite({ site, record }: Pick<Cluster, 'site' | 'record'>): ControlPlane {
  return { ...site, kubernetesDir: kubernetesFolder(site.binDir, record.kubernetesVersion) }
}

/**
 * Where loopback ports lead. One that leaves takes no further connection and keeps those it has until it is gone. One
 * that was not looked at yet, after a restart of the supervisor, keeps what it had.
 */
export function forwardTargets(
  site: ControlPlane,
  machines: readonly Machine[],
  before: readonly string[],
): Pick<ForwardConfig, 'targets' | 'machines'> {
  const real = machines
    .filter(({ record }) => !record.simulated)
    .map((machine) => ({ machine, address: machineSite({ site }, machine.record).names.address }))
  const serving = real.filter(({ machine: { started, progress, record }, address }) => {
    const serves = started ? progress.state === 'ready' : before.includes(address)
    return serves && record.removing !== true
  })
  return { targets: serving.map(({ address }) => address), machines: real.map(({ address }) => address) }
}
