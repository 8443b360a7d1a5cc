import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { KubeConfig } from '@kubernetes/client-node'
import type { Clock } from '../../base/clock.ts'
import { systemClock } from '../../base/clock.ts'
import { AppError } from '../../base/errors.ts'
import { appliedAnnotation, isApplied, withDigest } from './applied.ts'
import { resourcePaths } from './paths.ts'
import type { DeleteOptions, Kubernetes, Manifest, ObjectRef } from './port.ts'
import { describeRef, refOf } from './port.ts'
import { podSelector, readinessOf, withBroken, withUnscheduled } from './readiness.ts'
import type { ApiResponse } from './request.ts'
import { requestSender } from './request.ts'

/** Where the credentials come from: a file, its content, or the pod's service account. */
export type KubernetesAccess =
  | { readonly kubeconfigFile: string }
  | { readonly kubeconfig: string }
  | { readonly inCluster: true }

const FIELD_MANAGER = 'cloudmgr'
const DELETE_TIMEOUT_MS = 300_000
/** The shortest that API servers give. */
const TOKEN_SECONDS = 600

export function loadKubeConfig(access: KubernetesAccess): KubeConfig {
  const config = new KubeConfig()
  try {
    if ('kubeconfigFile' in access) config.loadFromFile(access.kubeconfigFile)
    else if ('kubeconfig' in access) config.loadFromString(access.kubeconfig)
    else config.loadFromCluster()
  } catch (cause) {
    const where = 'kubeconfigFile' in access ? access.kubeconfigFile : 'given'
    throw new AppError('invalid', 'kubeconfig-invalid', `reading the kubeconfig ${where}`, { cause })
  }
  return config
}

