import { readFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import { rootCertificates } from 'node:tls'
import { AppError } from '../../base/errors.ts'
import type { HttpProbe, Network } from './port.ts'

const TIMEOUT_MS = 5000

/** The real one. */
export function createNetwork(): Network {
  return {
    httpStatus: (probe) => answered(`asking ${probe.url}`, () => httpStatus(probe)),
    tcpOpen: (host, port) => answered(`connecting to ${host}:${port}`, () => tcpOpen(host, port)),
  }
}

async function httpStatus({ url, host, caFile }: HttpProbe): Promise<number> {
  const ca = caFile === undefined ? undefined : [...rootCertificates, await readFile(caFile, 'utf8')]
  const headers = host === undefined ? {} : { host }
  const options = { headers, timeout: TIMEOUT_MS, agent: false, ...(ca === undefined ? {} : { ca }) } as const
  return await new Promise((resolve, reject) => {
    const sent = (url.startsWith('https:') ? https : http).get(url, options, (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    sent.on('error', reject)
  })
}

async function tcpOpen(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS }, () => {
      socket.destroy()
      resolve()
    })
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    socket.on('error', reject)
  })
}

async function answered<T>(attempted: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (cause) {
    throw new AppError('unavailable', 'no-answer', attempted, { cause })
  }
}
