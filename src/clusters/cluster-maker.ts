import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import type { PortLinks } from './cluster-rows.ts'
import type { PoolSite, TerraformRoot } from './root.ts'

/** A cluster beside the site's own, as it is ordered. */
export interface ClusterOrder {
  readonly name: string
  /** Of its machines, in the words of orders; whoever makes it knows what each has. */
  readonly type: string
  readonly role: string
  readonly size: number
  /** Its DNS answers this domain, where the cloud gives it one. */
  readonly domain: string
  /** Ports of the services, and the node ports of the site's cluster that they have for this cluster. */
  readonly links: readonly { readonly port: number; readonly node: number }[]
}

/** How to work there, and how its pods reach the site. */
export interface MadeCluster {
  readonly kubeconfig: string
  readonly apiServer: string
  /** Where the site's services are met; left out where objects in the cluster lead there. */
  readonly address?: string | undefined
  /** Ports at `address` by the services' own, where they are others. */
  readonly links?: PortLinks | undefined
}

/** A root, and the environment of its run, which may hold secrets. */
export interface ClusterRoot {
  readonly root: (site: PoolSite) => TerraformRoot
  readonly env: Readonly<Record<string, string>>
}

/** Of the task that is being done. */
export interface Running {
  readonly signal: AbortSignal
  readonly output: (line: string) => void
  readonly waiting: (reason: string | undefined) => void
}

/** What one provider does about clusters that are ordered of it. */
export interface ClusterMaker {
  /** Refuses what can't be had, before anything is touched. */
  readonly check: (order: ClusterOrder) => Promise<void>
  readonly rootFor: (order: ClusterOrder) => Promise<ClusterRoot>
  /** For the removal of whatever the root's state knows. */
  readonly rootForRemoval: (name: string) => Promise<ClusterRoot>
  /** Of the root, that `made` reads. */
  readonly outputs: readonly string[]
  readonly made: (outputs: Readonly<Record<string, unknown>>, order: ClusterOrder) => Promise<MadeCluster>
  /** How long its first start may take, in milliseconds. */
  readonly startMs: number
  /** Nodes to wait for; left out where Terraform has waited. */
  readonly nodes?: (order: ClusterOrder) => number
  /**
   * The nodes of `pool` that stay with this order: others are emptied before their machines go. Left out where the cloud
   * does that.
   */
  readonly stays?: (order: ClusterOrder) => { readonly pool: string; readonly nodes: readonly string[] }
  /** Takes away what would outlive the cluster, such as disks. `kubernetes` is undefined where it was not made to the end. */
  readonly beforeRemoval?: (name: string, kubernetes: Kubernetes | undefined, running: Running) => Promise<void>
}
