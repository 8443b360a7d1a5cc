import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../base/errors.ts'
import type { KindRef, Kubernetes, Manifest, ObjectRef, Readiness } from './port.ts'
import { describeRef, refOf } from './port.ts'

export interface FakeKubernetes extends Kubernetes {
  /** Everything is ready at once unless a test says otherwise. */
  setReadiness(ref: ObjectRef, readiness: Readiness): void
  /** Everything is allowed unless a test says otherwise. */
  forbid(verb: string, resource: string): void
  setVersion(version: string): void
  setLogs(pod: { namespace: string; name: string }, text: string): void
  /** Until `undefined`: every call fails like this. */
  failWith(error: AppError | undefined): void
}

const CLUSTER_WIDE = new Set([
  'Namespace',
  'Node',
  'PersistentVolume',
  'ClusterRole',
  'ClusterRoleBinding',
  'StorageClass',
  'PriorityClass',
  'CustomResourceDefinition',
  'IngressClass',
  'APIService',
  'NodeMetrics',
])

/** A cluster in memory: objects are stored as applied, workloads are ready at once, a namespace takes its objects along. */
export function createFakeKubernetes(): FakeKubernetes {
  const objects = new Map<string, { applied: Manifest; live: Manifest }>()
  const readiness = new Map<string, Readiness>()
  const logs = new Map<string, string>()
  const forbidden = new Set<string>()
  let broken: AppError | undefined
  let version = 0
  let server = 'v0.0.0-simulated'

  const key = (ref: ObjectRef): string =>
    [ref.apiVersion, ref.kind, CLUSTER_WIDE.has(ref.kind) ? '' : (ref.namespace ?? 'default'), ref.name].join('|')
  const alive = (): void => {
    if (broken !== undefined) throw broken
  }
  const hasNamespace = (name: string): boolean =>
    ['default', 'kube-system'].includes(name) || objects.has(key({ apiVersion: 'v1', kind: 'Namespace', name }))
  const checkPlace = (manifest: Manifest): void => {
    const namespace = manifest.metadata.namespace ?? 'default'
    if (CLUSTER_WIDE.has(manifest.kind) || hasNamespace(namespace)) return
    throw new AppError(
      'not-found',
      'kubernetes-not-found',
      `applying ${describeRef(refOf(manifest))}: namespace ${namespace} not found`,
    )
  }
  const compare = (manifest: Manifest): 'absent' | 'present' | 'different' => {
    const found = objects.get(key(refOf(manifest)))
    if (found === undefined) return 'absent'
    return isDeepStrictEqual(found.applied, plain(manifest)) ? 'present' : 'different'
  }

  return {
    apply: async (manifest) => {
      alive()
      checkPlace(manifest)
      const state = compare(manifest)
      if (state === 'present') return 'unchanged'
      version += 1
      const applied = plain(manifest)
      objects.set(key(refOf(manifest)), { applied, live: withNodePorts(stored(applied, version), version) })
      return state === 'absent' ? 'created' : 'changed'
    },
    change: async (ref, fields) => {
      alive()
      const found = objects.get(key(ref))
      const attempted = `changing ${describeRef(ref)}`
      if (found === undefined) throw new AppError('not-found', 'kubernetes-not-found', attempted)
      const { resourceVersion } = (fields['metadata'] ?? {}) as { resourceVersion?: string }
      if (resourceVersion !== undefined && resourceVersion !== found.live.metadata['resourceVersion'])
        throw new AppError('conflict', 'kubernetes-conflict', attempted)
      version += 1
      const changed = merged(merged(found.live, fields), { metadata: { resourceVersion: String(version) } })
      objects.set(key(ref), { ...found, live: changed as Manifest })
    },
    compare: async (manifest) => {
      alive()
      return compare(manifest)
    },
    find: async (ref) => {
      alive()
      return objects.get(key(ref))?.live
    },
    list: async (kind, where = {}) => {
      alive()
      return [...objects.values()].map((one) => one.live).filter((one) => isWanted(one, kind, where))
    },
    delete: async (ref) => {
      alive()
      const existed = objects.delete(key(ref))
      if (existed && ref.kind === 'Namespace') {
        for (const [other, { live }] of objects) if (live.metadata.namespace === ref.name) objects.delete(other)
      }
      return existed
    },
    evict: async ({ namespace, name }) => {
      alive()
      objects.delete(key({ apiVersion: 'v1', kind: 'Pod', namespace, name }))
      return true
    },
    readiness: async (ref) => {
      alive()
      const said = readiness.get(key(ref))
      if (said !== undefined) return said
      return objects.has(key(ref))
        ? { state: 'ready', reason: 'simulated' }
        : { state: 'waiting', reason: 'it does not exist yet' }
    },
    podLogs: async ({ namespace, name, maxBytes }) => {
      alive()
      const said = logs.get(`${namespace}/${name}`)
      if (said !== undefined || objects.has(key({ apiVersion: 'v1', kind: 'Pod', namespace, name })))
        return (said ?? '').slice(0, maxBytes)
      const attempted = `reading the log of pod ${namespace}/${name}`
      throw new AppError('not-found', 'kubernetes-not-found', attempted)
    },
    isAllowed: async ({ verb, resource }) => {
      alive()
      return !forbidden.has(`${verb} ${resource}`)
    },
    serviceToken: async ({ namespace, name }) => {
      alive()
      if (objects.has(key({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name })))
        return { token: `simulated-token-of-${namespace}-${name}`, expiresAt: Date.now() + 600_000 }
      const attempted = `asking for a token of service account ${namespace}/${name}`
      throw new AppError('not-found', 'kubernetes-not-found', attempted)
    },
    version: async () => {
      alive()
      return server
    },
    setVersion: (wanted) => {
      server = wanted
    },
    forbid: (verb, resource) => void forbidden.add(`${verb} ${resource}`),
    setReadiness: (ref, value) => void readiness.set(key(ref), value),
    setLogs: (pod, text) => void logs.set(`${pod.namespace}/${pod.name}`, text),
    failWith: (error) => {
      broken = error
    },
  }
}

