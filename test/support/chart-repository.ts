import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { execa } from 'execa'
import { needProgram } from './programs.ts'
import { startTlsFront } from './tls-front.ts'

/** A repository of charts behind the address that the catalogue names: HTTPS, whose authority and proxy are in `env`. */
export interface ChartRepository {
  readonly env: { readonly HTTPS_PROXY: string; readonly SSL_CERT_FILE: string }
  close(): Promise<void>
}

/** Serves one chart, given as files by their paths. */
export async function startChartRepository(
  host: string,
  files: Readonly<Record<string, string>>,
): Promise<ChartRepository> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-charts-'))
  const chart = join(folder, 'chart')
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(chart, path)), { recursive: true })
    writeFileSync(join(chart, path), text)
  }
  const served = join(folder, 'served')
  mkdirSync(served)
  const helm = async (...words: string[]) => void (await execa(needProgram('helm'), words, { env: { HOME: folder } }))
  await helm('package', chart, '--destination', served)
  await helm('repo', 'index', served)
  const server = createServer(({ url = '' }, answer) => {
    try {
      answer.end(readFileSync(join(served, basename(url))))
    } catch {
      answer.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const front = await startTlsFront([host], (server.address() as AddressInfo).port)
  const ca = join(folder, 'ca.crt')
  cpSync(front.ca, ca)
  return {
    env: { HTTPS_PROXY: front.proxy, SSL_CERT_FILE: ca },
    close: async () => {
      await front.close()
      server.close().closeAllConnections()
      rmSync(folder, { recursive: true })
    },
  }
}
