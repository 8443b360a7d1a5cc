/** An object as Kubernetes writes it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** Which object; `namespace` is left out for cluster-wide kinds. */
export interface ObjectRef {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string | undefined
}

export interface KindRef {
  readonly apiVersion: string
  readonly kind: string
}

/** `failed`: waiting longer does not help (a Job that gave up). `reason` is for people. */
export interface Readiness {
  readonly state: 'ready' | 'waiting' | 'failed'
  readonly reason: string
  /** While it waits: a pod of it that no node has taken. */
  readonly unscheduled?: Manifest | undefined
  /** While it waits: a container whose image can't be had, or that ends again and again. Time alone hardly helps. */
  readonly broken?: boolean | undefined
}

export type Applied = 'created' | 'changed' | 'unchanged'

export interface DeleteOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** What is still there, said again whenever it changes. */
  readonly onWaiting?: ((reason: string) => void) | undefined
}

export interface PodLogs {
  readonly namespace: string
  readonly name: string
  /** Needed where the pod has several. */
  readonly container?: string | undefined
  /** 50 when not given. */
  readonly lines?: number | undefined
  readonly sinceSeconds?: number | undefined
  /** What comes after is left away: lines have no end of their own. */
  readonly maxBytes?: number | undefined
}

/** A thing that somebody may or may not do. */
export interface Access {
  /** Such as `create`. */
  readonly verb: string
  /** API group; empty for the core. */
  readonly group: string
  /** In plural, such as `deployments`, with what is asked of it after a slash: `pods/log`. */
  readonly resource: string
  /** Of all namespaces when none is given. */
  readonly namespace?: string | undefined
}

/** What somebody shows to say who they are; not to be kept beyond its end. */
export interface ServiceToken {
  readonly token: string
  readonly expiresAt: number
}

/**
 * A Kubernetes API server.
 *
 * Errors: `unavailable/kubernetes-unreachable` (network, overload, still starting), `unavailable/namespace-terminating`,
 * `unavailable/kubernetes-untrusted` (its certificate), `forbidden/kubernetes-forbidden`, `not-found/kubernetes-not-found` (also: the namespace to apply into is missing),
 * `conflict/kubernetes-conflict` (somebody else changed it), `invalid/kubernetes-invalid` (with the server's text),
 * `invalid/kubernetes-kind-unknown` (no such kind: is its CRD installed?).
 */
export interface Kubernetes {
  /** Server-side apply as field manager `cloudmgr`, forced: our fields win, fields of others stay. */
  apply(manifest: Manifest): Promise<Applied>
  /** What `apply` would do, without doing it. */
  compare(manifest: Manifest): Promise<'absent' | 'present' | 'different'>
  find(ref: ObjectRef): Promise<Manifest | undefined>
  /**
   * Changes these fields of an object that is there, and nothing else; `null` takes one away. With the object's
   * `metadata.resourceVersion` only while nobody changed it since: `conflict/kubernetes-conflict` otherwise.
   */
  change(ref: ObjectRef, fields: Readonly<Record<string, unknown>>): Promise<void>
  /** Of all namespaces when none is given; `labels` as a selector, for example `app=web,tier!=db`. */
  list(
    kind: KindRef,
    where?: { namespace?: string | undefined; labels?: string | undefined },
  ): Promise<readonly Manifest[]>
  /** Deletes with dependents and resolves when it is gone; false when there was nothing. `unavailable/still-there` on time-out. */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<boolean>
  /** Asks a pod to go as its disruption budget allows; false: not now. One that is gone already is no error. */
  evict(pod: { readonly namespace: string; readonly name: string }): Promise<boolean>
  /**
   * Whether a workload serves, a Job is complete, a claim is bound … looked at once. Absent objects are `waiting`. `alone`:
   * without asking its pods, of which there may be many, for their reasons.
   */
  readiness(ref: ObjectRef, how?: { readonly alone?: boolean }): Promise<Readiness>
  /** The last lines of a pod's container, or those of the last seconds; empty when it has not started. */
  podLogs(pod: PodLogs): Promise<string>
  /** Whether we may do this; asks, and does nothing. */
  isAllowed(access: Access): Promise<boolean>
  /** A token of this service account that ends in ten minutes; `not-found` when there is no such account. */
  serviceToken(account: { readonly namespace: string; readonly name: string }): Promise<ServiceToken>
  /** The server's version, for example `v1.37.2`; also proves that it answers. */
  version(): Promise<string>
}

export function refOf(manifest: Manifest): ObjectRef {
  const { apiVersion, kind, metadata } = manifest
  return {
    apiVersion,
    kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  }
}

/** For people: `Deployment omegaml-services/omegaweb`. */
export function describeRef(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`
}
