import { createHash } from 'node:crypto'
import { AppError, explain } from '../base/errors.ts'
import type { Pin } from './pins.ts'
import { hostOf, type RegistryAccess, RegistryClient } from './registry.ts'

export interface PullOptions {
  /** The site's registry, `host:port`, perhaps with a path. */
  readonly registry: string
  /** How that is spoken to; an image that lies at the same host is fetched with it, too. */
  readonly access?: RegistryAccess
  /** Repository and tag there. */
  readonly name: string
  readonly tag: string
  readonly output: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

const INDEX = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json']
const MANIFEST = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']
/** Long enough for a slow proxy, short enough for a host that swallows packets. */
const PROBE_MS = 3_000
const ANSWER_MS = 60_000
const BLOB_MS = 15 * 60_000

interface Descriptor {
  readonly mediaType?: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
}

interface Manifest {
  readonly mediaType?: string
  readonly config?: Descriptor
  readonly layers?: readonly Descriptor[]
  readonly manifests?: readonly Descriptor[]
}

/** `undefined` when the registry answers in a moment, else why not. */
export async function whyUnreachable(
  { registry }: Pin,
  { signal, access = {} }: Pick<PullOptions, 'signal' | 'access'> = {},
): Promise<string | undefined> {
  try {
    // Also "sign in first" is an answer.
    await new RegistryClient(registry, access).reach({ ms: PROBE_MS, signal })
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    return explain(error)
  }
}

/**
 * Copies the image to the site's registry as it is; its digest there. Every part is summed before it is passed on: what
 * is not what the pin names, or is cut off, is refused and nothing of it gets a tag.
 */
export async function pullImage(pin: Pin, options: PullOptions): Promise<string> {
  const { output, registry, access = {}, name, tag, signal } = options
  const source = new Source(pin, hostOf(registry) === pin.registry ? access : {}, signal)
  const site = new RegistryClient(registry, access)
  const what = `pushing ${name} to the registry ${registry}`
  const first = await source.manifest(pin.digest)
  const chosen = first.manifest.manifests === undefined ? first : await source.manifest(platformOf(first.manifest, pin))
  const { config, layers = [] } = chosen.manifest
  if (config === undefined) throw refused(pin, 'its manifest names no configuration')
  for (const part of [config, ...layers]) {
    const head = { method: 'HEAD', ms: ANSWER_MS, signal }
    if ((await site.call(site.url(name, `blobs/${part.digest}`), what, head)).ok) continue
    output(`pulling ${name}: ${part.digest.slice(7, 19)}, ${Math.ceil(part.size / 1e6)} MB`)
    await pushBlob(site, name, part.digest, await source.blob(part), what, signal)
  }
  const put = await site.call(site.url(name, `manifests/${tag}`), what, {
    method: 'PUT',
    ms: ANSWER_MS,
    signal,
    headers: { 'content-type': chosen.mediaType },
    body: chosen.bytes,
  })
  if (!put.ok) throw unavailable(`${what}: it answered ${put.status} to ${tag}`)
  return chosen.digest
}

interface Fetched {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Buffer
  readonly manifest: Manifest
}

type Answer = Awaited<ReturnType<RegistryClient['call']>>

/** The registry that an image is pulled from. */
class Source {
  private readonly pin: Pin
  private readonly client: RegistryClient
  private readonly signal: AbortSignal | undefined

  constructor(pin: Pin, access: RegistryAccess, signal: AbortSignal | undefined) {
    this.pin = pin
    this.client = new RegistryClient(pin.registry, access)
    this.signal = signal
  }

  async manifest(digest: string): Promise<Fetched> {
    const answer = await this.get(`manifests/${digest}`, ANSWER_MS, [...INDEX, ...MANIFEST].join(', '))
    const bytes = await this.checked(answer, digest)
    const manifest = JSON.parse(bytes.toString('utf8')) as Manifest
    const mediaType = manifest.mediaType ?? answer.headers.get('content-type') ?? MANIFEST[0] ?? ''
    return { digest, mediaType, bytes, manifest }
  }

  async blob({ digest, size }: Descriptor): Promise<Buffer> {
    const bytes = await this.checked(await this.get(`blobs/${digest}`, BLOB_MS), digest)
    if (bytes.length !== size) throw refused(this.pin, `${digest} has ${bytes.length} bytes instead of ${size}`)
    return bytes
  }

  private async checked(answer: Answer, digest: string): Promise<Buffer> {
    let bytes: Buffer
    try {
      bytes = Buffer.from(await answer.arrayBuffer())
    } catch (cause) {
      this.signal?.throwIfAborted()
      throw unavailable(`pulling ${digest} of ${nameOf(this.pin)} broke off`, cause)
    }
    const got = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    if (got === digest) return bytes
    throw refused(this.pin, `what came is ${got} instead of ${digest}`)
  }

  private async get(path: string, ms: number, accept?: string): Promise<Answer> {
    const what = `pulling ${nameOf(this.pin)}`
    const headers = accept === undefined ? {} : { accept }
    const answer = await this.client.call(this.client.url(this.pin.repository, path), what, {
      ms,
      signal: this.signal,
      headers,
    })
    if (answer.ok) return answer
    throw unavailable(`${what}: it answered ${answer.status} to ${path}`)
  }
}

function platformOf({ manifests = [] }: Manifest, pin: Pin): string {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture)
  if (found === undefined) throw refused(pin, `it is not there for linux/${architecture}`)
  return found.digest
}

async function pushBlob(
  site: RegistryClient,
  name: string,
  digest: string,
  bytes: Buffer,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const begun = await site.call(site.url(name, 'blobs/uploads/'), what, { method: 'POST', ms: ANSWER_MS, signal })
  const location = begun.headers.get('location')
  if (!begun.ok || location === null) throw unavailable(`${what}: it answered ${begun.status} to a new blob`)
  const url = new URL(location, begun.url)
  url.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  const done = await site.call(url.href, what, { method: 'PUT', ms: BLOB_MS, signal, headers, body: bytes })
  if (!done.ok) throw unavailable(`${what}: it answered ${done.status} to ${digest}`)
}

function nameOf({ registry, repository }: Pin): string {
  return `${registry}/${repository}`
}

function refused(pin: Pin, why: string): AppError {
  return new AppError('conflict', 'image-digest', `${nameOf(pin)}@${pin.digest} is refused: ${why}`)
}

function unavailable(text: string, cause?: unknown): AppError {
  return new AppError('unavailable', 'image-pull', text, { cause })
}
