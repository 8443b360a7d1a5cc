import { AppError } from '../base/errors.ts'

const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** The digest of an image that the registry (`host:port`, plain HTTP) has; undefined when it has none of that tag. */
export async function findDigest(
  registry: string,
  repository: string,
  tag: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const url = `http://${registry}/v2/${repository}/manifests/${tag}`
  const limit = AbortSignal.timeout(10_000)
  const response = await fetch(url, {
    method: 'HEAD',
    headers: { accept: MANIFESTS },
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
  }).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new AppError(
      'unavailable',
      'registry-unreachable',
      `asking the registry ${registry} for ${repository}:${tag}`,
      { cause },
    )
  })
  if (response.status === 404) return undefined
  const digest = response.headers.get('docker-content-digest')
  if (response.ok && digest !== null) return digest
  throw new AppError(
    'unavailable',
    'registry-unreachable',
    `the registry ${registry} answered ${response.status} for ${repository}:${tag}`,
  )
}
