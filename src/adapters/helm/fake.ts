import { canonical } from './fingerprint.ts'
import type { Manifest } from '../kubernetes/port.ts'
import { AppError } from '../../base/errors.ts'
import type { Helm, Release, ReleaseRecord, ReleaseStatus } from './port.ts'

export interface FakeHelm extends Helm {
  /** As if Helm had died, or failed, in the middle. */
  setStatus(name: string, namespace: string, status: ReleaseStatus): void
  setObjects(name: string, namespace: string, objects: readonly Manifest[]): void
  /** The next upgrade fails like this. */
  failNextUpgrade(error: AppError): void
  valuesOf(name: string, namespace: string): Readonly<Record<string, unknown>> | undefined
}

/** Releases in memory. Charts are not read: their path stands for their content. */
export function createFakeHelm(): FakeHelm {
  const releases = new Map<string, { record: ReleaseRecord; release: Release; objects: readonly Manifest[] }>()
  const history = new Map<string, { record: ReleaseRecord; release: Release }>()
  let failure: AppError | undefined
  const key = (name: string, namespace: string): string => `${namespace}/${name}`
  const fingerprint = async (release: Release): Promise<string> => canonical([release.chart, release.values])

  return {
    fingerprint,
    pull: async ({ chart, version }, folder) => `${folder}/${chart}-${version}.tgz`,
    find: async (name, namespace) => releases.get(key(name, namespace))?.record,
    list: async (namespace) =>
      [...releases.values()]
        .map((one) => one.record)
        .filter((one) => namespace === undefined || one.namespace === namespace),
    upgrade: async (release, run) => {
      run?.signal?.throwIfAborted()
      const before = releases.get(key(release.name, release.namespace))
      const record: ReleaseRecord = {
        name: release.name,
        namespace: release.namespace,
        revision: (before?.record.revision ?? 0) + 1,
        status: failure === undefined ? 'deployed' : 'failed',
        chart: `${release.chart.split('/').at(-1) ?? ''}-0.0.0`,
        fingerprint: await fingerprint(release),
      }
      releases.set(key(release.name, release.namespace), { record, release, objects: before?.objects ?? [] })
      history.set(`${key(release.name, release.namespace)} ${record.revision}`, { record, release })
      const thrown = failure
      failure = undefined
      if (thrown !== undefined) throw thrown
      return record
    },
    rollback: async (name, namespace, revision) => {
      const found = history.get(`${key(name, namespace)} ${revision}`)
      const now = releases.get(key(name, namespace))
      if (found === undefined || now === undefined)
        throw new AppError(
          'not-found',
          'revision-unknown',
          `going back to revision ${revision} of ${namespace}/${name}`,
        )
      const record = { ...found.record, revision: now.record.revision + 1, status: 'deployed' } as const
      releases.set(key(name, namespace), { ...now, record, release: found.release })
      history.set(`${key(name, namespace)} ${record.revision}`, { record, release: found.release })
      return record
    },
    unlock: async (name, namespace) => {
      const found = releases.get(key(name, namespace))
      if (found === undefined || !/^(pending|uninstalling)/.test(found.record.status)) return
      const { record } = found
      if (record.revision <= 1 || record.status === 'uninstalling') releases.delete(key(name, namespace))
      else
        releases.set(key(name, namespace), {
          ...found,
          record: { ...record, status: 'deployed', fingerprint: undefined },
        })
    },
    uninstall: async (name, namespace) => releases.delete(key(name, namespace)),
    objects: async (name, namespace) => releases.get(key(name, namespace))?.objects ?? [],
    setStatus: (name, namespace, status) => {
      const found = releases.get(key(name, namespace))
      if (found !== undefined) releases.set(key(name, namespace), { ...found, record: { ...found.record, status } })
    },
    setObjects: (name, namespace, objects) => {
      const found = releases.get(key(name, namespace))
      if (found !== undefined) releases.set(key(name, namespace), { ...found, objects })
    },
    failNextUpgrade: (error) => {
      failure = error
    },
    valuesOf: (name, namespace) => releases.get(key(name, namespace))?.release.values,
  }
}
