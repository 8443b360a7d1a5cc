import https from 'node:https'
import { AppError } from '../../base/errors.ts'
import type { Disk, Kubelets } from './port.ts'

export interface KubeletAccess {
  /** Of an account without any other right: whoever has the node could keep what it is shown. */
  readonly token: () => Promise<string>
  /** PEM of the authority that signs the kubelets' certificates: nobody else is shown the token. */
  readonly ca: () => string
  readonly timeoutMs?: number | undefined
}

const TIMEOUT_MS = 3_000
/** A node with a thousand pods says less. */
const MAX_BYTES = 16_000_000
const PATH = '/stats/summary'

/** The real ones. */
export function createKubelets({ token, ca, timeoutMs = TIMEOUT_MS }: KubeletAccess): Kubelets {
  return {
    disk: async ({ address, port }) => {
      const attempted = `asking the kubelet at ${address}:${port} for its figures`
      const authorization = `Bearer ${await token()}`
      const options = { host: address, port, path: PATH, ca: ca(), headers: { authorization }, agent: false }
      const { status, text } = await ask({ ...options, signal: AbortSignal.timeout(timeoutMs) }).catch((cause) => {
        throw new AppError('unavailable', 'kubelet-unreachable', attempted, { cause })
      })
      if (status === 401 || status === 403) {
        const cause = new Error(text.slice(0, 500) || `HTTP status ${status}`)
        throw new AppError('forbidden', 'kubelet-forbidden', attempted, { cause })
      }
      if (status !== 200) {
        const cause = new Error(`HTTP status ${status}`)
        throw new AppError('unavailable', 'kubelet-unreachable', attempted, { cause })
      }
      return diskOf(text)
    },
  }
}

function diskOf(text: string): Disk | undefined {
  try {
    const { node } = JSON.parse(text) as { node?: { fs?: Partial<Disk> } }
    const { capacityBytes, availableBytes } = node?.fs ?? {}
    if (typeof capacityBytes !== 'number' || typeof availableBytes !== 'number') return undefined
    return { capacityBytes, availableBytes }
  } catch {
    // No JSON: it is no kubelet's answer, and says nothing about a disk.
    return undefined
  }
}

function ask(options: https.RequestOptions): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = https.get(options, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > MAX_BYTES) sent.destroy(new Error(`it answers more than ${MAX_BYTES / 1e6} MB`))
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    sent.on('error', reject)
  })
}
