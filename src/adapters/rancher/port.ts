/** A cluster that a Rancher looks after. */
export interface RancherCluster {
  readonly id: string
  readonly name: string
}

/** A machine of a cluster, as Rancher keeps it beside the cloud's own. */
export interface RancherMachine {
  readonly name: string
  /** `undefined`: it has not joined yet. */
  readonly node: string | undefined
}

/**
 * What Terraform's provider can't say of a Rancher. Whoever can't be reached is `unavailable`; a token that is not taken
 * (revoked, expired) is `unauthenticated`, `rancher-token`.
 */
export interface Rancher {
  /** Why it does not answer yet, in words; `undefined`: it does, with a certificate that the world knows. */
  missing(url: string, signal: AbortSignal): Promise<string | undefined>
  accepts(url: string, token: string): Promise<boolean>
  /** All but the one that it runs in itself. */
  clusters(url: string, token: string): Promise<readonly RancherCluster[]>
  /** Machines of each pool of a cluster that it made, as an autoscaler may have set them; none where it has no such cluster. */
  poolSizes(url: string, token: string, cluster: string): Promise<Readonly<Record<string, number>>>
  /**
   * Its proxy to a cluster takes tokens of that cluster's own service accounts, too (since 2.9). `conflict` where somebody
   * turned that off.
   */
  takeServiceTokens(url: string, token: string, cluster: string): Promise<void>
  /** Names of clusters that a site's service ordered, by the label that they have; one is there until its machines are gone. */
  orderedClusters(url: string, token: string, site: string): Promise<readonly string[]>
  /** Begins to take away a cluster that it made, with its machines. */
  deleteCluster(url: string, token: string, name: string): Promise<void>
  /** Takes away cloud credentials and machine settings with that label, which Terraform made beside the clusters. */
  deleteOrderedParts(url: string, token: string, site: string): Promise<void>
  /** Of a cluster that it made, or that machines joined by its command. */
  machines(url: string, token: string, cluster: string): Promise<readonly RancherMachine[]>
  /** Asks for its end: etcd's member and node go with it, the machine at the cloud stays. One that is gone is no error. */
  deleteMachine(url: string, token: string, name: string): Promise<void>
  /** Objects of its agent, as YAML. The address holds a token, and is in no error. */
  manifest(address: string): Promise<string>
}
