import type { ActionContext } from '../actions/action.ts'
import { describeRef, type Kubernetes, type Manifest, refOf } from '../adapters/kubernetes/port.ts'
import type { RancherFound } from './rancher-found.ts'

/** Cluster-wide kinds that a Rancher makes things of, in the order in which they must go: its webhook refuses what it can't be asked. */
const kinds = [
  ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
  ['admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration'],
  ['apiregistration.k8s.io/v1', 'APIService'],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ['v1', 'Namespace'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
] as const

const group = /(^|\.)(cattle\.io|cluster\.x-k8s\.io)$/
/** Nobody else calls things so. */
const own = /^(cattle|fleet)-|cattle\.io$/
/** Rancher's where it has its marks, too. */
const likely = /^(cluster-fleet-|rancher|local$|p-|u-|user-|cr-|crb-)/

/** What the cluster has of these kinds, and which cluster it is. */
export async function inventory(kubernetes: Kubernetes): Promise<RancherFound> {
  const lists = await Promise.all(
    kinds.map(async ([apiVersion, kind]) => {
      const all = await kubernetes.list({ apiVersion, kind })
      return [kind, all.map(({ metadata }) => metadata.name)] as const
    }),
  )
  return { ...Object.fromEntries(lists), [clusterId]: [await idOf(kubernetes)] }
}

/** In the inventory: which cluster it is of. */
export const clusterId = 'cluster'

export async function idOf(kubernetes: Kubernetes): Promise<string> {
  const found = await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' })
  const uid = found?.metadata['uid']
  return typeof uid === 'string' ? uid : ''
}

/**
 * What a Rancher made beside its release, and left: its kinds with all their objects, namespaces and roles, and its marks
 * on namespaces of others, which could not be deleted any more. Only what was not there before, and is known to be
 * Rancher's by name or marks. Answers with what went.
 */
export async function removeTraces(
  kubernetes: Kubernetes,
  found: RancherFound,
  context: ActionContext,
): Promise<readonly string[]> {
  const gone: string[] = []
  for (const [apiVersion, kind] of kinds) {
    const traces = await tracesOf(kubernetes, { apiVersion, kind }, found)
    for (const one of traces) {
      if (kind === 'CustomResourceDefinition') await freeObjects(one, kubernetes)
      if (kind === 'Namespace') await withoutMarks(one, kubernetes)
      const ref = { ...refOf(one), apiVersion, kind }
      await kubernetes.delete(ref, { signal: context.signal, onWaiting: (reason) => context.waiting(reason) })
      gone.push(describeRef(ref))
    }
  }
  for (const one of await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' })) await withoutMarks(one, kubernetes)
  context.waiting(undefined)
  return gone
}

/** What is left of it, as a removal looks for it in the end. */
export async function tracesLeft(kubernetes: Kubernetes, found: RancherFound): Promise<readonly string[]> {
  const left = await Promise.all(
    kinds.map(async ([apiVersion, kind]) => {
      const traces = await tracesOf(kubernetes, { apiVersion, kind }, found)
      return traces.map(({ metadata }) => describeRef({ apiVersion, kind, name: metadata.name }))
    }),
  )
  return left.flat()
}

async function tracesOf(
  kubernetes: Kubernetes,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  found: RancherFound,
): Promise<readonly Manifest[]> {
  const before = new Set(found[kind] ?? [])
  const all = await kubernetes.list({ apiVersion, kind })
  const ours = all.filter((one) => !before.has(one.metadata.name) && isRanchers(one, kind))
  if (kind !== 'Namespace') return ours
  const held = await Promise.all(
    ours.map(async ({ metadata: { name } }) => !own.test(name) && (await holdsAnything(kubernetes, name))),
  )
  return ours.filter((_, index) => held[index] === false)
}

/** It may be somebody's after all. */
async function holdsAnything(kubernetes: Kubernetes, namespace: string): Promise<boolean> {
  const lists = await Promise.all(
    ['Pod', 'PersistentVolumeClaim', 'Service', 'Secret', 'ConfigMap'].map(
      async (kind) => await kubernetes.list({ apiVersion: 'v1', kind }, { namespace }),
    ),
  )
  return lists.flat().some(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
}

function isRanchers({ metadata, spec }: Manifest, kind: string): boolean {
  const { group: of = '', service } = (spec ?? {}) as { readonly group?: string; readonly service?: object }
  // Without a Service they are the API server's own, and go with their kinds.
  if (kind === 'APIService') return group.test(of) && service !== undefined
  if (kind === 'CustomResourceDefinition') return group.test(of)
  const isMarked = Object.keys({ ...metadata.labels, ...metadata.annotations }).some(isMark)
  // Marks alone say nothing: a namespace that somebody made meanwhile has them, too.
  return own.test(metadata.name) || (isMarked && likely.test(metadata.name))
}

const isMark = (key: string): boolean => /(^|[./])cattle\.io(\/|$)/.test(key)

interface DefinitionSpec {
  readonly group: string
  readonly names: { readonly kind: string }
  readonly versions: readonly { readonly name: string; readonly served: boolean }[]
}

/** Nobody is there any more who would end what they wait for. */
async function freeObjects({ spec }: Manifest, kubernetes: Kubernetes): Promise<void> {
  const { group: of, names: kind, versions } = spec as DefinitionSpec
  const served = versions.find((one) => one.served)
  if (served === undefined) return
  const objects = await kubernetes.list({ apiVersion: `${of}/${served.name}`, kind: kind.kind })
  for (const one of objects) {
    if (finalizersOf(one).length === 0) continue
    const ref = { ...refOf(one), apiVersion: `${of}/${served.name}`, kind: kind.kind }
    await kubernetes.change(ref, { metadata: { finalizers: null } })
  }
}

async function withoutMarks(namespace: Manifest, kubernetes: Kubernetes): Promise<void> {
  const { name, labels = {}, annotations = {} } = namespace.metadata
  const finalizers = finalizersOf(namespace)
  const none = (keys: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.keys(keys)
        .filter(isMark)
        .map((key) => [key, null]),
    )
  const marks = { labels: none(labels), annotations: none(annotations) }
  const left = finalizers.filter((one) => !isMark(one))
  const isClean =
    Object.keys({ ...marks.labels, ...marks.annotations }).length === 0 && left.length === finalizers.length
  if (isClean) return
  await kubernetes.change({ apiVersion: 'v1', kind: 'Namespace', name }, { metadata: { ...marks, finalizers: left } })
}

function finalizersOf({ metadata }: Manifest): readonly string[] {
  return (metadata['finalizers'] ?? []) as readonly string[]
}
