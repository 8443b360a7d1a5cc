import { AppError } from '../../base/errors.ts'
import type { Rancher, RancherCluster, RancherMachine } from './port.ts'

export interface FakeRancher extends Rancher {
  /** Why it does not answer; `undefined`: it does. */
  down: string | undefined
  /** Tokens that it does not take. */
  readonly revoked: Set<string>
  readonly known: RancherCluster[]
  manifestText: string
  sizes: Readonly<Record<string, number>>
  /** Ids of clusters whose service accounts its proxy lets in. */
  readonly proxied: Set<string>
  /** Sites by the names of the clusters that they ordered. */
  readonly ordered: Map<string, string>
  /** Sites whose credentials and machine settings were taken away. */
  readonly cleared: string[]
  /** Of all clusters. */
  readonly joined: RancherMachine[]
}

export function createFakeRancher(): FakeRancher {
  const fake: FakeRancher = {
    down: undefined,
    revoked: new Set(),
    known: [],
    manifestText: '',
    sizes: {},
    proxied: new Set(),
    ordered: new Map(),
    cleared: [],
    joined: [],
    missing: async () => fake.down,
    accepts: async (url, token) => {
      mustAnswer(url)
      return !fake.revoked.has(token)
    },
    clusters: async (url, token) => {
      mustTake(url, token)
      return fake.known
    },
    poolSizes: async (url, token) => {
      mustTake(url, token)
      return fake.sizes
    },
    takeServiceTokens: async (url, token, cluster) => {
      mustTake(url, token)
      fake.proxied.add(cluster)
    },
    orderedClusters: async (url, token, site) => {
      mustTake(url, token)
      return [...fake.ordered].filter(([, by]) => by === site).map(([name]) => name)
    },
    deleteCluster: async (url, token, name) => {
      mustTake(url, token)
      fake.ordered.delete(name)
    },
    deleteOrderedParts: async (url, token, site) => {
      mustTake(url, token)
      fake.cleared.push(site)
    },
    machines: async (url, token) => {
      mustTake(url, token)
      return [...fake.joined]
    },
    deleteMachine: async (url, token, name) => {
      mustTake(url, token)
      const index = fake.joined.findIndex((one) => one.name === name)
      if (index >= 0) fake.joined.splice(index, 1)
    },
    manifest: async () => {
      mustAnswer('')
      return fake.manifestText
    },
  }
  const mustAnswer = (url: string): void => {
    if (fake.down !== undefined)
      throw new AppError('unavailable', 'rancher-unreachable', `Rancher ${url}: ${fake.down}`)
  }
  const mustTake = (url: string, token: string): void => {
    mustAnswer(url)
    if (fake.revoked.has(token))
      throw new AppError('unauthenticated', 'rancher-token', `Rancher ${url} does not take the token`)
  }
  return fake
}
