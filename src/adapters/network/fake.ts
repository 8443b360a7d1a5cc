import { AppError } from '../../base/errors.ts'
import type { Network } from './port.ts'

export interface FakeNetwork extends Network {
  setStatus(url: string, status: number | undefined): void
  setOpen(host: string, port: number, isOpen: boolean): void
}

/** Everything answers, with status 200, unless a test says otherwise. */
export function createFakeNetwork(): FakeNetwork {
  const statuses = new Map<string, number | undefined>()
  const closed = new Set<string>()
  return {
    httpStatus: async ({ url }) => {
      const status = statuses.has(url) ? statuses.get(url) : 200
      if (status === undefined) throw new AppError('unavailable', 'no-answer', `asking ${url}`)
      return status
    },
    tcpOpen: async (host, port) => {
      if (closed.has(`${host}:${port}`)) throw new AppError('unavailable', 'no-answer', `connecting to ${host}:${port}`)
    },
    setStatus: (url, status) => void statuses.set(url, status),
    setOpen: (host, port, isOpen) => void (isOpen ? closed.delete(`${host}:${port}`) : closed.add(`${host}:${port}`)),
  }
}
