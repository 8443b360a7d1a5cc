import type { Manifest } from '../adapters/kubernetes/port.ts'
import { quantity } from '../base/quantity.ts'
import { gpuResource } from './gpu.ts'

/** What is known beside the pod. */
export interface Surroundings {
  readonly nodes: readonly Manifest[]
  /** Of the pod; left out where nobody may read them. */
  readonly events?: readonly Manifest[] | undefined
  /** Most nodes that a pool may have, by its name, where that is more than it has. */
  readonly poolMax?: Readonly<Record<string, number>> | undefined
  readonly now: number
}

const POOL = 'omegaml.io/pool'
/** A node that is not ready is taken for starting so long. */
const STARTS_MS = 10 * 60_000

/** Whether no node has taken the pod yet. */
export function isUnscheduled(pod: Manifest): boolean {
  return scheduled(pod)?.status === 'False'
}

/** In one line why no node takes a pod; undefined when one has. Decides only. */
export function whyPodWaits(pod: Manifest, around: Surroundings): string | undefined {
  if (!isUnscheduled(pod)) return undefined
  const told = scheduled(pod)?.message ?? ''
  if (/persistentvolumeclaim|volume node affinity/i.test(told)) return `it waits for its volume: ${told}`
  const wanted = wantedOf(pod)
  const named = around.nodes.map(nodeOf).filter((node) => selects(wanted.selector, node.labels))
  const open = named.filter((node) => tolerates(wanted.tolerations, node.taints))
  // A machine that has just come may not have said yet what it has.
  const able = open.filter(({ gpus, ready }) => gpus >= wanted.gpus || !ready)
  return (
    whyNoNodes(wanted, named, open, around) ??
    whyNoGpu(wanted, open, able) ??
    whyTooSmall(wanted, able) ??
    whyNotYet(able, around) ??
    whyFull(wanted, able, around) ??
    told
  )
}

/** No node may have it at all. */
function whyNoNodes(
  { selector, gpus }: Wanted,
  named: readonly Node[],
  open: readonly Node[],
  around: Surroundings,
): string | undefined {
  if (open.length > 0) return undefined
  const scaled = scalingUp(around)
  if (scaled !== undefined) return scaled
  const areForGpus = gpus === 0 && named.every(({ taints }) => taints.some(({ key }) => key === gpuResource))
  if (named.length > 0)
    return areForGpus
      ? 'the nodes that it asks for take only what asks for GPUs'
      : "the nodes that it asks for take others' pods only"
  const pool = selector[POOL]
  if (pool !== undefined) return `pool ${pool} has no node`
  const labels = Object.entries(selector).map(([name, value]) => `${name}=${value}`)
  return labels.length === 0 ? 'there is no node' : `no node has ${labels.join(', ')}`
}

/** None of them has so many. */
function whyNoGpu({ gpus }: Wanted, open: readonly Node[], able: readonly Node[]): string | undefined {
  if (able.length > 0) return undefined
  const most = Math.max(...open.map((node) => node.gpus))
  const what = open.some(({ pool }) => pool !== undefined) ? 'pool' : 'node'
  return `no ${what} fits (needs ${count(gpus, 'GPU')}, ${most === 0 ? `no ${what} has one` : `largest ${what} has ${most}`})`
}

/** Even an empty one of them would not do. */
function whyTooSmall({ cores, bytes }: Wanted, open: readonly Node[]): string | undefined {
  if (open.some((node) => node.cores >= cores && node.bytes >= bytes)) return undefined
  const largest = Math.max(...open.map((node) => node.cores))
  const what = open.some(({ pool }) => pool !== undefined) ? 'pool' : 'node'
  if (largest < cores) return `no ${what} fits (needs ${count(cores, 'core')}, largest ${what} has ${round(largest)})`
  const most = Math.max(...open.filter((node) => node.cores >= cores).map((node) => node.bytes))
  return `no ${what} fits (needs ${gigabytes(bytes)} GB of memory, largest ${what} has ${gigabytes(most)})`
}

/** One that would do is not there yet, or not any more. */
function whyNotYet(open: readonly Node[], around: Surroundings): string | undefined {
  if (open.some(({ ready, cordoned }) => ready && !cordoned)) return undefined
  const cordoned = open.find((node) => node.ready)
  if (cordoned !== undefined) return `node ${cordoned.name} takes no new pods (cordoned)`
  const [node] = open.toSorted((one, other) => other.changedAt - one.changedAt)
  if (node === undefined) return undefined
  const since = duration(around.now - node.changedAt)
  const isYoung = around.now - node.createdAt < STARTS_MS
  return isYoung ? `node starting since ${since} (${node.name})` : `node ${node.name} is not ready since ${since}`
}

/** They have no room. */
function whyFull(wanted: Wanted, open: readonly Node[], around: Surroundings): string | undefined {
  const scaled = scalingUp(around)
  if (scaled !== undefined) return scaled
  const starting = open.find(({ ready, createdAt }) => !ready && around.now - createdAt < STARTS_MS)
  if (starting !== undefined)
    return `node starting since ${duration(around.now - starting.createdAt)} (${starting.name})`
  const pools = [...new Set(open.map(({ pool }) => pool))]
  const [pool] = pools
  if (pools.length !== 1 || pool === undefined)
    return `${open.length === 1 ? 'the node that fits is' : `all ${open.length} nodes that fit are`} full (needs ${sizeOf(wanted)})`
  const max = around.poolMax?.[pool] ?? open.length
  if (open.length >= max || isAtMax(around))
    return `pool ${pool} is at its max of ${Math.max(max, open.length)} (needs ${sizeOf(wanted)})`
  return `pool ${pool} is full (${open.length} of ${max} nodes, needs ${sizeOf(wanted)})`
}

