import type { Helm } from '../adapters/helm/port.ts'
import type { Jupyterhub } from '../adapters/jupyterhub/port.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import type { Mongodb } from '../adapters/mongodb/port.ts'
import type { Network } from '../adapters/network/port.ts'
import type { Rabbitmq } from '../adapters/rabbitmq/port.ts'
import type { Scripts } from '../adapters/scripts/port.ts'
import type { Clock } from '../base/clock.ts'
import { hcloudNeighbours } from '../clusters/hcloud-cluster.ts'
import type { Action } from './action.ts'
import { cluster, type ClusterParts } from './cluster.ts'
import { clusterAccess, type ClusterAccessParts } from './cluster-access.ts'
import type { EngineRoots } from './engine-root.ts'
import { helmRelease } from './helm-release.ts'
import { jupyterhubServers } from './jupyterhub-servers.ts'
import { jupyterhubUser } from './jupyterhub-user.ts'
import { kubernetesApply } from './kubernetes-apply.ts'
import { mongodbCopy } from './mongodb-copy.ts'
import { mongodbServer, type OpenMongodb } from './mongodb-server.ts'
import { mongodbUser } from './mongodb-user.ts'
import { nodepool } from './nodepool.ts'
import { onCluster } from './on-cluster.ts'
import { pullSecrets } from './pull-secrets.ts'
import { rabbitmqAccess } from './rabbitmq-access.ts'
import { registrySecret } from './registry-secret.ts'
import { runScript } from './run-script.ts'
import { volume } from './volume.ts'
import { waitFor } from './wait-for.ts'

/** The outside of the accounts' plans. */
export interface ServiceParts {
  readonly mongodb: Mongodb
  /** Servers of the accounts' own. */
  readonly openMongodb: OpenMongodb
  readonly rabbitmq: Rabbitmq
  readonly jupyterhub: Jupyterhub
  readonly kubernetes: Kubernetes
  readonly helm: Helm
  readonly network: Network
  readonly scripts: Scripts
  readonly clock: Clock
  /** Folders of the catalogue's manifests and of the charts. */
  readonly manifests: string
  readonly charts: string
  readonly roots: EngineRoots
  /** Of accounts' volumes in the site's own cluster that name none; the cluster's default when left out. */
  readonly storageClass?: string | undefined
  readonly clusters: ClusterParts
}

/** Names of what steps of the accounts' plans can do; the same as of `serviceActions`. */
export const serviceActionNames: readonly string[] = [
  'mongodb-user',
  'mongodb-copy',
  'mongodb-server',
  'rabbitmq-access',
  'jupyterhub-user',
  'jupyterhub-servers',
  'kubernetes-apply',
  'helm-release',
  'nodepool',
  'registry-secret',
  'pull-secrets',
  'volume',
  'wait-for',
  'cluster-access',
  'cluster',
  'run-script',
]

/** Of the site's cluster at a cloud whose nodes have other addresses for each other. */
function neighboursOf({ provider }: EngineRoots): ClusterAccessParts['neighbours'] {
  const join = provider?.hcloud
  return join === undefined ? undefined : async (nodes) => hcloudNeighbours(await join(), nodes)
}

/** Everything that a step of the accounts' plans can do. */
export function serviceActions(parts: ServiceParts): Action<never>[] {
  const placed = <Input>(make: (given: ServiceParts) => Action<Input>) =>
    onCluster(
      (door) => make({ ...parts, ...door }),
      parts,
      () => parts.clusters.doors,
    )
  return [
    mongodbUser(parts),
    mongodbCopy(parts),
    mongodbServer(parts),
    rabbitmqAccess(parts),
    jupyterhubUser(parts),
    jupyterhubServers(parts),
    placed(kubernetesApply),
    placed(helmRelease),
    nodepool({ ...parts, ...parts.roots }, () => parts.clusters.doors),
    placed(registrySecret),
    placed(pullSecrets),
    placed((given) =>
      volume({
        ...given,
        ...given.roots,
        usualClass: given.kubernetes === parts.kubernetes ? parts.storageClass : undefined,
      }),
    ),
    placed(waitFor),
    clusterAccess({ ...parts, neighbours: neighboursOf(parts.roots) }),
    cluster(parts),
    runScript(parts),
  ] as Action<never>[]
}
