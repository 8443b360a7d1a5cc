import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { systemClock } from '../base/clock.ts'
import { AppError, explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { gatewayApi, operatorApi } from './api.ts'
import { Clusters } from './clusters.ts'
import { findJson, writeJson } from './files.ts'
import { ensureKeeper } from './keeper.ts'
import { cloudPaths, type CloudPaths } from './paths.ts'
import { findProcess, isAlive, type ProcessId } from './processes.ts'

/** The kernel's limit. */
const longestSocketPath = 107

/** Runs until it is asked to end; the cluster does not need it to go on. */
export async function serve(folder: string, binDir: string, log: Log): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const paths = cloudPaths(folder)
  if (Buffer.byteLength(paths.socket) > longestSocketPath) {
    throw new AppError(
      'invalid',
      'state-folder',
      `${paths.socket} is too long for a socket's name: choose a state folder with a shorter path`,
    )
  }
  claim(paths.supervisor, folder)
  const clusters = new Clusters(folder, binDir, systemClock, log)
  await clusters.start()
  const app = operatorApi(clusters, log)
  rmSync(paths.socket, { force: true })
  await app.listen({ path: paths.socket })
  chmodSync(paths.socket, 0o600)
  await ensureKeeper(paths, binDir)
  log.info('local cloud serves', { socket: paths.socket })
  const ended = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ended.abort())
  const gateway = keepGateway(clusters, ended.signal, log)
  const keeper = setInterval(() => void lookAround(paths, binDir, ended), 2000)
  await new Promise((resolve) => ended.signal.addEventListener('abort', resolve))
  clearInterval(keeper)
  clusters.stop()
  await Promise.all([app.close(), gateway])
  if (isMine(paths)) rmSync(paths.supervisor, { force: true })
  // Work that was under way is continued by the next one; nothing of it may hold this one back.
  process.exit(0)
}

/** Somebody looks after this process, and it still is the one that serves this folder. */
async function lookAround(paths: CloudPaths, binDir: string, ended: AbortController): Promise<void> {
  if (!isMine(paths)) return ended.abort()
  await ensureKeeper(paths, binDir)
}

function isMine(paths: CloudPaths): boolean {
  return findJson<ProcessId>(paths.supervisor)?.pid === process.pid
}

/** Two on one folder would undo each other's work. */
function claim(file: string, folder: string): void {
  const other = findJson<ProcessId>(file)
  if (other !== undefined && isAlive(other)) {
    throw new AppError('conflict', 'already-served', `process ${other.pid} serves the local cloud in ${folder} already`)
  }
  writeJson(file, findProcess(process.pid))
}

/** The gateway's address exists only while the first cluster does. */
async function keepGateway(clusters: Clusters, ended: AbortSignal, log: Log): Promise<void> {
  let open: { app: FastifyInstance; token: string } | undefined
  while (!ended.aborted) {
    const first = clusters.firstCluster()
    const cluster = first?.record.removing === true ? undefined : first
    const token = cluster?.record.gatewayToken
    if (open !== undefined && open.token !== token) {
      await open.app.close()
      open = undefined
    }
    if (open === undefined && cluster !== undefined && token !== undefined) {
      const app = gatewayApi(clusters, token, cluster.site.pki.read('gateway'), log)
      try {
        await app.listen({ host: cluster.site.addresses.uplink.host, port: cluster.site.addresses.ports.gateway })
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