/** A Service of type NodePort gets one for each of its ports. */
function withNodePorts(object: Manifest, version: number): Manifest {
  const { type, ports = [] } = (object['spec'] ?? {}) as { type?: string; ports?: object[] }
  if (object.kind !== 'Service' || type !== 'NodePort') return object
  const given = ports.map((port, index) => ({ nodePort: 30_000 + ((version + index) % 2_768), ...port }))
  return { ...object, spec: { ...(object['spec'] as object), ports: given } }
}

/** As RFC 7396 says it. */
function merged(before: unknown, fields: unknown): unknown {
  if (!isObject(fields)) return fields
  const kept = isObject(before) ? before : {}
  const changed = Object.entries(fields).map(([name, value]) => [name, merged(kept[name], value)] as const)
  const all = { ...kept, ...Object.fromEntries(changed) }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function plain(manifest: Manifest): Manifest {
  return JSON.parse(JSON.stringify(manifest)) as Manifest
}

/** As the server would give it back: with a version, and Secrets' texts encoded. */
function stored(manifest: Manifest, version: number): Manifest {
  const texts = manifest['stringData'] as Record<string, string> | undefined
  const metadata = { ...manifest.metadata, uid: `simulated-${version}`, resourceVersion: String(version) }
  if (manifest.kind !== 'Secret' || texts === undefined) return { ...manifest, metadata }
  const { stringData: _texts, ...rest } = manifest
  const encoded = Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')])
  return {
    ...rest,
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    metadata,
    data: { ...(manifest['data'] as object), ...Object.fromEntries(encoded) },
  }
}

function isWanted(
  object: Manifest,
  kind: KindRef,
  where: { namespace?: string | undefined; labels?: string | undefined },
): boolean {
  if (object.apiVersion !== kind.apiVersion || object.kind !== kind.kind) return false
  if (where.namespace !== undefined && object.metadata.namespace !== where.namespace) return false
  return (where.labels ?? '').split(',').every((term) => term === '' || hasLabel(object.metadata.labels ?? {}, term))
}

function hasLabel(labels: Readonly<Record<string, string>>, term: string): boolean {
  const [, name = '', operator, value] = /^([^=!]+)(!=|==?)?(.*)$/.exec(term) ?? []
  if (operator === undefined) return name in labels
  return operator === '!=' ? labels[name] !== value : labels[name] === value
}
