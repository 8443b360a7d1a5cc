import { isIP } from 'node:net'
import { getCACertificates } from 'node:tls'
import { EnvHttpProxyAgent, fetch as fetchBy } from 'undici'
import { type CertificateTrouble, certificateTroubleOf } from '../base/certificate-trouble.ts'
import { AppError } from '../base/errors.ts'

const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

const ANSWER_MS = 10_000

/** Who signs in at a registry. */
export interface RegistryLogin {
  readonly username: string
  readonly password: string
}

/** How a registry is spoken to. */
export interface RegistryAccess {
  /** Left out: as anybody. */
  readonly login?: RegistryLogin | undefined
  /** PEM of the authority of its certificate, beside those that this machine knows. */
  readonly ca?: string | undefined
}

export interface RegistryRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly ms?: number
  readonly signal?: AbortSignal | undefined
}

type Answer = Awaited<ReturnType<typeof fetch>> | Awaited<ReturnType<typeof fetchBy>>

/** Registries on the loopback are spoken to without TLS; all others are not. */
export function isPlain(registry: string): boolean {
  const host = hostOf(registry).replace(/:\d+$/, '')
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The host with its port, without the path behind it. */
export function hostOf(registry: string): string {
  return registry.split('/')[0] ?? registry
}

/** A registry (`host:port`, perhaps with a path); signs in where it asks for that. */
export class RegistryClient {
  readonly #address: string
  readonly #access: RegistryAccess
  readonly #base: string
  readonly #dispatcher: EnvHttpProxyAgent | undefined
  #authorization: string | undefined

  constructor(address: string, access: RegistryAccess = {}) {
    this.#address = address
    this.#access = access
    const host = hostOf(address)
    this.#base = `${isPlain(address) ? 'http' : 'https'}://${host === 'docker.io' ? 'registry-1.docker.io' : host}`
    const ca = access.ca === undefined ? undefined : [...getCACertificates('default'), access.ca]
    this.#dispatcher = ca === undefined ? undefined : new EnvHttpProxyAgent({ connect: { ca }, requestTls: { ca } })
  }

  /** Of something in one of its repositories, such as `manifests/latest`. */
  url(repository: string, rest: string): string {
    return `${this.#base}/v2/${[...this.#address.split('/').slice(1), repository].join('/')}/${rest}`
  }

  /** Whether anybody is there; also "sign in first" is an answer. */
  async reach(request: RegistryRequest): Promise<void> {
    await this.#send(`${this.#base}/v2/`, request, `reaching the registry ${this.#address}`)
  }

  /** Any status but those of refusals; `what` was attempted, for the error. */
  async call(url: string, what: string, request: RegistryRequest = {}): Promise<Answer> {
    // An upload may lead elsewhere: the credential goes to the registry alone.
    const isOwn = new URL(url).origin === new URL(this.#base).origin
    const ask = async () => {
      const authorization = isOwn ? this.#authorization : undefined
      const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) }
      return await this.#send(url, { ...request, headers }, what)
    }
    const first = await ask()
    if (first.status !== 401) return this.#allowed(first, what)
    this.#authorization = await this.#signIn(first, what, request.signal)
    return this.#allowed(await ask(), what)
  }

  #allowed(answer: Answer, what: string): Answer {
    if (answer.status !== 401 && answer.status !== 403) return answer
    // Who got a token, or is answered 403, is known and may not.
    const isKnown = answer.status === 403 || this.#authorization?.startsWith('Bearer ') === true
    throw this.#refused(what, answer.status, isKnown ? 'right' : 'credential')
  }

  async #send(url: string, { ms = ANSWER_MS, signal, ...request }: RegistryRequest, what: string): Promise<Answer> {
    const limit = AbortSignal.timeout(ms)
    const { body, ...init } = {
      ...request,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    }
    const content = body === undefined ? {} : { body: new Uint8Array(body) }
    const sent =
      this.#dispatcher === undefined
        ? fetch(url, { ...init, ...content })
        : fetchBy(url, { ...init, ...content, dispatcher: this.#dispatcher })
    return await sent.catch((cause: unknown) => {
      signal?.throwIfAborted()
      throw unreachable(what, new URL(url).host, limit.aborted ? new Error(`no answer in ${ms / 1000} s`) : cause)
    })
  }

  /** What the registry's challenge asks for: the credential itself, or a token that its realm gives for it. */
  async #signIn({ headers, status }: Answer, what: string, signal: AbortSignal | undefined): Promise<string> {
    const { login } = this.#access
    const challenge = headers.get('www-authenticate') ?? ''
    const basic =
      login === undefined ? undefined : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
    if (!/^bearer /i.test(challenge)) {
      if (basic === undefined) throw this.#refused(what, status, 'credential')
      return basic
    }
    const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, text]) => [name, text]))
    const { realm = '', service, scope } = fields as Record<string, string | undefined>
    const url = URL.parse(realm)
    // The credential goes nowhere in the clear, wherever the registry points to.
    if (url === null || (url.protocol !== 'https:' && !isPlain(url.host)))
      throw this.#refused(what, status, 'credential')
    if (service !== undefined) url.searchParams.set('service', service)
    if (scope !== undefined) url.searchParams.set('scope', scope)
    const signedIn = { headers: basic === undefined ? {} : { authorization: basic }, signal }
    const answer = await this.#send(url.href, signedIn, what)
    if (!answer.ok) throw this.#refused(what, answer.status, 'credential')
    const { token, access_token: other } = (await answer.json()) as { token?: string; access_token?: string }
    return `Bearer ${token ?? other ?? ''}`
  }

  #refused(what: string, status: number, lacking: 'credential' | 'right'): AppError {
    const { login } = this.#access
    const said = `${what}: it answered ${status}`
    if (login === undefined) {
      const right = 'images.username and images.password of the site file'
      return refusal('unauthenticated', 'images.password', `${said}, and nobody signed in; right is ${right}`, right)
    }
    if (lacking === 'right') return mayNotPush(said, login)
    const right = `a valid password of images.username (${login.username})`
    return refusal(
      'unauthenticated',
      'images.password',
      `${said} to images.username and images.password; right is ${right}`,
      right,
    )
  }
}

