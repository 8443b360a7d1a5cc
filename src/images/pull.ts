import { createHash } from 'node:crypto'
import { AppError, explain } from '../base/errors.ts'
import type { Pin } from './pins.ts'

export interface PullOptions {
  /** The site's registry, `127.0.0.1:PORT`, plain HTTP. */
  readonly registry: string
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
export async function whyUnreachable({ registry }: Pin, signal?: AbortSignal): Promise<string | undefined> {
  try {
    // Also "sign in first" is an answer.
    await call(`${baseOf(registry)}/v2/`, { method: 'GET', ms: PROBE_MS, signal })
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
  const source = new Source(pin, options.signal)
  const { output, registry, name, tag, signal } = options
  const first = await source.manifest(pin.digest)
  const chosen = first.manifest.manifests === undefined ? first : await source.manifest(platformOf(first.manifest, pin))
  const { config, layers = [] } = chosen.manifest
  if (config === undefined) throw refused(pin, 'its manifest names no configuration')
  for (const part of [config, ...layers]) {
    const to = `http://${registry}/v2/${name}`
    const there = await call(`${to}/blobs/${part.digest}`, { method: 'HEAD', ms: ANSWER_MS, signal })
    if (there.ok) continue
    output(`pulling ${name}: ${part.digest.slice(7, 19)}, ${Math.ceil(part.size / 1e6)} MB`)
    await pushBlob(to, part.digest, await source.blob(part), signal)
  }
  const put = await call(`http://${registry}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    ms: ANSWER_MS,
    signal,
    headers: { 'content-type': chosen.mediaType },
    body: chosen.bytes,
  })
  if (!put.ok) throw unavailable(`the registry ${registry} answered ${put.status} for ${name}:${tag}`)
  return chosen.digest
}

interface Fetched {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Buffer
  readonly manifest: Manifest
}

/** The registry that an image is pulled from; signs in without a name where it wants that. */
class Source {
  private readonly pin: Pin
  private readonly signal: AbortSignal | undefined
  private token: string | undefined

  constructor(pin: Pin, signal: AbortSignal | undefined) {
    this.pin = pin
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

  private async checked(answer: Response, digest: string): Promise<Buffer> {
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

  private async get(path: string, ms: number, accept?: string): Promise<Response> {
    const { registry, repository } = this.pin
    const url = `${baseOf(registry)}/v2/${repository}/${path}`
    const ask = async () => {
      const headers = {
        ...(accept === undefined ? {} : { accept }),
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      }
      return await call(url, { method: 'GET', ms, signal: this.signal, headers })
    }
    let answer = await ask()
    if (answer.status === 401 && this.token === undefined) {
      this.token = await this.signIn(answer.headers.get('www-authenticate') ?? '')
      answer = await ask()
    }
    if (answer.ok) return answer
    throw unavailable(`${url} answers ${answer.status}`)
  }

  /** As anybody: Docker Hub and others want a token for that, too. */
  private async signIn(challenge: string): Promise<string> {
    const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]))
    const realm = URL.parse(fields['realm'] ?? '')
    if (!challenge.startsWith('Bearer ') || realm === null)
      throw unavailable(
        `${nameOf(this.pin)} is for those alone who sign in with a name: push it to a registry that is open here`,
      )
    if (fields['service'] !== undefined) realm.searchParams.set('service', fields['service'])
    realm.searchParams.set('scope', `repository:${this.pin.repository}:pull`)
    const answer = await call(realm.href, { method: 'GET', ms: ANSWER_MS, signal: this.signal })
    const body = (answer.ok ? await answer.json() : {}) as { token?: string; access_token?: string }
    const token = body.token ?? body.access_token
    if (token === undefined) throw unavailable(`${realm.host} gives no token for ${nameOf(this.pin)}`)
    return token
  }
}

function platformOf({ manifests = [] }: Manifest, pin: Pin): string {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture)
  if (found === undefined) throw refused(pin, `it is not there for linux/${architecture}`)
  return found.digest
}

async function pushBlob(to: string, digest: string, bytes: Buffer, signal: AbortSignal | undefined): Promise<void> {
  const begun = await call(`${to}/blobs/uploads/`, { method: 'POST', ms: ANSWER_MS, signal })
  const location = begun.headers.get('location')
  if (!begun.ok || location === null) throw unavailable(`${to} answered ${begun.status} to a new blob`)
  const url = new URL(location, to)
  url.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  const done = await call(url.href, { method: 'PUT', ms: BLOB_MS, signal, headers, body: bytes })
  if (!done.ok) throw unavailable(`${to} answered ${done.status} to ${digest}`)
}

interface Call {
  readonly method: string
  readonly ms: number
  readonly signal?: AbortSignal | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

async function call(url: string, { method, ms, signal, headers = {}, body }: Call): Promise<Response> {
  const limit = AbortSignal.timeout(ms)
  try {
    return await fetch(url, {
      method,
      headers,
      redirect: 'follow',
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    })
  } catch (cause) {
    signal?.throwIfAborted()
    const why = limit.aborted
      ? new Error(`no answer in ${ms / 1000} s`)
      : cause instanceof Error
        ? (cause.cause ?? cause)
        : cause
    throw unavailable(`${method} ${url}`, why)
  }
}

/** Registries on the loopback are plain, as everybody's tools have it. */
function baseOf(registry: string): string {
  return /^(127\.|localhost(:|$))/.test(registry) ? `http://${registry}` : `https://${registry}`
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
