import { gbOf, quantity } from '../base/quantity.ts'
import type { Kubernetes, Manifest, ObjectRef } from '../adapters/kubernetes/port.ts'

export interface ComponentState {
  readonly name: string
  readonly kind: string
  readonly namespace: string
  readonly state: 'ready' | 'waiting' | 'failed'
  readonly reason: string
}

export interface NodeState {
  readonly name: string
  readonly role: string
  readonly ready: boolean
  readonly cores: string
  readonly memoryGb: string
}

const workloads = [
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
] as const

export const siteNamespaces = ['omegaml-services', 'omegaml-runtime'] as const

/** Of Prometheus and what belongs to it, where the site brought them. */
export const monitoringNamespace = 'omegaml-monitoring'

/** The site's workloads and whether they serve. */
export async function readComponents(kubernetes: Kubernetes): Promise<ComponentState[]> {
  const lists = await Promise.all(
    [...siteNamespaces, monitoringNamespace].flatMap((namespace) =>
      workloads.map(async (kind) => await kubernetes.list(kind, { namespace })),
    ),
  )
  const found = lists.flat().map(refTo)
  return await Promise.all(
    found.map(async (ref) => {
      const { state, reason } = await kubernetes.readiness(ref)
      return { name: ref.name, kind: ref.kind, namespace: ref.namespace ?? '', state, reason }
    }),
  )
}

/** Lists leave out kind and version of their items. */
function refTo(manifest: Manifest): ObjectRef {
  const { name, namespace } = manifest.metadata
  return { apiVersion: 'apps/v1', kind: manifest.kind ?? 'Deployment', name, namespace }
}

export async function readNodes(kubernetes: Kubernetes): Promise<NodeState[]> {
  const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })
  return nodes.map(nodeState)
}

interface NodeStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  readonly allocatable?: Readonly<Record<string, string>>
}

function nodeState(manifest: Manifest): NodeState {
  const status = (manifest['status'] ?? {}) as NodeStatus
  return {
    name: manifest.metadata.name,
    role: manifest.metadata.labels?.['omegaml.io/role'] ?? '-',
    ready: status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false,
    cores: cores(status.allocatable?.['cpu'] ?? '0'),
    memoryGb: gigabytes(status.allocatable?.['memory'] ?? '0'),
  }
}

/** Kubernetes' quantity of cores, for people: `3500m` is 3.5. */
export function cores(text: string): string {
  return String(quantity(text))
}

export function gigabytes(text: string): string {
  return gbOf(text).toFixed(1)
}
