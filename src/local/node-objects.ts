import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import type { Kube, KubeObject } from './kube.ts'
import { type MachineRecord, nodeLabels } from './machine.ts'
import type { PodRoute } from './network.ts'

export interface NodeObject extends KubeObject {
  readonly spec?: {
    readonly podCIDR?: string
    readonly unschedulable?: boolean
    readonly taints?: readonly NodeTaint[]
  }
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[]
    readonly nodeInfo?: { readonly kubeletVersion?: string }
    readonly addresses?: readonly { readonly type: string; readonly address: string }[]
  }
}

interface NodeTaint {
  readonly key: string
  readonly value?: string
  readonly effect: string
}

const nodes = '/api/v1/nodes'
const simulatedLabel = 'localcloud%2Fsimulated'
const ordered = 'cloudmgr.io/ordered'

export function listNodes(kube: Kube, kind: 'real' | 'simulated'): Promise<NodeObject[]> {
  const selector = kind === 'real' ? `!${simulatedLabel}` : simulatedLabel
  // From the server's cache: asked every second.
  return kube.list<NodeObject>(`${nodes}?resourceVersion=0&labelSelector=${selector}`)
}

/** `undefined` when the node is ready, else why not. */
export function whyNotReady(node: NodeObject | undefined): string | undefined {
  if (node === undefined) return 'the node has not joined yet'
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready?.status === 'True') return undefined
  return ready?.message ?? 'the node has not reported yet'
}

/** Where each machine's pods live. */
export function podRoutes(found: readonly NodeObject[], addresses: ReadonlyMap<string, string>): PodRoute[] {
  return found.flatMap(({ metadata, spec }) => {
    const address = addresses.get(metadata.name)
    return address === undefined || spec?.podCIDR === undefined ? [] : [{ podCidr: spec.podCIDR, address }]
  })
}

export interface NodeChange {
  readonly labels: Readonly<Record<string, string | null>>
  /** Left out when they are right. */
  readonly taints?: readonly NodeTaint[]
  readonly annotation: string
}

/**
 * What to change on a node so that it carries what was ordered. What others put there stays; what an earlier order put
 * there (noted in an annotation) and the present one does not name goes.
 */
export function nodeChange(record: MachineRecord, node: NodeObject): NodeChange | undefined {
  const labels = nodeLabels(record)
  const wanted = noteOf(record)
  const noted = node.metadata.annotations?.[ordered]
  const before = noted === undefined ? wanted : (JSON.parse(noted) as typeof wanted)
  const changed: Record<string, string | null> = {}
  for (const [key, value] of Object.entries(labels)) if (node.metadata.labels?.[key] !== value) changed[key] = value
  for (const key of before.labels) if (!(key in labels)) changed[key] = null
  const present = node.spec?.taints ?? []
  const others = present.filter((taint) => ![...before.taints, ...wanted.taints].includes(taintName(taint)))
  const taints = [
    ...others,
    ...record.taints.map(({ key, value, effect }) => ({ key, effect, ...(value === '' ? {} : { value }) })),
  ]
  const annotation = JSON.stringify(wanted)
  const sameTaints = sorted(taints) === sorted(present)
  if (Object.keys(changed).length === 0 && sameTaints && noted === annotation) return undefined
  return { labels: changed, annotation, ...(sameTaints ? {} : { taints }) }
}

/** What is noted on a node about its order. */
function noteOf(record: MachineRecord): { labels: string[]; taints: string[] } {
  return { labels: Object.keys(nodeLabels(record)).toSorted(), taints: record.taints.map(taintName).toSorted() }
}

function taintName({ key, effect }: NodeTaint): string {
  return `${key}:${effect}`
}

function sorted(taints: readonly NodeTaint[]): string {
  return taints
    .map((taint) => `${taintName(taint)}=${taint.value ?? ''}`)
    .toSorted()
    .join()
}

export async function ensureNodeFields(kube: Kube, record: MachineRecord, node: NodeObject): Promise<void> {
  const change = nodeChange(record, node)
  if (change === undefined) return
  const { labels, taints, annotation } = change
  const metadata = { labels, annotations: { [ordered]: annotation } }
  // A list is replaced as a whole: only when nobody changed it meanwhile.
  const { resourceVersion } = node.metadata
  const body = taints === undefined ? { metadata } : { metadata: { ...metadata, resourceVersion }, spec: { taints } }
  try {
    await kube.merge(`${nodes}/${record.name}`, body)
  } catch (error) {
    // Changed or gone meanwhile: the next look decides anew.
    if (!(error instanceof AppError) || (error.kind !== 'conflict' && error.kind !== 'not-found')) throw error
  }
}

