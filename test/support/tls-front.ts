import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { Pki } from '../../src/local/pki.ts'

/** HTTPS under names of one's choice, with a certificate of an authority that nobody knows. */
export interface TlsFront {
  readonly port: number
  /** File with the authority, as `REQUESTS_CA_BUNDLE` wants it. */
  readonly ca: string
  /** A proxy that leads every `https://` address here, as `HTTPS_PROXY` wants it. */
  readonly proxy: string
  close(): Promise<void>
}

/** Ends TLS on the loopback, and hands on what was in it. */
export async function startTlsFront(names: readonly string[], target: number): Promise<TlsFront> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-tls-'))
  const pki = new Pki(folder)
  await pki.ensureAuthority('ca')
  await pki.ensure('front', 'ca', { commonName: 'front', names })
  const open = new Set<Socket>()
  const pass = (from: Socket, port: number) => {
    const to = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => open.delete(one) && other.destroy())
      one.pipe(other)
    }
  }
  const front = createTlsServer(pki.read('front'), (socket) => pass(socket, target)).listen(0, '127.0.0.1')
  await once(front, 'listening')
  const { port } = front.address() as AddressInfo
  const proxy = createHttpServer().on('connect', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    pass(socket, port)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return {
    port,
    ca: pki.file('ca', 'crt'),
    proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of open) socket.destroy()
      await Promise.all([front, proxy].map(async (server) => await once(server.close(), 'close')))
      rmSync(folder, { recursive: true })
    },
  }
}
