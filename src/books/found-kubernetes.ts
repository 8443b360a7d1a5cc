import { thingOf } from '../actions/kubernetes-apply.ts'
import type { KindRef, Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { kindOf } from '../base/errors.ts'
import { ownerOfPool, POOL_LABEL } from '../clusters/nodepool.ts'
import { rootOfVolume } from '../clusters/volume.ts'
import type { Found } from './orphans.ts'
import { keyOf } from './thing-key.ts'

const managed = 'app.kubernetes.io/managed-by=cloudmgr'
const accountLabel = 'omegaml.io/account'
const namespaceKind: KindRef = { apiVersion: 'v1', kind: 'Namespace' }

/** What actions put into accounts' namespaces; what Helm puts there goes with its release. */
const kinds: readonly KindRef[] = [
  ...['Secret', 'ConfigMap', 'Service', 'PersistentVolumeClaim', 'ResourceQuota', 'LimitRange'].map((kind) => ({
    apiVersion: 'v1',
    kind,
  })),
  ...['Deployment', 'StatefulSet'].map((kind) => ({ apiVersion: 'apps/v1', kind })),
  ...['Job', 'CronJob'].map((kind) => ({ apiVersion: 'batch/v1', kind })),
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
]

/** Namespaces of accounts, what lies in them, their volumes and the nodes of their pools. */
export async function findInKubernetes({ kubernetes }: { readonly kubernetes: Kubernetes }): Promise<Found[]> {
  const found: Found[] = []
  const namespaces = await kubernetes.list(namespaceKind, { labels: accountLabel })
  for (const { metadata } of namespaces) {
    const account = metadata.labels?.[accountLabel] ?? ''
    const marked = metadata.labels?.['app.kubernetes.io/managed-by'] === 'cloudmgr'
    const sure = marked && metadata.name === `om-${account}`
    const detail = sure
      ? `has our labels: of account ${account}`
      : 'has the label of an account, but not all that ours have'
    found.push({ system: 'kubernetes', kind: 'v1/Namespace', name: metadata.name, account, sure, detail })
  }
  const accounts = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels?.[accountLabel]]))
  for (const kind of kinds)
    for (const object of await ifAllowed(kubernetes.list(kind, { labels: managed })))
      found.push(...inNamespace({ ...object, ...kind }, accounts))
  return [...found, ...(await findVolumes(kubernetes, new Set(accounts.keys()))), ...(await findNodes(kubernetes))]
}

/** What we may not list we have not made: the rights are those of what plans make. */
export async function ifAllowed<One>(listing: Promise<readonly One[]>): Promise<readonly One[]> {
  try {
    return await listing
  } catch (error) {
    if (kindOf(error) === 'forbidden') return []
    throw error
  }
}

function inNamespace(object: Manifest, accounts: ReadonlyMap<string, string | undefined>): Found[] {
  const { namespace = '' } = object.metadata
  const account = accounts.get(namespace)
  if (account === undefined) return []
  const found = { ...thingOf(object), account, sure: true, within: namespaceKey(namespace) }
  if (object.kind !== 'PersistentVolumeClaim') return [{ ...found, detail: 'has our label' }]
  // It goes with its namespace, or when it is asked for.
  const { volumeName: behind } = (object['spec'] ?? {}) as { volumeName?: string }
  const partOf = behind === undefined ? undefined : rootKey(rootOfVolume(behind))
  return [{ ...found, holdsData: true, detail: `has our label; ${KEPT}`, partOf }]
}

/** Why a thing that holds data is not taken away unasked. */
export const KEPT = 'it may hold data that somebody wants'

function rootKey(name: string): string {
  return keyOf({ system: 'terraform', kind: 'root', name })
}

export function namespaceKey(name: string): string {
  return keyOf({ system: 'kubernetes', kind: 'v1/Namespace', name })
}

/** Those in front of ordered volumes, and those whose claim is gone with its namespace and that the cluster was told to keep. */
async function findVolumes(kubernetes: Kubernetes, namespaces: ReadonlySet<string>): Promise<Found[]> {
  const volumes = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
  return volumes.flatMap((volume): Found[] => {
    const thing = thingOf({ ...volume, apiVersion: 'v1', kind: 'PersistentVolume' })
    const account = orderedFor(volume)
    if (account !== undefined) {
      const partOf = rootKey(rootOfVolume(volume.metadata.name))
      return [{ ...thing, account, sure: true, holdsData: true, detail: `has our labels; ${KEPT}`, partOf }]
    }
    const { claimRef } = (volume['spec'] ?? {}) as { claimRef?: { namespace?: string } }
    const { phase } = (volume['status'] ?? {}) as { phase?: string }
    const of = claimRef?.namespace ?? ''
    if (phase !== 'Released' || !of.startsWith('om-') || namespaces.has(of)) return []
    const detail = `its claim is gone, and it is kept by its reclaim policy: ${KEPT}`
    return [{ ...thing, account: of.slice(3), sure: false, detail }]
  })
}

/** The account that a PersistentVolume was made for; undefined when it is not one of ours. */
function orderedFor({ metadata: { labels } }: Manifest): string | undefined {
  return labels?.['app.kubernetes.io/managed-by'] === 'cloudmgr' ? labels[accountLabel] : undefined
}

/** Nodes of pools that accounts ordered; they go with the root that ordered them, and without it with the provider's help. */
async function findNodes(kubernetes: Kubernetes): Promise<Found[]> {
  const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node' }, { labels: POOL_LABEL })
  // A cloud's module labels the site's own, too, by names that have no account.
  const ordered = nodes.filter(({ metadata }) => ownerOfPool(metadata.labels?.[POOL_LABEL]) !== undefined)
  return ordered.map((node) => ({
    ...thingOf({ ...node, apiVersion: 'v1', kind: 'Node' }),
    sure: false,
    detail: 'a node of an ordered pool: end its machine where the provider shows it',
    partOf: rootKey(`nodepool-${node.metadata.labels?.[POOL_LABEL] ?? ''}`),
  }))
}

/** Whose the ordered volumes are, as the PersistentVolumes in front of them tell. */
export async function volumeAccounts(kubernetes: Kubernetes): Promise<Map<string, string | undefined>> {
  const volumes = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' }, { labels: managed })
  return new Map(volumes.map((volume) => [volume.metadata.name, orderedFor(volume)]))
}
