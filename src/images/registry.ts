import { isIP } from 'node:net'
import { AppError } from '../base/errors.ts'

const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Who signs in at a registry. */
export interface RegistryLogin {
  readonly username: string
  readonly password: string
}

export interface FindOptions {
  readonly signal?: AbortSignal | undefined
  readonly login?: RegistryLogin | undefined
}

/** Registries on the loopback are spoken to without TLS; all others are not. */
export function isPlain(registry: string): boolean {
  const host = (registry.split('/')[0] ?? '').replace(/:\d+$/, '')
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The digest of an image that the registry (`host:port`, perhaps with a path) has; undefined when it has none of that tag. */
export async function findDigest(
  registry: string,
  repository: string,
  tag: string,
  { signal, login }: FindOptions = {},
): Promise<string | undefined> {
  const [host = '', ...path] = registry.split('/')
  const url = `${isPlain(registry) ? 'http' : 'https'}://${host}/v2/${[...path, repository].join('/')}/manifests/${tag}`
  const what = `asking the registry ${registry} for ${repository}:${tag}`
  const ask = async (authorization?: string) =>
    await send(url, { method: 'HEAD', headers: headersOf(authorization) }, what, signal)
  const first = await ask()
  const response = first.status === 401 ? await ask(await signIn(first, login, what, signal)) : first
  if (response.status === 404) return undefined
  const digest = response.headers.get('docker-content-digest')
  if (response.ok && digest !== null) return digest
  if (response.status === 401 || response.status === 403) throw refused(what, response.status, login)
  throw new AppError(
    'unavailable',
    'registry-unreachable',
    `the registry ${registry} answered ${response.status} for ${repository}:${tag}`,
  )
}

function headersOf(authorization: string | undefined): Record<string, string> {
  return { accept: MANIFESTS, ...(authorization === undefined ? {} : { authorization }) }
}

async function send(
  url: string,
  init: { readonly method?: string; readonly headers: Record<string, string> },
  what: string,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const limit = AbortSignal.timeout(10_000)
  return await fetch(url, {
    ...init,
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
  }).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new AppError('unavailable', 'registry-unreachable', what, { cause })
  })
}

/** What the registry's challenge asks for: the credential itself, or a token that its realm gives for it. */
async function signIn(
  { headers, status }: Response,
  login: RegistryLogin | undefined,
  what: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const challenge = headers.get('www-authenticate') ?? ''
  const basic =
    login === undefined ? undefined : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  if (!/^bearer /i.test(challenge)) {
    if (basic === undefined) throw refused(what, status, login)
    return basic
  }
  const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, text]) => [name, text]))
  const { realm = '', service, scope } = fields as Record<string, string | undefined>
  const url = URL.parse(realm)
  // The credential goes nowhere in the clear, wherever the registry points to.
  if (url === null || (url.protocol !== 'https:' && !isPlain(url.host))) throw refused(what, status, login)
  if (service !== undefined) url.searchParams.set('service', service)
  if (scope !== undefined) url.searchParams.set('scope', scope)
  const answer = await send(url.href, { headers: basic === undefined ? {} : { authorization: basic } }, what, signal)
  if (!answer.ok) throw refused(what, answer.status, login)
  const { token, access_token: other } = (await answer.json()) as { token?: string; access_token?: string }
  return `Bearer ${token ?? other ?? ''}`
}

function refused(what: string, status: number, login: RegistryLogin | undefined): AppError {
  const right =
    login === undefined
      ? 'images.username and images.password of the site file'
      : 'a user that may push there and a password that is valid'
  return new AppError('unauthenticated', 'registry-refused', `${what}: it answered ${status}; right is ${right}`, {
    details: { field: 'images.password', right },
  })
}