function scalingUp({ events = [], now }: Surroundings): string | undefined {
  const [newest] = events
    .filter(({ reason }) => reason === 'TriggeredScaleUp' || reason === 'NotTriggerScaleUp')
    .map((event) => ({ reason: event['reason'], at: eventTime(event) }))
    .toSorted((one, other) => other.at - one.at)
  if (newest?.reason !== 'TriggeredScaleUp') return undefined
  return `a node is being made since ${duration(now - newest.at)}`
}

function isAtMax({ events = [] }: Surroundings): boolean {
  return events.some(
    (event) => event['reason'] === 'NotTriggerScaleUp' && /max node group size reached/.test(String(event['message'])),
  )
}

function eventTime(event: Manifest): number {
  return timeOf(event['lastTimestamp'] ?? event['eventTime'] ?? event['firstTimestamp'])
}

function timeOf(text: unknown): number {
  return typeof text === 'string' ? Date.parse(text) || 0 : 0
}

interface Wanted {
  readonly cores: number
  readonly bytes: number
  readonly gpus: number
  readonly selector: Readonly<Record<string, string>>
  readonly tolerations: readonly Toleration[]
}

interface Toleration {
  readonly key?: string
  readonly operator?: string
  readonly value?: string
  readonly effect?: string
}

interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: string
}

interface Container {
  readonly resources?: { readonly requests?: Readonly<Record<string, unknown>> }
}

interface PodSpec {
  readonly containers?: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly tolerations?: readonly Toleration[]
}

function wantedOf(pod: Manifest): Wanted {
  const { containers = [], initContainers = [], nodeSelector = {}, tolerations = [] } = pod['spec'] as PodSpec
  const of = (resource: string) => {
    const asked = ({ resources }: Container) => quantity(resources?.requests?.[resource])
    const together = containers.reduce((sum, one) => sum + asked(one), 0)
    return Math.max(together, ...initContainers.map(asked))
  }
  return { cores: of('cpu'), bytes: of('memory'), gpus: of(gpuResource), selector: nodeSelector, tolerations }
}

interface Node {
  readonly name: string
  readonly pool: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly Taint[]
  readonly cores: number
  readonly bytes: number
  readonly gpus: number
  readonly ready: boolean
  readonly cordoned: boolean
  readonly createdAt: number
  /** When it became ready, or ceased to be. */
  readonly changedAt: number
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

function nodeOf(object: Manifest): Node {
  const labels = object.metadata.labels ?? {}
  const { taints = [], unschedulable = false } = (object['spec'] ?? {}) as {
    taints?: readonly Taint[]
    unschedulable?: boolean
  }
  const { allocatable = {}, conditions = [] } = (object['status'] ?? {}) as {
    allocatable?: Readonly<Record<string, unknown>>
    conditions?: readonly Condition[]
  }
  const ready = conditions.find(({ type }) => type === 'Ready')
  const createdAt = timeOf(object.metadata['creationTimestamp'])
  return {
    name: object.metadata.name,
    pool: labels[POOL],
    labels,
    // What Kubernetes puts there by itself comes and goes with the node's health.
    taints: taints.filter(({ key, effect }) => effect !== 'PreferNoSchedule' && !key.startsWith('node.kubernetes.io/')),
    // One that has just come has not said yet what it has.
    cores: quantity(allocatable['cpu']) || Number.POSITIVE_INFINITY,
    bytes: quantity(allocatable['memory']) || Number.POSITIVE_INFINITY,
    gpus: quantity(allocatable[gpuResource]),
    ready: ready?.status === 'True',
    cordoned: unschedulable,
    createdAt,
    changedAt: timeOf(ready?.lastTransitionTime) || createdAt,
  }
}

function scheduled(pod: Manifest): Condition | undefined {
  const { conditions = [] } = (pod['status'] ?? {}) as { conditions?: readonly Condition[] }
  return conditions.find(({ type }) => type === 'PodScheduled')
}

function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value)
}

function tolerates(tolerations: readonly Toleration[], taints: readonly Taint[]): boolean {
  return taints.every((taint) =>
    tolerations.some(
      ({ key, operator = 'Equal', value = '', effect }) =>
        (key === undefined || key === taint.key) &&
        (effect === undefined || effect === taint.effect) &&
        (operator === 'Exists' || value === (taint.value ?? '')),
    ),
  )
}

function sizeOf({ cores, bytes, gpus }: Wanted): string {
  const size = `${count(cores, 'core')} and ${gigabytes(bytes)} GB`
  return gpus === 0 ? size : `${count(gpus, 'GPU')}, ${size}`
}

function count(value: number, word: string): string {
  return `${round(value)} ${word}${value === 1 ? '' : 's'}`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function gigabytes(bytes: number): number {
  return Math.round((bytes / 1024 ** 3) * 10) / 10
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}
