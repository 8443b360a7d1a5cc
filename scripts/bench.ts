import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DatabaseOptions, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { startService } from '../test/journeys/house.ts'
import { startMariadb } from '../test/support/mariadb.ts'
import { measureConfig } from './bench-config.ts'
import { measureEngine, showEngine } from './bench-engine.ts'
import { measureNamespaces } from './bench-namespaces.ts'
import { measurePages } from './bench-pages.ts'
import { measurePods } from './bench-pods.ts'
import { measureSite } from './bench-site.ts'
import { prepareE2e, prepareIntegration } from './prepare.ts'

const ACCOUNTS = 500

type Measure = (options: DatabaseOptions) => Promise<void>

/** What is measured on each database. */
const onDatabases: Readonly<Record<string, Measure>> = {
  engine: async (options) => console.log(`  ${showEngine(await measureEngine(options))}`),
  config: measureConfig,
  'sign-ups': measureSignUps,
  pages: measurePages,
}
/** What is measured on a real API server. */
const onCluster: Readonly<Record<string, () => Promise<void>>> = {
  namespaces: measureNamespaces,
  pods: async () => await measurePods(),
}
const names = [...Object.keys(onDatabases), ...Object.keys(onCluster), 'site']

/** `npm run bench -- [name …]`: measures all of them, or those that are named. Nothing is asserted. */
export async function runBenchmarks(wanted: readonly string[]): Promise<boolean> {
  const unknown = wanted.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    console.error(`there is no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}`)
    return false
  }
  const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name)
  const some = Object.entries(onDatabases).filter(([name]) => isWanted(name))
  if (some.length > 0) await measureOnDatabases(some)
  const others = Object.entries(onCluster).filter(([name]) => isWanted(name))
  if (others.length > 0) Object.assign(process.env, await prepareIntegration())
  for (const [, measure] of others) await measure()
  if (isWanted('site')) {
    Object.assign(process.env, await prepareE2e())
    await measureSite()
  }
  return true
}

async function measureOnDatabases(measures: readonly (readonly [string, Measure])[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-bench-'))
  const mariadb = await startMariadb()
  try {
    for (const [name, measure] of measures) {
      console.log(`\n${name}, SQLite`)
      await measure({ kind: 'sqlite', path: join(folder, `${name}.db`) })
      console.log(`\n${name}, MariaDB`)
      await measure(await mariadb.fresh())
    }
  } finally {
    await mariadb.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Orders all accounts at once and waits until each is delivered, the outside world in memory: our own share of a sign-up. */
async function measureSignUps(options: DatabaseOptions): Promise<void> {
  const [api, engine] = [openDatabase(options), openDatabase(options)]
  await migrate(engine)
  const service = await startService({ api, engine })
  try {
    const { body } = await service.bootstrap()
    await service.engine.start()
    const admin = service.as('admin', body.admin.apikey as string)
    const began = performance.now()
    const cpu = process.cpuUsage()
    const people = Array.from({ length: ACCOUNTS }, (_, index) => `user${index}`)
    const made = await Promise.all(
      people.map((name) => admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })),
    )
    // Work goes on at once for the next in the queue; the last order is not always the last to end.
    for (const { body: account } of made) await service.ended(account.command)
    const { user, system } = process.cpuUsage(cpu)
    const perSecond = ACCOUNTS / ((performance.now() - began) / 1_000)
    const cpuMs = (user + system) / 1_000 / ACCOUNTS
    console.log(`  ${perSecond.toFixed(0)}/s, CPU ${cpuMs.toFixed(1)} ms each (${ACCOUNTS} at once)`)
  } finally {
    await service.close()
    await Promise.all([api.destroy(), engine.destroy()])
  }
}
