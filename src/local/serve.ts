import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { systemClock } from '../base/clock.ts'
import { AppError, explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { ports } from './addresses.ts'
import { gatewayApi, operatorApi } from './api.ts'
import { findJson, writeJson } from './files.ts'
import { ensureKeeper } from './keeper.ts'
import { cloudPaths } from './paths.ts'
import { findProcess, isAlive, type ProcessId } from './processes.ts'
import { Supervisor } from './supervisor.ts'

/** Runs until it is asked to end; the cluster does not need it to go on. */
export async function serve(folder: string, binDir: string, log: Log): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const paths = cloudPaths(folder)
  claim(paths.supervisor, folder)
  const supervisor = new Supervisor(folder, binDir, systemClock, log)
  await supervisor.start()
  const app = operatorApi(supervisor, log)
  rmSync(paths.socket, { force: true })
  await app.listen({ path: paths.socket })
  chmodSync(paths.socket, 0o600)
  await ensureKeeper(paths, binDir)
  log.info('local cloud serves', { socket: paths.socket })
  const ended = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ended.abort())
  const gateway = keepGateway(supervisor, ended.signal, log)
  await new Promise((resolve) => ended.signal.addEventListener('abort', resolve))
  supervisor.stop()
  await Promise.all([app.close(), gateway])
  rmSync(paths.supervisor, { force: true })
  // Work that was under way is continued by the next one; nothing of it may hold this one back.
  process.exit(0)
}

/** Two on one folder would undo each other's work. */
function claim(file: string, folder: string): void {
  const other = findJson<ProcessId>(file)
  if (other !== undefined && isAlive(other)) {
    throw new AppError('conflict', 'already-served', `process ${other.pid} serves the local cloud in ${folder} already`)
  }
  writeJson(file, findProcess(process.pid))
}

/** The gateway's address exists only while the cluster does. */
async function keepGateway(supervisor: Supervisor, ended: AbortSignal, log: Log): Promise<void> {
  let open: { app: FastifyInstance; token: string } | undefined
  while (!ended.aborted) {
    const cluster = supervisor.listClusters().find(({ record }) => record.removing !== true)
    const token = cluster?.record.gatewayToken
    if (open !== undefined && open.token !== token) {
      await open.app.close()
      open = undefined
    }
    if (open === undefined && cluster !== undefined && token !== undefined) {
      const app = gatewayApi(supervisor, token, cluster.site.pki.read('gateway'), log)
      try {
        await app.listen({ host: cluster.site.addresses.uplink.host, port: ports.gateway })
        open = { app, token }
      } catch (error) {
        log.warn('gateway not open yet', { error: explain(error) })
      }
    }
    await delay(1000, undefined, { signal: ended }).catch(() => {
      // Asked to end while waiting.
    })
  }
  await open?.app.close()
}
