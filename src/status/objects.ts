import type { Manifest } from '../adapters/kubernetes/port.ts'

interface ContainerState {
  readonly state?: {
    readonly waiting?: { readonly reason?: string }
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number }
  }
}

interface PodObject {
  readonly spec?: {
    readonly nodeName?: string
    readonly nodeSelector?: Readonly<Record<string, string>>
    readonly containers?: readonly { readonly name: string }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly reason?: string
    readonly conditions?: readonly Condition[]
    readonly initContainerStatuses?: readonly ContainerState[]
    readonly containerStatuses?: readonly ContainerState[]
  }
}

interface NodeObject {
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly capacity?: Readonly<Record<string, string>>
    readonly addresses?: readonly { readonly type: string; readonly address: string }[]
  }
}

interface Condition {
  readonly type: string
  readonly status: string
}

export interface Pod {
  readonly name: string
  readonly namespace: string
  /** One word, as kubectl says it: `Running`, `Pending`, `CrashLoopBackOff`, `Terminating`, … */
  readonly status: string
  readonly ready: boolean
  readonly node: string | undefined
  readonly nodeSelector: Readonly<Record<string, string>>
  readonly notebook: boolean
  /** Why no node takes it. */
  readonly waiting: string | undefined
  /** Left out of the site's own. */
  readonly cluster?: string | undefined
}

export interface Node {
  readonly name: string
  readonly role: string
  /** As Kubernetes says it: a node that was not heard of is `Unknown`. */
  readonly ready: 'True' | 'False' | 'Unknown'
  readonly capacity: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  /** Left out of the site's own. */
  readonly cluster?: string | undefined
}

/** `waiting`: why no node takes it, where that is so. */
export function podOf(object: Manifest, waiting?: string): Pod {
  const { spec = {}, status = {} } = object as PodObject
  const labels = object.metadata.labels ?? {}
  return {
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? '',
    status: podStatus(object),
    ready: conditionOf(status.conditions, 'Ready') === 'True',
    node: spec.nodeName,
    nodeSelector: spec.nodeSelector ?? {},
    notebook: labels['component'] === 'singleuser-server',
    waiting,
  }
}

/** The container whose log is meant when none is named. */
export function firstContainer(object: Manifest): string | undefined {
  return (object as PodObject).spec?.containers?.[0]?.name
}

function podStatus(object: Manifest): string {
  const { status = {} } = object as PodObject
  if (object.metadata['deletionTimestamp'] !== undefined) return 'Terminating'
  if (status.phase === 'Succeeded') return 'Completed'
  const trouble = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
    .map(({ state }) => state?.waiting?.reason ?? failure(state?.terminated))
    .find((reason) => reason !== undefined)
  return trouble ?? status.reason ?? status.phase ?? 'Unknown'
}

function failure(ended: { readonly reason?: string; readonly exitCode?: number } | undefined): string | undefined {
  return ended === undefined || ended.exitCode === 0 ? undefined : (ended.reason ?? 'Error')
}

export function nodeOf(object: Manifest): Node {
  const { status = {} } = object as NodeObject
  const ready = conditionOf(status.conditions, 'Ready')
  const labels = object.metadata.labels ?? {}
  return {
    name: object.metadata.name,
    role: labels['omegaml.io/role'] ?? '-',
    ready: ready === 'True' || ready === 'False' ? ready : 'Unknown',
    capacity: status.capacity ?? {},
    labels,
    addresses: (status.addresses ?? []).map(({ address }) => address),
  }
}

function conditionOf(conditions: readonly Condition[] | undefined, type: string): string | undefined {
  return conditions?.find((one) => one.type === type)?.status
}
