import { parse, stringify } from 'yaml'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import type { PortLinks } from '../clusters/cluster-rows.ts'
import { portAt, type SharedService } from '../clusters/place.ts'
import type { ActionContext } from './action.ts'
import { waitUntil } from './wait-until.ts'

export interface ClusterFacts {
  /** Of the site's services. */
  readonly namespace: string
  /** Where the site's services are reached; left out where objects of the cluster's own lead there. */
  readonly address: string | undefined
  readonly links: PortLinks | undefined
  readonly services: readonly SharedService[]
  /** Of volumes that are ordered of the cloud one by one. */
  readonly storageClass: string | undefined
  /** Of the site, to be copied. */
  readonly secrets: readonly Manifest[]
}

const managed = { 'app.kubernetes.io/managed-by': 'cloudmgr' }
const RBAC = 'rbac.authorization.k8s.io'
const OBSERVER = 'omegaweb'
const TOKEN = 'omegaweb-token'

/**
 * What belongs into every cluster beside the site's own: the site's services under the names that they have there, and
 * the API's account, which lists nodes, and pods where an account's namespace lets it.
 */
export function clusterObjects({
  namespace,
  address,
  links,
  services,
  storageClass,
  secrets,
}: ClusterFacts): Manifest[] {
  const named = (name: string) => ({ name, labels: managed })
  const inside = (name: string) => ({ name, namespace, labels: managed })
  const role = (name: string, resources: string[], verbs: string[]) => ({
    name,
    rules: [{ apiGroups: [''], resources, verbs }],
  })
  const status = role(`${namespace}-account-status`, ['pods'], ['get', 'list'])
  const logs = { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] }
  const looking = role(`${namespace}-omegaweb`, ['nodes'], ['list'])
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: named(namespace) },
    ...(address === undefined
      ? []
      : services.flatMap((service) => serviceObjects(service, inside(service.name), address, portAt(links, service)))),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inside(OBSERVER) },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: named(looking.name), rules: looking.rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: named(looking.name),
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: looking.name },
      subjects: [{ kind: 'ServiceAccount', name: OBSERVER, namespace }],
    },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: named(status.name), rules: [...status.rules, logs] },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...inside(TOKEN), annotations: { 'kubernetes.io/service-account.name': OBSERVER } },
      type: 'kubernetes.io/service-account-token',
    },
    ...(storageClass === undefined ? [] : [orderedClass(named(storageClass))]),
    ...secrets.map((one) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: inside(one.metadata.name),
      type: one['type'],
      data: one['data'],
    })),
  ]
}

/** A Service without pods of its own, and the one address behind it. */
function serviceObjects(
  { name, port }: SharedService,
  metadata: Manifest['metadata'],
  address: string,
  at: number,
): Manifest[] {
  const named = { name: 'main', protocol: 'TCP' }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ ...named, port, targetPort: at }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { ...managed, 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ ...named, port: at }],
    },
  ]
}

/** As chart omegaml-storage has it. */
function orderedClass(metadata: Manifest['metadata']): Manifest {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata,
    provisioner: 'kubernetes.io/no-provisioner',
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  }
}

const TOKEN_MS = 60_000

/** A kubeconfig of the API's account: the administrator's server, with the account's token. */
export async function observerKubeconfig(
  kubernetes: Kubernetes,
  { namespace, kubeconfig }: { readonly namespace: string; readonly kubeconfig: string },
  clock: Clock,
  context: ActionContext,
): Promise<string> {
  const ref = { apiVersion: 'v1', kind: 'Secret', name: TOKEN, namespace }
  let token: string | undefined
  const check = async () => {
    token = ((await kubernetes.find(ref))?.['data'] as { token?: string } | undefined)?.token
    return { state: token === undefined ? ('waiting' as const) : ('ready' as const), reason: 'not made yet' }
  }
  await waitUntil({ what: `the token of ${namespace}/${OBSERVER}`, timeoutMs: TOKEN_MS, check }, clock, context)
  const { clusters } = parse(kubeconfig) as { clusters: { name: string; cluster: object }[] }
  const [first] = clusters
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: first?.cluster }],
    users: [{ name: OBSERVER, user: { token: Buffer.from(token ?? '', 'base64').toString('utf8') } }],
    contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: OBSERVER } }],
    'current-context': 'cluster',
  })
}
