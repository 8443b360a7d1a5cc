/** A thing at Hetzner, by what it is and its name. */
export interface HcloudThing {
  readonly kind: 'server' | 'placement group' | 'primary IP' | 'firewall' | 'volume'
  readonly id: number
  readonly name: string
}

/**
 * Hetzner's API, for what no Terraform state here knows. Whoever can't be reached is `unavailable`; a token that is not taken
 * is `unauthenticated`, `hcloud-token`.
 */
export interface Hcloud {
  /** What there is of each kind with these labels (`cluster=a,ordered`). */
  find(token: string, labels: string): Promise<readonly HcloudThing[]>
  /** Asks for its deletion; one that is gone is no error. */
  delete(token: string, thing: HcloudThing): Promise<void>
}
