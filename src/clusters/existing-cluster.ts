import type { Access, Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { Taint } from './profiles.ts'
import { isBetween, minorOf } from './rancher-versions.ts'

export const roleLabel = 'omegaml.io/role'

/** Nodes that take a role, and the taints that keep others from them. */
export interface RoleNodes {
  readonly nodes: readonly string[]
  readonly taints?: readonly Taint[]
  /** They have GPUs. */
  readonly gpu?: boolean
}

/** What a site wants of a cluster that somebody else made. */
export interface ExistingCluster {
  /** By role. None: the parts run anywhere, and no node is touched. */
  readonly roles: Readonly<Record<string, RoleNodes>>
  /** Class that makes the databases' volumes; the cluster's default class when left out. */
  readonly storageClass?: string | undefined
  /** Least and last minor version of Kubernetes; our own when left out, Rancher's where one is named. */
  readonly kubernetes?: { readonly from: string; readonly to: string } | undefined
  /** A Rancher looks after the cluster: its webhook asks for a permission of its own. */
  readonly rancher?: boolean
}

/** What is there. */
export interface ClusterFacts {
  readonly version: string
  readonly nodes: readonly NodeFacts[]
  readonly classes: readonly StorageClassFacts[]
  /** Of what `neededAccess` lists. */
  readonly forbidden: readonly Access[]
}

export interface NodeFacts {
  readonly name: string
  readonly isReady: boolean
  readonly cores: number
  readonly memoryGb: number
  readonly role: string | undefined
  readonly taints: readonly Taint[]
  /** Of the object as it was seen. */
  readonly resourceVersion: string
}

export interface StorageClassFacts {
  readonly name: string
  readonly provisioner: string
  readonly isDefault: boolean
}

/** Something that keeps us from using the cluster. */
export interface Unfit {
  readonly check: 'version' | 'nodes' | 'storage' | 'permissions'
  /** Of the site file, where there is one. */
  readonly field: string
  readonly value: string
  /** What would be right. */
  readonly right: string
}

/** Versions of Kubernetes that the charts were tried with, and those between. */
const supported = { from: '1.32', to: '1.37' }

/** What a role's machine must have; a little less than is written on it, for what the system takes. */
const leastOfRole: Readonly<Record<string, { cores: number; memoryGb: number }>> = {
  dbmaster: { cores: 2, memoryGb: 7 },
  ingress: { cores: 2, memoryGb: 3 },
  system: { cores: 2, memoryGb: 3 },
  worker: { cores: 2, memoryGb: 7 },
}

/** Provisioners whose volumes are a folder of one machine: a database there dies with it. */
const onOneMachine = ['rancher.io/local-path', 'microk8s.io/hostpath', 'k8s.io/minikube-hostpath', 'docker.io/hostpath']
const makesNone = 'kubernetes.io/no-provisioner'

/** What installing and running a site takes; `up` is best run by a cluster administrator. */
export function neededAccess(wanted: ExistingCluster): readonly Access[] {
  const changes = (group: string, resource: string): Access[] =>
    ['create', 'patch', 'delete'].map((verb) => ({ verb, group, resource }))
  return [
    ...changes('', 'namespaces'),
    ...['secrets', 'configmaps', 'services', 'serviceaccounts', 'persistentvolumeclaims'].flatMap((one) =>
      changes('', one),
    ),
    ...changes('', 'persistentvolumes'),
    ...['deployments', 'statefulsets'].flatMap((one) => changes('apps', one)),
    ...changes('batch', 'jobs'),
    ...(Object.values(wanted.roles).some(({ gpu }) => gpu === true) ? changes('apps', 'daemonsets') : []),
    ...changes('networking.k8s.io', 'networkpolicies'),
    ...['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].flatMap((one) =>
      changes('rbac.authorization.k8s.io', one),
    ),
    { verb: 'get', group: '', resource: 'pods/log' },
    { verb: 'list', group: '', resource: 'nodes' },
    { verb: 'list', group: 'storage.k8s.io', resource: 'storageclasses' },
    ...(Object.keys(wanted.roles).length > 0 ? [{ verb: 'patch', group: '', resource: 'nodes' }] : []),
    // Rancher's webhook refuses Pod Security labels of namespaces without it.
    ...(wanted.rancher === true ? [{ verb: 'updatepsa', group: 'management.cattle.io', resource: 'projects' }] : []),
  ]
}

/** Looks at the cluster; changes nothing. */
export async function lookAt(kubernetes: Kubernetes, wanted: ExistingCluster): Promise<ClusterFacts> {
  const forbidden: Access[] = []
  for (const access of neededAccess(wanted)) if (!(await kubernetes.isAllowed(access))) forbidden.push(access)
  const isListed = (resource: string) => !isForbidden({ forbidden }, resource)
  return {
    version: await kubernetes.version(),
    nodes: isListed('nodes') ? (await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })).map(nodeFacts) : [],
    classes: isListed('storageclasses')
      ? (await kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' })).map(classFacts)
      : [],
    forbidden,
  }
}

