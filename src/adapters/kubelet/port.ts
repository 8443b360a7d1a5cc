/** Where a node's kubelet listens, as the node's object says it. */
export interface KubeletAddress {
  readonly address: string
  readonly port: number
}

export interface Disk {
  readonly capacityBytes: number
  /** What is left for programs. */
  readonly availableBytes: number
}

/**
 * The kubelets of a cluster's nodes, asked for their own figures and nothing else (`get nodes/stats`).
 *
 * Errors: `unavailable/kubelet-unreachable` (no answer in time, or one that its certificate does not vouch for),
 * `forbidden/kubelet-forbidden`.
 */
export interface Kubelets {
  /** The disk that pods, images and logs lie on; `undefined` when the kubelet does not say. */
  disk(kubelet: KubeletAddress): Promise<Disk | undefined>
}
