import type { Taint } from './profiles.ts'

/** Machines of one type and role, as the site file orders them, whoever provides them. */
export interface PoolSpec {
  readonly name: string
  /** `omegaml.io/role` of its nodes: dbmaster, ingress, system, worker, control, or one's own. */
  readonly role: string
  /** The provider's own word, such as `cx32`; the local cloud has none and takes cores and memory. */
  readonly machineType?: string
  readonly cores?: number
  readonly memoryGb?: number
  readonly size: number
  /** Given, an autoscaler sets the size between them. */
  readonly min?: number
  readonly max?: number
  /** Of each machine's own disk; the provider's usual one when left out. */
  readonly diskGb?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly Taint[]
  readonly simulated?: boolean
  /** GPUs of each machine: its labels and taints say so. */
  readonly gpu?: number
}

/** A site's cluster, whoever provides it. */
export interface ClusterSpec {
  readonly name: string
  readonly domain: string
  /** Such as `1.37.2`. */
  readonly kubernetesVersion: string
  readonly pools: readonly PoolSpec[]
  /** Disks that outlive the cluster: sizes in GB by name. */
  readonly volumes: Readonly<Record<string, number>>
}
