import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DatabaseOptions, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { type Service, startService } from '../test/journeys/house.ts'
import { startMariadb } from '../test/support/mariadb.ts'
import { measureEngine, showEngine } from './bench-engine.ts'
import { ask, type Load, load, show } from './bench-load.ts'
import { measurePages } from './bench-pages.ts'

const ACCOUNTS = 500
const REQUESTS = 4_000
const AT_ONCE = 16

interface Figures {
  readonly database: string
  /** From the first sign-up until the last account is delivered, its outside world in memory. */
  readonly signUpsPerSecond: number
  /** Of a core for each sign-up, with the API's part: the database server's is not in it. */
  readonly signUpCpuMs: number
  /** Requests per second of the hot path, and of one that touches nothing, on the same server. */
  readonly config: Load
  readonly ping: Load
}

/** Measures the service on both databases; figures that depend on the machine are shown beside the ratio that doesn't. */
export async function runBenchmarks(): Promise<void> {
  const figures: Figures[] = []
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-bench-'))
  const mariadb = await startMariadb()
  try {
    const sqlite = (name: string): DatabaseOptions => ({ kind: 'sqlite', path: join(folder, name) })
    console.log(`\nEngine, SQLite   ${showEngine(await measureEngine(sqlite('engine.db')))}`)
    console.log(`Engine, MariaDB  ${showEngine(await measureEngine(await mariadb.fresh()))}`)
    figures.push(await measure('SQLite', sqlite('bench.db')))
    figures.push(await measure('MariaDB', await mariadb.fresh()))
    console.log('\nPages of a service with a past, SQLite')
    await measurePages(sqlite('past.db'))
    console.log('\nPages of a service with a past, MariaDB')
    await measurePages(await mariadb.fresh())
  } finally {
    await mariadb.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  for (const { database, signUpsPerSecond, signUpCpuMs, config, ping } of figures) {
    console.log(`\n${database}`)
    console.log(
      `  sign-ups delivered          ${signUpsPerSecond.toFixed(0)}/s, CPU ${signUpCpuMs.toFixed(1)} ms (${ACCOUNTS} at once)`,
    )
    console.log(`  GET /api/v1/config/         ${show(config)}`)
    console.log(`  GET /api/v1/ping            ${show(ping)}`)
    console.log(`  config costs                ${(ping.perSecond / config.perSecond).toFixed(2)} pings`)
  }
}

async function measure(database: string, options: DatabaseOptions): Promise<Figures> {
  const [api, engine] = [openDatabase(options), openDatabase(options)]
  await migrate(engine)
  const service = await startService({ api, engine })
  try {
    const { body } = await service.bootstrap()
    await service.engine.start()
    const began = performance.now()
    const cpu = process.cpuUsage()
    const people = await signUp(service, body.admin.apikey as string)
    const signUpsPerSecond = ACCOUNTS / ((performance.now() - began) / 1000)
    const { user, system } = process.cpuUsage(cpu)
    const signUpCpuMs = (user + system) / 1000 / ACCOUNTS
    await service.inside.listen({ host: '127.0.0.1', port: 0 })
    const { port } = service.inside.server.address() as AddressInfo
    const asSomebody = (index: number) => people[index % people.length] ?? ''
    const config = await load(REQUESTS, AT_ONCE, (index) => ask(port, '/api/v1/config/?view=1', asSomebody(index)))
    const ping = await load(REQUESTS, AT_ONCE, (index) => ask(port, '/api/v1/ping', asSomebody(index)))
    return { database, signUpsPerSecond, signUpCpuMs, config, ping }
  } finally {
    await service.close()
    await Promise.all([api.destroy(), engine.destroy()])
  }
}

/** Orders all accounts at once and waits until each is delivered; returns their authorisations. */
async function signUp(service: Service, adminKey: string): Promise<string[]> {
  const admin = service.as('admin', adminKey)
  const names = Array.from({ length: ACCOUNTS }, (_, index) => `user${index}`)
  const made = await Promise.all(
    names.map((name) => admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })),
  )
  // Work goes on at once for the next in the queue; the last order is not always the last to end.
  for (const { body } of made) await service.ended(body.command)
  return made.map(({ body }, index) => `ApiKey ${names[index]}:${body.apikey}`)
}