/** A node that only says it is one: kwok answers for it. Among real ones it takes only pods that are meant for it. */
export async function ensureSimulatedNode(kube: Kube, record: MachineRecord, amongReal: boolean): Promise<void> {
  if ((await kube.find(`${nodes}/${record.name}`)) !== undefined) return
  const gpus = (record.gpu ?? 0) === 0 ? {} : { 'nvidia.com/gpu': String(record.gpu) }
  const memory = `${Math.round(record.memoryGb * 1024)}Mi`
  const size = { cpu: String(record.cores), memory, pods: '110', ...gpus }
  const fake = { key: 'kwok.x-k8s.io/node', value: 'fake', effect: 'NoSchedule' }
  const taints = amongReal ? [fake, ...record.taints] : record.taints
  const labels = { 'kubernetes.io/hostname': record.name, 'kubernetes.io/os': 'linux', ...nodeLabels(record) }
  const metadata = {
    name: record.name,
    annotations: { 'kwok.x-k8s.io/node': 'fake', [ordered]: JSON.stringify(noteOf(record)) },
    labels,
  }
  const status = { allocatable: size, capacity: size }
  await kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata, spec: { taints }, status })
}

export async function removeNode(kube: Kube, name: string): Promise<void> {
  await kube.remove(`${nodes}/${name}`)
}

export async function findNode(kube: Kube, name: string): Promise<NodeObject | undefined> {
  return await kube.find<NodeObject>(`${nodes}/${name}`)
}

export async function cordonNode(kube: Kube, name: string): Promise<void> {
  await kube.merge(`${nodes}/${name}`, { spec: { unschedulable: true } })
}

export async function uncordonNode(kube: Kube, name: string): Promise<void> {
  await kube.merge(`${nodes}/${name}`, { spec: { unschedulable: null } })
}

/** Asks a node's pods to go, as disruption budgets allow; answers with those that are still there. */
export async function evictPods(kube: Kube, name: string): Promise<string[]> {
  const pods = await podsToMove(kube, name)
  await Promise.all(pods.map((pod) => evict(kube, pod)))
  return pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
}

interface PodObject extends KubeObject {
  readonly spec?: { readonly nodeName?: string }
  readonly status?: NodeObject['status'] & { readonly phase?: string }
}

/** Pods that have no node yet, and those of this node that are not ready yet. */
export async function podsAway(kube: Kube, node: string): Promise<string[]> {
  const pods = await kube.list<PodObject>(
    '/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed',
  )
  const isReady = ({ status }: PodObject) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
  return pods
    .filter(({ spec }) => spec?.nodeName === undefined || spec.nodeName === node)
    .filter((pod) => !isReady(pod))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
}

/**
 * Empties a node: no new pods, the present ones asked to go as disruption budgets allow, until the time is over; what is
 * left then is removed without asking, because the machine goes anyway.
 */
export async function drainNode(kube: Kube, name: string, deadlineMs: number): Promise<void> {
  const node = await kube.find<NodeObject>(`${nodes}/${name}`)
  if (node === undefined) return
  await cordonNode(kube, name)
  // A node that does not answer will not end any pod either.
  const end = Date.now() + (whyNotReady(node) === undefined ? deadlineMs : 0)
  for (;;) {
    const pods = await podsToMove(kube, name)
    if (pods.length === 0) return
    if (Date.now() >= end) return removePods(kube, pods)
    await Promise.all(pods.map((pod) => evict(kube, pod)))
    await delay(300)
  }
}

async function podsToMove(kube: Kube, node: string): Promise<KubeObject[]> {
  const pods = await kube.list(`/api/v1/pods?fieldSelector=spec.nodeName%3D${node}`)
  return pods.filter(
    ({ metadata }) => !(metadata.ownerReferences ?? []).some(({ kind }) => kind === 'DaemonSet' || kind === 'Node'),
  )
}

async function removePods(kube: Kube, pods: readonly KubeObject[]): Promise<void> {
  await Promise.all(
    pods.map(({ metadata }) => kube.remove(`/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`, 0)),
  )
}

async function evict(kube: Kube, { metadata }: KubeObject): Promise<void> {
  if ('deletionTimestamp' in metadata) return
  const { name, namespace } = metadata
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`
    await kube.create(path, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } })
  } catch (error) {
    // Gone already, or a disruption budget says "not now": asked again until the time is over.
    if (!(error instanceof AppError) || (error.kind !== 'not-found' && error.kind !== 'conflict')) throw error
  }
}
