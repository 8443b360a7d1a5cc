import type { Manifest, Readiness } from './port.ts'

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

interface ContainerStatus {
  readonly name: string
  readonly ready?: boolean
  readonly image?: string
  readonly restartCount?: number
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number }
  }
  readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode?: number } }
}

const ready = (reason: string): Readiness => ({ state: 'ready', reason })
const waiting = (reason: string): Readiness => ({ state: 'waiting', reason })
const failed = (reason: string): Readiness => ({ state: 'failed', reason })

/** Decides from an object and, for workloads, its pods. Kinds without a notion of readiness are ready when they exist. */
export function readinessOf(object: Manifest, pods: readonly Manifest[] = []): Readiness {
  switch (object.kind) {
    case 'Deployment':
    case 'StatefulSet':
    case 'ReplicaSet':
      return replicas(object, pods)
    case 'DaemonSet':
      return daemonSet(object, pods)
    case 'Job':
      return job(object, pods)
    case 'Pod':
      return pod(object)
    case 'PersistentVolumeClaim':
      return phase(object, 'Bound')
    case 'Namespace':
      return phase(object, 'Active')
    case 'Node':
    case 'APIService':
    case 'CustomResourceDefinition':
      return condition(
        object,
        object.kind === 'Node' ? 'Ready' : object.kind === 'APIService' ? 'Available' : 'Established',
      )
    default:
      return ready('exists')
  }
}

