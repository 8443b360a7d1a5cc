import { Agent, request } from 'node:https'
import { AppError, type ErrorKind } from '../base/errors.ts'
import type { ApiAccess } from './kubeconfig.ts'

/** As much of a Kubernetes object as is needed here. */
export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly resourceVersion?: string
    readonly ownerReferences?: readonly { readonly kind: string }[]
  }
  readonly [field: string]: unknown
}

/** `conflict` is also said of an eviction that a disruption budget forbids for now. */
function kindOfStatus(status: number): ErrorKind {
  if (status === 404) return 'not-found'
  if (status === 409 || status === 429) return 'conflict'
  if (status === 400 || status === 422) return 'invalid'
  if (status === 401 || status === 403) return 'forbidden'
  return 'unavailable'
}

/** The few calls that the local cloud makes to its own API server. */
export class Kube {
  private readonly access: ApiAccess
  private readonly agent: Agent

  constructor(access: ApiAccess) {
    this.access = access
    const { ca, credential } = access
    this.agent = new Agent({ keepAlive: true, maxSockets: 8, ca, cert: credential.cert, key: credential.key })
  }

  close(): void {
    this.agent.destroy()
  }

  async isReady(): Promise<boolean> {
    return (await this.raw('GET', '/readyz')).status === 200
  }

  get<T = KubeObject>(path: string): Promise<T> {
    return this.call<T>('GET', path)
  }

  async find<T = KubeObject>(path: string): Promise<T | undefined> {
    return this.ifThere(this.call<T>('GET', path))
  }

  async list<T = KubeObject>(path: string): Promise<T[]> {
    return (await this.call<{ items: T[] }>('GET', path)).items
  }

  /** Server-side apply: the object is made, or our fields of it are set. */
  apply(path: string, object: KubeObject): Promise<KubeObject> {
    return this.call('PATCH', `${path}?fieldManager=cloudmgr-local&force=true`, object, 'application/apply-patch+yaml')
  }

  merge(path: string, change: object): Promise<KubeObject> {
    return this.call('PATCH', path, change, 'application/merge-patch+json')
  }

  create(path: string, object: object): Promise<KubeObject> {
    return this.call('POST', path, object)
  }

  /** Gone already counts as done. */
  async remove(path: string, graceSeconds?: number): Promise<void> {
    const options = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }
    await this.ifThere(this.call('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', ...options }))
  }

  private async ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer
    } catch (error) {
      if (error instanceof AppError && error.kind === 'not-found') return undefined
      throw error
    }
  }

  private async call<T>(method: string, path: string, body?: object, type = 'application/json'): Promise<T> {
    const { status, text } = await this.raw(method, path, body, type)
    if (status >= 200 && status < 300) return JSON.parse(text) as T
    const said = messageOf(text)
    throw new AppError(kindOfStatus(status), 'api-server', `${method} ${path}: ${status} ${said}`)
  }

  private raw(
    method: string,
    path: string,
    body?: object,
    type = 'application/json',
  ): Promise<{ status: number; text: string }> {
    const data = body === undefined ? undefined : JSON.stringify(body)
    const headers = data === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(data) }
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void =>
        reject(new AppError('unavailable', 'api-server', `${method} ${path}`, { cause }))
      const call = request(
        `${this.access.server}${path}`,
        { method, headers, agent: this.agent, timeout: 20_000 },
        (answer) => {
          const parts: Buffer[] = []
          answer.on('data', (part: Buffer) => parts.push(part))
          answer.on('error', fail)
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
        },
      )
      call.on('timeout', () => call.destroy(new Error('no answer in 20 s')))
      call.on('error', fail)
      call.end(data)
    })
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 200)
  } catch {
    // Not every answer is JSON, a starting server's is plain text.
    return text.slice(0, 200)
  }
}

const plurals: Readonly<Record<string, string>> = {
  ClusterInformation: 'clusterinformations',
  EndpointSlice: 'endpointslices',
  NetworkPolicy: 'networkpolicies',
}

const clusterWide = new Set([
  'APIService',
  'ClusterInformation',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'FelixConfiguration',
  'IPPool',
  'Namespace',
  'Node',
])

/** The address of an object; `metadata.namespace` counts for kinds that live in one. */
export function pathOf(object: KubeObject): string {
  const { apiVersion = 'v1', kind = '' } = object
  const { name, namespace } = object.metadata
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`
  const where = clusterWide.has(kind) ? '' : `/namespaces/${namespace ?? 'default'}`
  return `${base}${where}/${plural}/${name}`
}
