import { AppError } from '../base/errors.ts'
import { type RegistryAccess, RegistryClient } from './registry.ts'

/** Parts of images that lie on this computer. */
export interface HostBlobs {
  /** Each is a file, named by the digits of its digest. */
  readonly folder: string
  readonly digests: readonly string[]
}

export interface PushOptions {
  /** `host:port`, perhaps with a path. */
  readonly registry: string
  readonly access?: RegistryAccess | undefined
  /** Repository and tag there. */
  readonly name: string
  readonly tag: string
  readonly signal?: AbortSignal | undefined
  /** Gives the registry what lies on this computer in files named by digests, as far as it can. */
  readonly takeBlobs?: ((name: string, blobs: HostBlobs) => Promise<void>) | undefined
}

/** A part of an image as its manifest names it (OCI image specification, "descriptor"). */
export interface Descriptor {
  readonly mediaType?: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
}

/** An image of one platform, wherever it lies. */
export interface ImageParts {
  readonly mediaType: string
  /** The manifest as it is signed for by the image's digest. */
  readonly manifest: Buffer
  readonly digest: string
  /** Configuration and layers. */
  readonly parts: readonly Descriptor[]
  /** Where the parts lie as files, named by the digits of their digests, when they do. */
  readonly folder?: string
  /** The bytes that a part's digest is for. */
  read(part: Descriptor): Promise<Buffer>
}

const ANSWER_MS = 60_000
const BLOB_MS = 15 * 60_000

/** Brings an image to a registry: what that has already is not sent again, and the tag comes last. */
export async function pushImage(image: ImageParts, options: PushOptions): Promise<void> {
  const { registry, access, name, tag, signal } = options
  const client = new RegistryClient(registry, access)
  const what = `pushing ${name} to the registry ${registry}`
  await give(image, options)
  for (const part of image.parts) {
    const head = { method: 'HEAD', ms: ANSWER_MS, signal }
    if ((await client.call(client.url(name, `blobs/${part.digest}`), what, head)).ok) continue
    await pushBlob(client, options, part.digest, await image.read(part), what)
  }
  const put = await client.call(client.url(name, `manifests/${tag}`), what, {
    method: 'PUT',
    ms: ANSWER_MS,
    signal,
    headers: { 'content-type': image.mediaType },
    body: image.manifest,
  })
  if (!put.ok) throw unavailable(`${what}: it answered ${put.status} to ${tag}`)
}

/** What the registry can have without being sent it, when the parts lie here and it is one of this computer. */
async function give({ folder, parts, read }: ImageParts, { name, takeBlobs }: PushOptions): Promise<void> {
  if (takeBlobs === undefined || folder === undefined) return
  // Nobody looks at them again: what is not what its digest says is refused here.
  for (const part of parts) await read(part)
  await takeBlobs(name, { folder, digests: parts.map(({ digest }) => digest) })
}

async function pushBlob(
  client: RegistryClient,
  { name, signal }: PushOptions,
  digest: string,
  bytes: Buffer,
  what: string,
): Promise<void> {
  const begun = await client.call(client.url(name, 'blobs/uploads/'), what, { method: 'POST', ms: ANSWER_MS, signal })
  const location = begun.headers.get('location')
  if (!begun.ok || location === null) throw unavailable(`${what}: it answered ${begun.status} to a new blob`)
  const url = new URL(location, begun.url)
  url.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  const done = await client.call(url.href, what, { method: 'PUT', ms: BLOB_MS, signal, headers, body: bytes })
  if (!done.ok) throw unavailable(`${what}: it answered ${done.status} to ${digest}`)
}

function unavailable(text: string): AppError {
  return new AppError('unavailable', 'image-push', text)
}
