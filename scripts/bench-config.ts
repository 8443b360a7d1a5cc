import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { startHouse } from '../src/api/testing.ts'
import { type DatabaseOptions, type Db, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { systemClock } from '../src/base/clock.ts'
import { type FromElsewhere, loadFromElsewhere, show } from './bench-load.ts'

const ACCOUNTS = 1_000
const REQUESTS = 10_000
const AT_ONCE = 16
/** Requests in a second, of a core. */
const AIM = 5_000

/** The call that every task of every worker makes, beside a route of the same answer that looks at nothing. */
export async function measureConfig(options: DatabaseOptions): Promise<void> {
  const db = openDatabase(options)
  await migrate(db)
  // Time goes as if so many came as are aimed at: what is remembered for seconds is asked as often as then, on a busy machine too.
  let asked = 0
  const began = Date.now()
  const clock = { ...systemClock, now: () => began + (asked * 1_000) / AIM, sleep: systemClock.sleep.bind(systemClock) }
  const house = await startHouse({ db, clock })
  house.inside.server.on('request', () => void (asked += 1))
  const bare = fastify()
  try {
    const people = await deliver(db, house.deps)
    const path = '/api/v1/config/?view=1'
    await house.inside.listen({ host: '127.0.0.1', port: 0 })
    const answer = await house.inside.inject({ url: path, headers: { authorization: people[0] ?? '' } })
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${answer.body}`)
    const same: unknown = answer.json()
    bare.get('/api/v1/config/', async () => same)
    await bare.listen({ host: '127.0.0.1', port: 0 })
    const at = (port: AddressInfo): FromElsewhere => ({
      port: port.port,
      path,
      people,
      count: REQUESTS,
      atOnce: AT_ONCE,
    })
    await loadFromElsewhere({ ...at(house.inside.server.address() as AddressInfo), count: 2 * ACCOUNTS })
    const config = await loadFromElsewhere(at(house.inside.server.address() as AddressInfo))
    const nothing = await loadFromElsewhere(at(bare.server.address() as AddressInfo))
    console.log(`  GET /api/v1/config/         ${show(config)}: ${perCore(config.cpuMs)}`)
    console.log(`  a bare Fastify route        ${show(nothing)}: ${perCore(nothing.cpuMs)}`)
    console.log(`  config costs                ${(config.cpuMs / nothing.cpuMs).toFixed(1)} bare routes by CPU`)
  } finally {
    await Promise.all([house.close(), bare.close()])
    await db.destroy()
  }
}

const perCore = (cpuMs: number): string => `${(1_000 / cpuMs).toFixed(0)}/s of a core of its own`

/** Accounts as the engine leaves them; returns how each signs in. */
async function deliver(
  db: Db,
  { accounts, deployments }: Awaited<ReturnType<typeof startHouse>>['deps'],
): Promise<string[]> {
  const made = { role: 'user', rights: [], passwordHash: null } as const
  return await db.transaction().execute(async (tx) => {
    const people: string[] = []
    for (let number = 0; number < ACCOUNTS; number += 1) {
      const name = `user${number}`
      const { account, apikey } = await accounts.create(tx, { ...made, name, email: `${name}@example.org` })
      await deployments.ensurePending(tx, account, 'omegaml')
      await deployments.settle(tx, account.id, 'omegaml', { outcome: 'completed' })
      people.push(`ApiKey ${name}:${apikey}`)
    }
    return people
  })
}
