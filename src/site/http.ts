import { request } from 'node:http'
import { AppError } from '../base/errors.ts'

/** Where to connect, apart from the name that is asked for: a socket, or a port of the loopback. */
export type Target = { readonly socketPath: string } | { readonly host: string; readonly port: number }

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly timeoutMs?: number
}

export interface HttpAnswer {
  readonly status: number
  /** Parsed when it is JSON, else text. */
  readonly body: unknown
}

/** One JSON request; rejects with `unavailable` when nobody answers. No name is looked up: works without hosts lines. */
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
      const outgoing = request(
        { ...target, method: wanted.method, path: wanted.path, headers, agent: false },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString('utf8')) }),
          )
        },
      )
      outgoing.setTimeout(wanted.timeoutMs ?? 30_000, () => outgoing.destroy(new Error('no answer in time')))
      outgoing.on('error', reject)
      outgoing.end(text)
    })
  } catch (cause) {
    const where = 'socketPath' in target ? target.socketPath : `${target.host}:${target.port}`
    throw new AppError('unavailable', 'no-answer', `${wanted.method} ${wanted.path} at ${where}`, { cause })
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
