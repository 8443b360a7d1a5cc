import { AppError } from '../base/errors.ts'
import type { ClusterMaker, ClusterOrder } from './cluster-maker.ts'
import type { Machines } from './profiles.ts'
import { nodeTypeOf, type Provider } from './provider.ts'
import { orderedClusterRoot } from './root.ts'

const START_MS = 300_000

/** Clusters of the local cloud: their own address leads on to node ports of the site's cluster. */
export function localCluster(provider: Provider): ClusterMaker {
  return {
    check: async (order) => void machinesOf(order, provider),
    rootFor: async (order) => {
      const { name, domain, links } = order
      const machines = machinesOf(order, provider)
      return { root: (site) => orderedClusterRoot(site, { name, domain, links, machines }), env: {} }
    },
    rootForRemoval: async (name) => {
      // The module asks for one, also where all shall go.
      const some = { [`${name}-1`]: { role: 'worker', cores: 1, memoryGb: 1 } }
      const nothing = { name, domain: 'none.invalid', links: [], machines: some }
      return { root: (site) => orderedClusterRoot(site, nothing), env: {} }
    },
    outputs: ['kubeconfig', 'api_server', 'dns'],
    made: async (outputs) => ({
      kubeconfig: clusterOutput(outputs, 'kubeconfig'),
      apiServer: clusterOutput(outputs, 'api_server'),
      address: clusterOutput(outputs, 'dns'),
    }),
    startMs: START_MS,
  }
}

/** A text that the cluster's root must have told. */
export function clusterOutput(outputs: Readonly<Record<string, unknown>>, name: string): string {
  const value = outputs[name]
  if (typeof value === 'string' && value !== '') return value
  throw new AppError('unavailable', 'cluster-output-missing', `the cloud does not say the cluster's ${name}`)
}

function machinesOf({ name, role, type, size }: ClusterOrder, provider: Provider): Machines {
  const { cores, memoryGb } = nodeTypeOf(provider, type)
  const numbers = Array.from({ length: size }, (_, index) => index + 1)
  return Object.fromEntries(
    numbers.map((number) => [`${name}-${number}`, { role, cores, memoryGb, labels: {}, taints: [], simulated: false }]),
  )
}
