import type { Manifest } from '../kubernetes/port.ts'

/** What is wanted: a chart folder (or packed chart) with values, under a name in a namespace. */
export interface Release {
  readonly name: string
  readonly namespace: string
  /** Path of the chart. */
  readonly chart: string
  readonly values: Readonly<Record<string, unknown>>
  readonly createNamespace?: boolean
  readonly timeoutMs?: number
}

export type ReleaseStatus =
  | 'deployed'
  | 'failed'
  | 'superseded'
  | 'uninstalled'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'
  | 'unknown'

/** The newest revision of a release, as Helm keeps it. */
export interface ReleaseRecord {
  readonly name: string
  readonly namespace: string
  readonly revision: number
  readonly status: ReleaseStatus
  /** Name and version of the chart, for example `omegaml-system-1.2.0`. */
  readonly chart: string
  /** What `fingerprint` said of chart and values when this revision was made by us. */
  readonly fingerprint: string | undefined
}

/** A chart that lies in a repository. */
export interface RemoteChart {
  readonly chart: string
  readonly version: string
  readonly repository: string
}

export interface HelmRun {
  readonly signal?: AbortSignal | undefined
  /** Helm's own lines; they hold no values. */
  readonly output?: ((line: string) => void) | undefined
}

/**
 * Helm.
 *
 * Errors: `invalid/chart-invalid` (template, schema, chart missing; with Helm's text), `invalid/release-refused` (the API
 * server refuses an object), `conflict/release-busy` (pending: unlock first), `unavailable/release-failed` (everything
 * that may pass when repeated), `unavailable/helm-unreachable` (no API server), `forbidden/helm-forbidden`;
 * `find` and `objects` those of the Kubernetes port.
 */
export interface Helm {
  find(name: string, namespace: string): Promise<ReleaseRecord | undefined>
  /** Of all namespaces when none is given. Without fingerprints. */
  list(namespace?: string): Promise<readonly ReleaseRecord[]>
  /**
   * A chart of a repository as a packed file in `folder`; what is there is not fetched again: versions are exact.
   * `unavailable/chart-unreachable` when it can't be had.
   */
  pull(chart: RemoteChart, folder: string, run?: HelmRun): Promise<string>
  /** A hash of the chart's files and the values: equal means that an upgrade would change nothing. */
  fingerprint(release: Release): Promise<string>
  /** Installs or upgrades and notes the fingerprint; returns when the objects are accepted, not when they are ready. */
  upgrade(release: Release, run?: HelmRun): Promise<ReleaseRecord>
  /**
   * Forgets a pending revision whose Helm died, so that the next upgrade starts from the last finished one; objects that
   * exist stay and are taken over. An uninstall that was cut off is finished instead.
   */
  unlock(name: string, namespace: string, run?: HelmRun): Promise<void>
  /**
   * Makes an earlier revision's objects the wanted ones again, as a new revision with that one's fingerprint; returns when
   * they are accepted. `not-found/revision-unknown` when Helm keeps it no more: it keeps the last ten.
   */
  rollback(name: string, namespace: string, revision: number, run?: HelmRun): Promise<ReleaseRecord>
  /** Waits until the objects are gone; false when there was no release. */
  uninstall(name: string, namespace: string, run?: HelmRun & { timeoutMs?: number }): Promise<boolean>
  /** The objects of the newest revision, hooks not among them; namespaces filled in. None of an unknown release. */
  objects(name: string, namespace: string): Promise<readonly Manifest[]>
}