/** The real one. The kubeconfig is read when it is needed, and again when it has changed: `up` writes it after the wiring. */
export function createKubernetes(access: KubernetesAccess, clock: Clock = systemClock): Kubernetes {
  let opened: { readonly version: number; readonly server: ReturnType<typeof open> } | undefined
  const api = (): ReturnType<typeof open> => {
    const version = versionOf(access)
    if (opened?.version !== version) opened = { version, server: open(access) }
    return opened.server
  }

  const find = async (ref: ObjectRef): Promise<Manifest | undefined> => {
    const response = await api().send({ method: 'GET', path: await api().paths.object(ref) })
    if (response.status === 404) return undefined
    return checked(response, `reading ${describeRef(ref)}`) as Manifest
  }
  const patch = async (manifest: Manifest, dryRun: boolean): Promise<Manifest> => {
    const path = await api().paths.object(refOf(manifest))
    const query = `?fieldManager=${FIELD_MANAGER}&force=true&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`
    const request = {
      method: 'PATCH',
      path: path + query,
      contentType: 'application/apply-patch+yaml',
      body: manifest,
    } as const
    return checked(await api().send(request), `applying ${describeRef(refOf(manifest))}`) as Manifest
  }
  const list: Kubernetes['list'] = async (kind, where = {}) => {
    const selector = where.labels === undefined ? '' : `?labelSelector=${encodeURIComponent(where.labels)}`
    const path = (await api().paths.collection(kind, where.namespace)) + selector
    const body = checked(await api().send({ method: 'GET', path }), `listing ${kind.kind}`) as { items?: Manifest[] }
    return (body.items ?? []).map((item) => ({ ...item, apiVersion: kind.apiVersion, kind: kind.kind }))
  }

  return {
    find,
    list,
    apply: async (manifest) => {
      const before = await find(refOf(manifest))
      const wanted = withDigest(manifest)
      if (before !== undefined && isApplied(before, wanted)) return 'unchanged'
      const after = await patch(wanted, false)
      if (before === undefined) return 'created'
      // The version tells too little: controllers write their status at the same time.
      return sameApartFromControllers(before, after) ? 'unchanged' : 'changed'
    },
    change: async (ref, fields) => {
      const path = `${await api().paths.object(ref)}?fieldManager=${FIELD_MANAGER}&fieldValidation=Strict`
      const request = { method: 'PATCH', path, contentType: 'application/merge-patch+json', body: fields } as const
      checked(await api().send(request), `changing ${describeRef(ref)}`)
    },
    compare: async (manifest) => {
      const before = await find(refOf(manifest))
      if (before === undefined) return 'absent'
      if (before.metadata['deletionTimestamp'] !== undefined) return 'different'
      const wanted = withDigest(manifest)
      if (isApplied(before, wanted)) return 'present'
      return sameApartFromControllers(before, await patch(wanted, true)) ? 'present' : 'different'
    },
    delete: async (ref, options = {}) => {
      const path = await api().paths.object(ref)
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Foreground' }
      const response = await api().send({ method: 'DELETE', path, contentType: 'application/json', body })
      if (response.status === 404) return false
      checked(response, `deleting ${describeRef(ref)}`)
      await untilGone(ref, find, clock, options)
      return true
    },
    evict: async ({ namespace, name }) => {
      const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(name)}/eviction`
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }
      const response = await api().send({ method: 'POST', path, contentType: 'application/json', body })
      // 429: its disruption budget; 409: it changes at this moment.
      if (response.status === 429 || response.status === 409) return false
      if (response.status !== 404) checked(response, `asking pod ${namespace}/${name} to go`)
      return true
    },
    readiness: async (ref, { alone = false } = {}) => {
      const object = await find(ref)
      if (object === undefined) return { state: 'waiting', reason: 'it does not exist yet' }
      const labels = podSelector(object)
      const isDone = alone || labels === undefined || readinessOf(object).state === 'ready'
      const pods = isDone ? [] : await list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: ref.namespace, labels })
      return withUnscheduled(withBroken(readinessOf(object, pods), pods), [object, ...pods])
    },
    podLogs: async (pod) => {
      const query = new URLSearchParams({ tailLines: String(pod.lines ?? 50) })
      if (pod.container !== undefined) query.set('container', pod.container)
      if (pod.sinceSeconds !== undefined) query.set('sinceSeconds', String(pod.sinceSeconds))
      if (pod.maxBytes !== undefined) query.set('limitBytes', String(pod.maxBytes))
      const path = `/api/v1/namespaces/${pod.namespace}/pods/${encodeURIComponent(pod.name)}/log?${query.toString()}`
      const response = await api().send({ method: 'GET', path, text: true })
      // 400: the container is still waiting to start.
      if (response.status === 400) return ''
      const ref = { apiVersion: 'v1', kind: 'Pod', namespace: pod.namespace, name: pod.name }
      // The kubelet of a pod that was placed this moment does not know it yet, and the API server hands on its 404.
      if (response.status === 404 && (await find(ref)) !== undefined) return ''
      return String(checked(response, `reading the log of pod ${pod.namespace}/${pod.name}`))
    },
    isAllowed: async (access) => {
      const [resource, subresource] = access.resource.split('/')
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { ...access, resource, subresource } },
      }
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
      const response = await api().send({ method: 'POST', path, contentType: 'application/json', body })
      const answer = checked(response, `asking whether we may ${access.verb} ${access.resource}`)
      return (answer as { status?: { allowed?: boolean } }).status?.allowed === true
    },
    serviceToken: async ({ namespace, name }) => {
      const spec = { expirationSeconds: TOKEN_SECONDS }
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
      const response = await api().send({ method: 'POST', path, contentType: 'application/json', body })
      const answer = checked(response, `asking for a token of service account ${namespace}/${name}`)
      const { token, expirationTimestamp } = (answer as { status: { token: string; expirationTimestamp: string } })
        .status
      return { token, expiresAt: Date.parse(expirationTimestamp) }
    },
    version: async () => {
      const body = checked(await api().send({ method: 'GET', path: '/version' }), 'asking for the version')
      return String((body as { gitVersion?: string }).gitVersion)
    },
  }
}

function versionOf(access: KubernetesAccess): number {
  return 'kubeconfigFile' in access ? (statSync(access.kubeconfigFile, { throwIfNoEntry: false })?.mtimeMs ?? 0) : 0
}

function open(access: KubernetesAccess) {
  const config = loadKubeConfig(access)
  const send = requestSender(config)
  return {
    send,
    paths: resourcePaths(async (path) => checked(await send({ method: 'GET', path }), `looking up ${path}`)),
  }
}

async function untilGone(
  ref: ObjectRef,
  find: Kubernetes['find'],
  clock: Clock,
  options: DeleteOptions,
): Promise<void> {
  const timeoutMs = options.timeoutMs ?? DELETE_TIMEOUT_MS
  const deadline = clock.now() + timeoutMs
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    const left = await find(ref)
    if (left === undefined) return
    const finalizers = (left.metadata['finalizers'] ?? []) as string[]
    const reason = `${describeRef(ref)} is still there${finalizers.length === 0 ? '' : ` (finalizers: ${finalizers.join(', ')})`}`
    if (clock.now() >= deadline) {
      throw new AppError(
        'unavailable',
        'still-there',
        `${reason} ${timeoutMs / 1000} s after its deletion was asked for`,
      )
    }
    options.onWaiting?.(reason)
    await clock.sleep(pauseMs, options.signal)
  }
}

function sameApartFromControllers(one: Manifest, other: Manifest): boolean {
  return isDeepStrictEqual(withoutBookkeeping(one), withoutBookkeeping(other))
}

function withoutBookkeeping(object: Manifest): unknown {
  const { managedFields: _fields, resourceVersion: _version, generation: _generation, ...metadata } = object.metadata
  const bookkeeping = ['deployment.kubernetes.io/revision', appliedAnnotation]
  const own = Object.entries(object.metadata.annotations ?? {}).filter(([name]) => !bookkeeping.includes(name))
  const annotations = Object.fromEntries(own)
  return { ...object, status: undefined, metadata: { ...metadata, annotations } }
}

/** The body of a good answer; a bad one becomes the error it means. */
function checked(response: ApiResponse, attempted: string): unknown {
  const { status, body } = response
  if (status < 300) return body
  const said = (body as { message?: string; reason?: string } | undefined) ?? {}
  const cause = new Error(said.message ?? `HTTP status ${status}`)
  if (status === 403 && /being terminated/.test(cause.message)) {
    throw new AppError('unavailable', 'namespace-terminating', attempted, { cause })
  }
  if (status === 401) {
    const text = `${attempted}: the API server does not take our credentials (any more): the kubeconfig's certificate or token has run out or was withdrawn`
    throw new AppError('forbidden', 'kubernetes-forbidden', text, { cause })
  }
  if (status === 403) throw new AppError('forbidden', 'kubernetes-forbidden', attempted, { cause })
  if (status === 404) throw new AppError('not-found', 'kubernetes-not-found', attempted, { cause })
  if (status === 409) throw new AppError('conflict', 'kubernetes-conflict', attempted, { cause })
  // Server-side apply answers a misspelt field with status 500.
  const isRefused = /field not declared in schema|failed to create typed patch object/.test(cause.message)
  if (!isRefused && (status === 429 || status >= 500))
    throw new AppError('unavailable', 'kubernetes-unreachable', attempted, { cause })
  throw new AppError('invalid', 'kubernetes-invalid', attempted, { cause })
}
