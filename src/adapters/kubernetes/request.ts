import http from 'node:http'
import https from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { type CertificateTrouble, certificateTroubleOf } from '../../base/certificate-trouble.ts'
import { AppError } from '../../base/errors.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With query, below the server's URL. */
  readonly path: string
  readonly contentType?: string
  readonly body?: unknown
  readonly text?: boolean
}

export interface ApiResponse {
  readonly status: number
  /** Parsed JSON, or text when that was asked for. */
  readonly body: unknown
}

export type SendRequest = (request: ApiRequest) => Promise<ApiResponse>

const TIMEOUT_MS = 30_000
const OPTIONS_LIVE_MS = 60_000
/** Shorter than any API server or balancer keeps a connection that nobody uses. */
const IDLE_MS = 20_000
const MOST_IDLE = 16

/**
 * Sends plain JSON with the kubeconfig's credentials.
 * The client library's own serialisers drop every field they do not know (a new API field, a misspelt one), so that the
 * server could neither store nor refuse it.
 */
export function requestSender(config: KubeConfig): SendRequest {
  const server = config.getCurrentCluster()?.server
  if (server === undefined)
    throw new AppError('invalid', 'kubeconfig-invalid', 'the kubeconfig names no current cluster')
  let options: { value: https.RequestOptions; since: number } | undefined
  const kept = new WeakMap<http.Agent, http.Agent>()
  const credentials = async (): Promise<https.RequestOptions> => {
    // Tokens of service accounts are renewed on disk; connections are kept in between.
    if (options === undefined || Date.now() - options.since > OPTIONS_LIVE_MS) {
      const value: https.RequestOptions = {}
      await config.applyToHTTPSOptions(value)
      if (value.agent instanceof http.Agent) value.agent = keepingAgent(value.agent, kept)
      options = { value, since: Date.now() }
    }
    return options.value
  }
  return async (request) => {
    try {
      return await send(new URL(`${server.replace(/\/$/, '')}${request.path}`), await credentials(), request)
    } catch (cause) {
      throw unreachable(server, cause)
    }
  }
}

/**
 * The library's agent opens a connection for each request: the handshake costs both ends more than most requests do. One
 * that leads through a proxy stays as it is.
 */
function keepingAgent(agent: http.Agent, kept: WeakMap<http.Agent, http.Agent>): http.Agent {
  const Kind = [https.Agent, http.Agent].find((one) => agent.constructor === one)
  if (Kind === undefined) return agent
  const keeping =
    kept.get(agent) ??
    new Kind({ ...(agent as https.Agent).options, keepAlive: true, maxFreeSockets: MOST_IDLE, timeout: IDLE_MS })
  kept.set(agent, keeping)
  return keeping
}

function unreachable(server: string, cause: unknown): AppError {
  const text = `asking the Kubernetes API server at ${server}`
  const trouble = certificateTroubleOf(cause)
  if (trouble === undefined) return new AppError('unavailable', 'kubernetes-unreachable', text, { cause })
  const { what, right } = certificateWords[trouble]
  return new AppError('unavailable', 'kubernetes-untrusted', `${text}: its certificate ${what}; ${right}`, {
    cause,
    details: { field: 'kubeconfig', right },
  })
}

const certificateWords: Readonly<Record<CertificateTrouble, { readonly what: string; readonly right: string }>> = {
  expired: { what: 'has run out', right: 'who runs the cluster must renew it' },
  early: { what: 'is not valid yet', right: 'look at the clocks of both machines' },
  name: {
    what: 'is for another name than the kubeconfig’s',
    right: 'right is a server address that its certificate names',
  },
  stranger: {
    what: 'is of another authority than the kubeconfig has',
    right:
      'right is the cluster’s own as certificate-authority-data (kubectl config view --raw --flatten --minify writes it); a cluster that was made anew has a new one',
  },
}

function send(url: URL, credentials: https.RequestOptions, request: ApiRequest): Promise<ApiResponse> {
  const body = request.body === undefined ? undefined : JSON.stringify(request.body)
  const headers: http.OutgoingHttpHeaders = {
    ...(credentials.headers as http.OutgoingHttpHeaders | undefined),
    accept: request.text === true ? '*/*' : 'application/json',
    ...(body === undefined ? {} : { 'content-type': request.contentType, 'content-length': Buffer.byteLength(body) }),
  }
  const client = url.protocol === 'http:' ? http : https
  return new Promise((resolve, reject) => {
    const sent = client.request(
      url,
      { ...credentials, headers, method: request.method, timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, body: request.text === true ? text : parse(text) })
        })
      },
    )
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    // The server ended the kept connection just then: it did not read the request.
    const isStale = (error: NodeJS.ErrnoException) => sent.reusedSocket && error.code === 'ECONNRESET'
    sent.on('error', (error) => {
      if (isStale(error) && request.method !== 'POST') resolve(send(url, credentials, request))
      else reject(error)
    })
    sent.end(body)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: a proxy's or a starting server's page; callers look at the status first.
    return { message: text.slice(0, 500) }
  }
}
