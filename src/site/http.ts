import { request as plainRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { getCACertificates } from 'node:tls'
import { type CertificateTrouble, certificateTroubleOf } from '../base/certificate-trouble.ts'
import { AppError } from '../base/errors.ts'

/** How TLS is spoken: the name that the certificate must have, and an authority beside those of the system. */
export interface Tls {
  readonly servername: string
  /** PEM. */
  readonly ca?: string | undefined
}

/** Where to connect, apart from the name that is asked for: a socket, or a port of a host. */
export type Target =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number; readonly tls?: Tls | undefined }

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly timeoutMs?: number
  /** Ends the connection; the promise rejects. */
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  /** Parsed when it is JSON, else text. */
  readonly body: unknown
}

/** A request that was not sent yet, over TLS where the target wants it. */
export function requestTo(
  target: Target,
  options: RequestOptions,
  answered?: (answer: IncomingMessage) => void,
): ClientRequest {
  const tls = 'tls' in target ? target.tls : undefined
  const { tls: _tls, ...where } = { tls, ...target }
  if (tls === undefined) return plainRequest({ ...where, ...options }, answered)
  const { servername, ca } = tls
  const authorities = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  return tlsRequest({ ...where, ...options, servername, ...authorities }, answered)
}

/** One JSON request; rejects with `unavailable` when nobody answers. */
export async function sendJson(target: Target, wanted: HttpRequest): Promise<HttpAnswer> {
  const text = wanted.body === undefined ? undefined : JSON.stringify(wanted.body)
  const headers = {
    accept: 'application/json',
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    ...wanted.headers,
  }
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const { method, path, signal } = wanted
      const options = { method, path, headers, agent: false, ...(signal === undefined ? {} : { signal }) } as const
      const outgoing = requestTo(target, options, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString('utf8')) }),
        )
      })
      outgoing.setTimeout(wanted.timeoutMs ?? 30_000, () => outgoing.destroy(new Error('no answer in time')))
      outgoing.on('error', reject)
      outgoing.end(text)
    })
  } catch (cause) {
    throw notAnswered(target, `${wanted.method} ${wanted.path}`, cause)
  }
}

export function notAnswered(target: Target, attempted: string, cause: unknown): AppError {
  const where = 'socketPath' in target ? target.socketPath : `${target.host}:${target.port}`
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const [word, text] = certificateWords(certificateTroubleOf(cause), where) ??
    troubleOf(code, where) ?? ['no-answer', `nobody answers at ${where} (${attempted})`]
  return new AppError('unavailable', word, text, { cause })
}

type Words = readonly [code: string, text: string] | undefined

function certificateWords(trouble: CertificateTrouble | undefined, where: string): Words {
  switch (trouble) {
    case undefined:
      return undefined
    case 'stranger':
      return [
        'certificate-unknown',
        `the certificate of ${where} is of an authority that is not known here; give it with --ca FILE`,
      ]
    case 'expired':
      return ['certificate-expired', `the certificate of ${where} has run out: who runs it must renew it`]
    case 'early':
      return ['certificate-early', `the certificate of ${where} is not valid yet: look at the clocks of both machines`]
    case 'name':
      return ['certificate-name', `the certificate of ${where} is for another name`]
  }
}

function troubleOf(code: string, where: string): Words {
  switch (code) {
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return ['no-tls', `${where} does not speak TLS: its address may begin with http://`]
    case 'ENOTFOUND':
      return ['no-host', `there is no host of the name in ${where}`]
    default:
      return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // A proxy's page or an empty answer: shown as it is.
    return text
  }
}
