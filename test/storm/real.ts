import { setTimeout as delay } from 'node:timers/promises'
import { lookAtWorld } from '../integration/plans/world.ts'
import { adaptersOf, type RealOutside, siteOf } from '../support/real-outside.ts'
import type { Interruptible } from '../support/server-process.ts'
import type { StormOutside } from './outside.ts'

/**
 * Real MongoDB, RabbitMQ, JupyterHub, MariaDB, Kubernetes (API and controllers, without nodes), Helm, OpenTofu and its
 * provider against a local cloud that keeps what it is told. Their servers are killed as well as the engines.
 */
export async function realOutside(real: RealOutside, random: (below: number) => number): Promise<StormOutside> {
  const access = await real.access()
  const adapters = await adaptersOf(access)
  const before = new Set(await lookAtWorld(real, adapters))
  const parts = [real.mongod, real.ownMongod, real.rabbitmq, real.cluster, real.mariadb]
  const away = new Map<Interruptible, Promise<void>>()
  let outages = 0
  let next = Date.now() + 5_000
  const takeAway = async (part: Interruptible, ms: number): Promise<void> => {
    await part.halt()
    await delay(ms)
    await comeBack(part)
    away.delete(part)
  }
  return {
    orders: { database: access.database, keys: access.keys, folder: access.folder, leaseMs: 10_000, access },
    site: siteOf(access),
    adapterOf: () => ({}),
    left: async () => {
      const now = await lookAtWorld(real, adapters)
      // The shared virtual host and its workers' queue are the site's.
      return now.filter(
        (line) => !before.has(line) && !/^(vhost omegaml|rights omegaml .*|queue omegaml default)$/.test(line),
      )
    },
    disturb: async () => {
      if (Date.now() < next) return
      next = Date.now() + 5_000 + random(15_000)
      const part = parts[random(parts.length)]
      if (part === undefined || away.has(part)) return
      outages += 1
      const taken = takeAway(part, 1_000 + random(8_000))
      away.set(part, taken)
      // Without its database the API, which is this process's, takes no orders.
      if (part === real.mariadb) await taken
    },
    calm: async () => {
      next = Number.POSITIVE_INFINITY
      await Promise.all(away.values())
    },
    outages: () => outages,
    shortestLifeMs: 3_000,
    settleMs: 900_000,
  }
}

/** On a machine that has no time for it a server may take too long to start: it is started again. */
async function comeBack(part: Interruptible, attempts = 5): Promise<void> {
  try {
    await part.resume()
  } catch (error) {
    if (attempts === 1) throw error
    await part.halt()
    await comeBack(part, attempts - 1)
  }
}