/** Everything that keeps us from using the cluster; empty when it will do. */
export function unfit(facts: ClusterFacts, wanted: ExistingCluster): readonly Unfit[] {
  return [
    ...unfitVersion(facts.version, wanted.kubernetes ?? supported),
    // Who may not look can't tell that it is missing.
    ...(isForbidden(facts, 'nodes') ? [] : unfitNodes(facts.nodes, wanted.roles)),
    ...(isForbidden(facts, 'storageclasses') ? [] : unfitStorage(facts, wanted.storageClass)),
    ...facts.forbidden.map(({ verb, group, resource }) => ({
      check: 'permissions' as const,
      field: 'provider.kubeconfig',
      value: `must not ${verb} ${resource}${group === '' ? '' : `.${group}`}`,
      right: 'a kubeconfig of an administrator (ClusterRole cluster-admin), or of a role with this verb',
    })),
  ]
}

function isForbidden({ forbidden }: Pick<ClusterFacts, 'forbidden'>, resource: string): boolean {
  return forbidden.some((one) => one.verb === 'list' && one.resource === resource)
}

/** Refuses a cluster that will not do, before anything in it is touched. */
export function requireFit(facts: ClusterFacts, wanted: ExistingCluster): void {
  const found = unfit(facts, wanted)
  const [first] = found
  if (first === undefined) return
  const said = found.map(({ field, value, right }) => `${field} ${value}, right is ${right}`).join('; ')
  throw new AppError('invalid', 'cluster-unfit', `this cluster will not do: ${said}`, { details: { ...first } })
}

export interface NodeChange {
  readonly node: string
  /** `undefined`: its role is taken away. */
  readonly role: string | undefined
  /** All the node has then, those of others among them. */
  readonly taints: readonly Taint[]
  readonly resourceVersion: string
}

/**
 * What differs from the roles that are wanted. The label is ours: a node that is named no more loses it, and the taints
 * that its role had by `before`. Without roles nothing is touched.
 */
export function nodeChanges(
  nodes: readonly NodeFacts[],
  wanted: ExistingCluster['roles'],
  before: ExistingCluster['roles'] = {},
): readonly NodeChange[] {
  if (Object.keys(wanted).length === 0) return []
  return nodes.flatMap((node) => {
    const role = roleOf(node.name, wanted)
    const ours = role === undefined ? [] : (wanted[role]?.taints ?? [])
    const old = node.role === undefined ? [] : (before[node.role]?.taints ?? [])
    const others = node.taints.filter((taint) => ![...ours, ...old].some((one) => isSameTaint(one, taint)))
    const taints = [...others, ...ours]
    const isAsWanted = node.role === role && JSON.stringify(sorted(taints)) === JSON.stringify(sorted(node.taints))
    return isAsWanted ? [] : [{ node: node.name, role, taints, resourceVersion: node.resourceVersion }]
  })
}

/** How often nodes are looked at again; the controllers of a cluster change them at any moment. */
const MOST_LOOKS = 5

/**
 * Labels and taints nodes, and answers what it changed. A node that somebody changed between the look and the change is
 * not overwritten: `look` says again what is left to do. One that never keeps still is `conflict/kubernetes-conflict`.
 */
export async function changeNodes(
  kubernetes: Kubernetes,
  look: () => Promise<readonly NodeChange[]>,
): Promise<readonly NodeChange[]> {
  const made: NodeChange[] = []
  for (let looks = 1; ; looks += 1) {
    try {
      for (const change of await look()) {
        await changeNode(kubernetes, change)
        made.push(change)
      }
      return made
    } catch (error) {
      if (looks === MOST_LOOKS || !isConflict(error)) throw error
    }
  }
}

async function changeNode(kubernetes: Kubernetes, { node, role, taints, resourceVersion }: NodeChange): Promise<void> {
  await kubernetes.change(
    { apiVersion: 'v1', kind: 'Node', name: node },
    { metadata: { resourceVersion, labels: { [roleLabel]: role ?? null } }, spec: { taints } },
  )
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'kubernetes-conflict'
}

