import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Keeps Terraform's states as backend `http` wants it, for who has the password. */
export interface StateServer {
  readonly port: number
  /** By path, such as `/cluster`. */
  readonly stored: Map<string, string>
  /** Paths of states that somebody holds. */
  readonly locks: Set<string>
  /** It answers nobody. */
  away: boolean
  stop(): void
}

export async function startStateServer(user: string, password: string): Promise<StateServer> {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const server = createServer((request, response) => {
    void answer(request).then(([status, body]) => response.writeHead(status).end(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const kept: StateServer = {
    port: (server.address() as AddressInfo).port,
    stored: new Map(),
    locks: new Set(),
    away: false,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  const answer = async (request: IncomingMessage): Promise<[number, string]> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (kept.away) return [500, '']
    if (request.headers.authorization !== expected) return [401, '']
    const path = (request.url ?? '').split('?')[0] ?? ''
    switch (request.method) {
      case 'GET':
        return kept.stored.has(path) ? [200, kept.stored.get(path) ?? ''] : [404, '']
      case 'POST':
        kept.stored.set(path, Buffer.concat(chunks).toString())
        return [200, '']
      case 'LOCK':
        if (kept.locks.has(path)) return [423, JSON.stringify({ ID: 'of-a-dead-run', Who: 'somebody' })]
        kept.locks.add(path)
        return [200, '']
      case 'UNLOCK':
        kept.locks.delete(path)
        return [200, '']
      default:
        return [405, '']
    }
  }
  return kept
}