/** The digest of an image that the registry has; undefined when it has none of that tag. */
export async function findDigest(
  registry: string,
  repository: string,
  tag: string,
  { signal, ...access }: RegistryAccess & Pick<RegistryRequest, 'signal'> = {},
): Promise<string | undefined> {
  const client = new RegistryClient(registry, access)
  const what = `asking the registry ${registry} for ${repository}:${tag}`
  const request = { method: 'HEAD', headers: { accept: MANIFESTS }, signal }
  const answer = await client.call(client.url(repository, `manifests/${tag}`), what, request)
  if (answer.status === 404) return undefined
  const digest = answer.headers.get('docker-content-digest')
  if (answer.ok && digest !== null) return digest
  throw new AppError('unavailable', 'registry-unreachable', `${what}: it answered ${answer.status}`)
}

/** Begins an upload and lets it go again: who may not push hears of it before anything is built. */
export async function checkPush(
  registry: string,
  repository: string,
  { signal, ...access }: RegistryAccess & Pick<RegistryRequest, 'signal'>,
): Promise<void> {
  const client = new RegistryClient(registry, access)
  const what = `pushing ${repository} to the registry ${registry}`
  const begun = await client.call(client.url(repository, 'blobs/uploads/'), what, { method: 'POST', signal })
  const location = begun.headers.get('location')
  if (begun.status === 405 || begun.status === 404) throw mayNotPush(`${what}: it answered ${begun.status}`)
  // Some have no word for it: they let it go by themselves.
  if (location !== null) await client.call(new URL(location, begun.url).href, what, { method: 'DELETE', signal })
}

function mayNotPush(said: string, login?: RegistryLogin): AppError {
  const who = login === undefined ? 'a registry that takes pushes' : `another user than ${login.username}, or the right`
  const right = `${who} to push there`
  return refusal('forbidden', 'images.username', `${said}; right is ${right}`, right)
}

function refusal(kind: 'unauthenticated' | 'forbidden', field: string, text: string, right: string): AppError {
  return new AppError(kind, 'registry-refused', text, { details: { field, right } })
}

function unreachable(what: string, host: string, thrown: unknown): AppError {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  const trouble = certificateTroubleOf(cause)
  if (trouble === undefined) return new AppError('unavailable', 'registry-unreachable', what, { cause })
  const { problem, right } = certificateWords[trouble]
  const text = `${what}: the certificate of ${host} ${problem}; right is ${right}`
  return new AppError('conflict', 'registry-certificate', text, { cause, details: { field: 'images.ca', right } })
}

const renewed = { right: 'one that is valid: who runs the registry renews it' }
const certificateWords: Readonly<Record<CertificateTrouble, { readonly problem: string; readonly right: string }>> = {
  stranger: { problem: 'is of an authority that is not known here', right: 'images.ca, the file of that authority' },
  expired: { problem: 'has run out', ...renewed },
  early: { problem: 'is not valid yet', ...renewed },
  name: { problem: 'is for another name', right: 'images.registry by a name that it is for' },
}