/** The selector that finds a workload's pods, or `undefined` for kinds that have none. */
export function podSelector(object: Manifest): string | undefined {
  if (object.kind === 'Job') return `batch.kubernetes.io/job-name=${object.metadata.name}`
  const labels = record(record(record(object['spec'])['selector'])['matchLabels'])
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${String(value)}`)
  return parts.length === 0 || !['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].includes(object.kind)
    ? undefined
    : parts.join(',')
}

/** Names the pod that no node takes, so that whoever knows the nodes can say why. */
export function withUnscheduled(readiness: Readiness, objects: readonly Manifest[]): Readiness {
  const unscheduled = readiness.state === 'waiting' ? objects.find(isUnscheduled) : undefined
  return unscheduled === undefined ? readiness : { ...readiness, unscheduled }
}

/** Marks what waits for a container that does not start. */
export function withBroken(readiness: Readiness, objects: readonly Manifest[]): Readiness {
  return readiness.state === 'waiting' && objects.some(isBroken) ? { ...readiness, broken: true } : readiness
}

const hopeless = ['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'CreateContainerConfigError']
const MANY_RESTARTS = 4

/** A container that restarts is broken in between as well: the next end is near. */
function isBroken(object: Manifest): boolean {
  return containersOf(object).some(({ ready: isReady, restartCount = 0, state }) => {
    if (isReady === true) return false
    return hopeless.includes(state?.waiting?.reason ?? '') || restartCount >= MANY_RESTARTS
  })
}

function containersOf(object: Manifest): readonly ContainerStatus[] {
  const status = record(object['status'])
  return [...list(status['initContainerStatuses']), ...list(status['containerStatuses'])] as ContainerStatus[]
}

function isUnscheduled(object: Manifest): boolean {
  return conditions(object).some(({ type, status }) => type === 'PodScheduled' && status === 'False')
}

function replicas(object: Manifest, pods: readonly Manifest[]): Readiness {
  const spec = record(object['spec'])
  const status = record(object['status'])
  const wanted = number(spec['replicas'], 1)
  if (!isObserved(object)) return waiting('the controller has not looked at it yet')
  const readyNow = number(status['readyReplicas'], 0)
  const updated = object.kind === 'ReplicaSet' ? readyNow : number(status['updatedReplicas'], 0)
  // With strategy OnDelete old pods stay until someone deletes them: that is as wanted.
  const onDelete = record(spec['updateStrategy'])['type'] === 'OnDelete'
  if (!onDelete && updated < wanted) {
    return waiting(count(Math.min(updated, readyNow), wanted, 'up to date', pods))
  }
  if (readyNow < wanted) return waiting(count(readyNow, wanted, 'ready', pods))
  if (number(status['replicas'], 0) > wanted && !onDelete) return waiting('old pods are still ending')
  return ready(`${readyNow} of ${wanted} pods ready`)
}

function daemonSet(object: Manifest, pods: readonly Manifest[]): Readiness {
  const status = record(object['status'])
  const wanted = number(status['desiredNumberScheduled'], 0)
  if (!isObserved(object)) return waiting('the controller has not looked at it yet')
  const readyNow = Math.min(number(status['numberReady'], 0), number(status['updatedNumberScheduled'], 0))
  return readyNow < wanted
    ? waiting(count(readyNow, wanted, 'ready', pods))
    : ready(`${readyNow} of ${wanted} pods ready`)
}

function job(object: Manifest, pods: readonly Manifest[]): Readiness {
  const spec = record(object['spec'])
  const status = record(object['status'])
  const gaveUp = conditions(object).find((one) => one.type === 'Failed' && one.status === 'True')
  if (gaveUp !== undefined)
    return failed(`failed: ${gaveUp.message ?? gaveUp.reason ?? 'no reason given'}${because(pods)}`)
  if (conditions(object).some((one) => one.type === 'Complete' && one.status === 'True')) return ready('complete')
  const wanted = number(spec['completions'], 1)
  return waiting(count(number(status['succeeded'], 0), wanted, 'complete', pods))
}

function pod(object: Manifest): Readiness {
  const status = record(object['status'])
  if (status['phase'] === 'Succeeded') return ready('complete')
  if (status['phase'] === 'Failed') return failed(`failed${because([object])}`)
  if (conditions(object).some((one) => one.type === 'Ready' && one.status === 'True')) return ready('ready')
  return waiting(podTrouble(object) ?? 'starting')
}

function phase(object: Manifest, wanted: string): Readiness {
  const said = record(object['status'])['phase']
  const now = typeof said === 'string' ? said : 'unknown'
  return now === wanted ? ready(now.toLowerCase()) : waiting(`it is ${now.toLowerCase()}`)
}

function condition(object: Manifest, type: string): Readiness {
  const found = conditions(object).find((one) => one.type === type)
  if (found?.status === 'True') return ready(type.toLowerCase())
  return waiting(found?.message ?? found?.reason ?? `not ${type.toLowerCase()} yet`)
}

/** Why a pod is not ready, in words; `undefined` when nothing is wrong. */
export function podTrouble(object: Manifest): string | undefined {
  const unscheduled = conditions(object).find((one) => one.type === 'PodScheduled' && one.status === 'False')
  if (unscheduled !== undefined)
    return `no node takes it: ${unscheduled.message ?? unscheduled.reason ?? 'no reason given'}`
  if (object.metadata['deletionTimestamp'] !== undefined) return 'is ending'
  for (const container of containersOf(object)) {
    const trouble = containerTrouble(container)
    if (trouble !== undefined) return trouble
  }
  return undefined
}

function containerTrouble(container: ContainerStatus): string | undefined {
  const waitingFor = container.state?.waiting
  const last = container.lastState?.terminated ?? container.state?.terminated
  const exit =
    last?.exitCode === undefined || last.exitCode === 0
      ? ''
      : ` (exit code ${last.exitCode}${last.reason === 'OOMKilled' ? ', out of memory' : ''})`
  const times =
    container.restartCount === undefined || container.restartCount === 0
      ? ''
      : `, restarted ${container.restartCount} times`
  switch (waitingFor?.reason) {
    case undefined:
      return exit === '' ? undefined : `container ${container.name} ended${exit}${times}`
    case 'ImagePullBackOff':
    case 'ErrImagePull':
    case 'InvalidImageName':
      return `image pull back-off: ${waitingFor.message ?? container.image ?? 'no reason given'}`
    case 'CrashLoopBackOff':
      return `container ${container.name} keeps crashing${exit}${times}`
    case 'ContainerCreating':
    case 'PodInitializing':
      return undefined
    default:
      return `container ${container.name}: ${waitingFor?.message ?? waitingFor?.reason ?? 'waiting'}`
  }
}

function count(now: number, wanted: number, word: string, pods: readonly Manifest[]): string {
  return `${now} of ${wanted} pods ${word}${because(pods)}`
}

function because(pods: readonly Manifest[]): string {
  for (const one of pods) {
    const trouble = podTrouble(one)
    if (trouble !== undefined) return `: ${trouble.length > 300 ? `${trouble.slice(0, 300)}…` : trouble}`
  }
  return ''
}

function isObserved(object: Manifest): boolean {
  return number(record(object['status'])['observedGeneration'], 0) >= number(object.metadata['generation'], 0)
}

function conditions(object: Manifest): readonly Condition[] {
  return list(record(object['status'])['conditions']) as Condition[]
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