function unfitVersion(version: string, { from, to }: { readonly from: string; readonly to: string }): Unfit[] {
  if (isBetween(minorOf(version), from, to)) return []
  return [
    {
      check: 'version',
      field: 'kubernetes',
      value: version,
      right: `${from} to ${to}: upgrade the cluster, or take another`,
    },
  ]
}

function unfitNodes(nodes: readonly NodeFacts[], roles: ExistingCluster['roles']): Unfit[] {
  const known = nodes.map(({ name }) => name).join(', ')
  const chosen = Object.entries(roles).flatMap(([role, { nodes: names }]) => names.map((name) => ({ role, name })))
  const empty = Object.entries(roles).filter(([, { nodes: names }]) => names.length === 0)
  const twice = chosen.filter(({ name }, index) => chosen.findIndex((one) => one.name === name) < index)
  const problem = (role: string, value: string, right: string): Unfit => ({
    check: 'nodes',
    field: `provider.roles.${role}`,
    value,
    right,
  })
  return [
    ...empty.map(([role]) => problem(role, 'names no node', `one of ${known}`)),
    ...twice.map(({ role, name }) => problem(role, `${name} has another role already`, 'a node for each role')),
    ...chosen.flatMap(({ role, name }) => {
      const node = nodes.find((one) => one.name === name)
      if (node === undefined) return [problem(role, `${name} is no node`, `one of ${known}`)]
      if (!node.isReady) return [problem(role, `${name} is not ready`, 'a node that is ready')]
      const least = leastOfRole[role]
      if (least === undefined || (node.cores >= least.cores && node.memoryGb >= least.memoryGb)) return []
      const has = `${name} has ${node.cores} cores and ${node.memoryGb.toFixed(1)} GB`
      return [problem(role, has, `${least.cores} cores and ${least.memoryGb} GB at least`)]
    }),
  ]
}

function unfitStorage({ classes, nodes }: ClusterFacts, name: string | undefined): Unfit[] {
  const able = classes.filter(({ provisioner }) => provisioner !== makesNone && !onOneMachine.includes(provisioner))
  const right = able.length > 0 ? `one of ${able.map((one) => one.name).join(', ')}` : 'a class of a CSI driver'
  const problem = (value: string): Unfit[] => [{ check: 'storage', field: 'storage.class', value, right }]
  const found = classes.find((one) => (name === undefined ? one.isDefault : one.name === name))
  if (found === undefined)
    return problem(name === undefined ? 'is not given, and no class is default' : `${name} is not there`)
  if (found.provisioner === makesNone) return problem(`${found.name} makes no volumes`)
  // On a single machine there is nothing else to lose the data by.
  if (onOneMachine.includes(found.provisioner) && nodes.length !== 1)
    return problem(`${found.name} keeps volumes in a folder of one machine`)
  return []
}

function roleOf(node: string, roles: ExistingCluster['roles']): string | undefined {
  return Object.entries(roles).find(([, { nodes }]) => nodes.includes(node))?.[0]
}

function isSameTaint(one: Taint, other: Taint): boolean {
  return one.key === other.key && one.effect === other.effect
}

function sorted(taints: readonly Taint[]): readonly string[] {
  return taints.map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`).toSorted()
}

function nodeFacts(node: Manifest): NodeFacts {
  const { capacity = {}, conditions = [] } = (node['status'] ?? {}) as {
    capacity?: Readonly<Record<string, string>>
    conditions?: readonly { type: string; status: string }[]
  }
  const { taints = [] } = (node['spec'] ?? {}) as { taints?: readonly Taint[] }
  return {
    name: node.metadata.name,
    isReady: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    cores: coresOf(capacity['cpu'] ?? '0'),
    memoryGb: gigabytesOf(capacity['memory'] ?? '0'),
    role: node.metadata.labels?.[roleLabel],
    // Kubernetes notes when a taint was added: no part of what is wanted.
    taints: taints.map(({ key, value, effect }) => ({ key, effect, ...(value === undefined ? {} : { value }) })),
    resourceVersion: String(node.metadata['resourceVersion']),
  }
}

function classFacts(found: Manifest): StorageClassFacts {
  return {
    name: found.metadata.name,
    provisioner: String(found['provisioner']),
    isDefault: found.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  }
}

function coresOf(quantity: string): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity)
}

const units: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, '': 1 }

function gigabytesOf(quantity: string): number {
  const [, digits = '0', unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(quantity) ?? []
  return (Number(digits) * (units[unit] ?? Number.NaN)) / 2 ** 30
}
