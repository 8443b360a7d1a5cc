import { createHash } from 'node:crypto'
import { AppError, explain } from '../base/errors.ts'
import type { Pin } from './pins.ts'
import { type Descriptor, type PushOptions, pushImage } from './push.ts'
import { hostOf, type RegistryAccess, RegistryClient } from './registry.ts'

export interface PullOptions extends PushOptions {
  readonly output: (line: string) => void
}

const INDEX = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json']
const MANIFEST = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']
/** Long enough for a slow proxy, short enough for a host that swallows packets. */
const PROBE_MS = 3_000
const ANSWER_MS = 60_000
const BLOB_MS = 15 * 60_000

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
 * Copies the image to the site's registry as it is; its digest there. One that lies at the same host is fetched as that is
 * spoken to. Every part is summed before it is passed on: what
 * is not what the pin names, or is cut off, is refused and nothing of it gets a tag.
 */
export async function pullImage(pin: Pin, options: PullOptions): Promise<string> {
  const { output, registry, access = {}, name, signal } = options
  const source = new Source(pin, hostOf(registry) === pin.registry ? access : {}, signal)
  const first = await source.manifest(pin.digest)
  const chosen = first.manifest.manifests === undefined ? first : await source.manifest(platformOf(first.manifest, pin))
  const { config, layers = [] } = chosen.manifest
  if (config === undefined) throw refused(pin, 'its manifest names no configuration')
  const read = async (part: Descriptor) => {
    output(`pulling ${name}: ${part.digest.slice(7, 19)}, ${Math.ceil(part.size / 1e6)} MB`)
    return await source.blob(part)
  }
  await pushImage({ ...chosen, manifest: chosen.bytes, parts: [config, ...layers], read }, options)
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

function nameOf({ registry, repository }: Pin): string {
  return `${registry}/${repository}`
}

function refused(pin: Pin, why: string): AppError {
  return new AppError('conflict', 'image-digest', `${nameOf(pin)}@${pin.digest} is refused: ${why}`)
}

function unavailable(text: string, cause?: unknown): AppError {
  return new AppError('unavailable', 'image-pull', text, { cause })
}
