import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Kubernetes, Manifest } from '../kubernetes/port.ts'
import type { ReleaseRecord, ReleaseStatus } from './port.ts'

/** Label of a revision that we made. */
export const fingerprintLabel = 'cloudmgr.io/fingerprint'

/** The newest revision of a release. */
export interface StoredRelease {
  readonly record: ReleaseRecord
  /** YAML of its objects, hooks not among them. */
  readonly manifest: string
}

const unzip = promisify(gunzip)

/**
 * Read from where Helm 3 and 4 keep it, a Secret for each revision (helm.sh/docs/topics/advanced, storage backends): a
 * program that only looks takes half a second of a processor, and most of what is asked of Helm are looks.
 */
export async function findStored(
  kubernetes: Pick<Kubernetes, 'list'>,
  name: string,
  namespace: string,
): Promise<StoredRelease | undefined> {
  const labels = `owner=helm,name=${name}`
  const secrets = await kubernetes.list({ apiVersion: 'v1', kind: 'Secret' }, { namespace, labels })
  const newest = secrets.toSorted((a, b) => revisionOf(b) - revisionOf(a))[0]
  if (newest === undefined) return undefined
  const { chart, manifest } = await contentOf(newest)
  const { status, [fingerprintLabel]: fingerprint } = newest.metadata.labels ?? {}
  const record = {
    name,
    namespace,
    revision: revisionOf(newest),
    status: status as ReleaseStatus,
    chart: `${chart.metadata.name}-${chart.metadata.version}`,
    fingerprint,
  }
  return { record, manifest }
}

const revisionOf = ({ metadata }: Manifest): number => Number(metadata.labels?.['version'])

interface Content {
  readonly chart: { readonly metadata: { readonly name: string; readonly version: string } }
  readonly manifest: string
}

/** Base64 as in every Secret, of base64 of zipped JSON. */
async function contentOf(secret: Manifest): Promise<Content> {
  const { release = '' } = secret['data'] as Record<string, string>
  const zipped = Buffer.from(Buffer.from(release, 'base64').toString('latin1'), 'base64')
  return JSON.parse((await unzip(zipped)).toString()) as Content
}
