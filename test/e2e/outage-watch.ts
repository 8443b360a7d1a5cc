import { MongoClient } from 'mongodb'
import { signIn } from '../support/amqp.ts'
import { configOf, type Person } from './people.ts'

/** What users need of a site at any moment. */
export type Service = 'api' | 'database' | 'broker'

const LOOK_MS = 250
/** A busy machine answers late, and that is no outage. */
const PATIENCE_MS = 4_000

/**
 * Looks four times a second whether a user reaches API, database and broker, as clients do: by the site's names, with the
 * user's own credentials.
 */
export class OutageWatch {
  /** Milliseconds of the first and the last look that failed. */
  private readonly failures = new Map<Service, { first: number; last: number }>()
  private readonly answered = new Map<Service, number>()
  private readonly stopping = new AbortController()
  private readonly running: Promise<unknown>

  private constructor(looks: Readonly<Record<Service, () => Promise<void>>>) {
    const all = Object.entries(looks) as [Service, () => Promise<void>][]
    this.running = Promise.all(all.map(async ([service, look]) => await this.watch(service, look)))
  }

  static async of(who: Person): Promise<OutageWatch> {
    const { database, broker } = await addresses(who)
    return new OutageWatch({
      api: async () => void (await configOf(who)),
      database: async () => void (await documentsIn(database)),
      broker: async () => await signIn(broker),
    })
  }

  /** Waits until all answer again, and says for how many seconds each did not. */
  async end(): Promise<Readonly<Record<Service, number>>> {
    const from = Date.now()
    while (['api', 'database', 'broker'].some((one) => (this.answered.get(one as Service) ?? 0) < from)) {
      if (Date.now() - from > 120_000) throw new Error(`not back after two minutes: ${JSON.stringify(this.seconds())}`)
      await pause(LOOK_MS)
    }
    this.stopping.abort()
    await this.running
    return this.seconds()
  }

  private seconds(): Record<Service, number> {
    const of = (service: Service): number => {
      const failed = this.failures.get(service)
      return failed === undefined ? 0 : Math.round((failed.last - failed.first + LOOK_MS) / 100) / 10
    }
    return { api: of('api'), database: of('database'), broker: of('broker') }
  }

  private async watch(service: Service, look: () => Promise<void>): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const began = Date.now()
      try {
        await within(PATIENCE_MS, look())
        this.answered.set(service, began)
      } catch {
        // That it fails is what is looked for; until when is known once it answers.
        const first = this.failures.get(service)?.first ?? began
        this.failures.set(service, { first, last: Date.now() })
      }
      await pause(LOOK_MS)
    }
  }
}

/** Documents of each of the user's collections. */
export async function documentsOf(who: Person): Promise<Readonly<Record<string, number>>> {
  return await documentsIn((await addresses(who)).database)
}

async function documentsIn(url: string): Promise<Record<string, number>> {
  // As the client has it: users are those of the server.
  const patience = { serverSelectionTimeoutMS: PATIENCE_MS, connectTimeoutMS: PATIENCE_MS }
  const client = new MongoClient(url, { authSource: 'admin', ...patience })
  try {
    const db = client.db()
    const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).toSorted()
    const counts = names.map(async (name) => [name, await db.collection(name).countDocuments()] as const)
    return Object.fromEntries(await Promise.all(counts))
  } finally {
    await client.close()
  }
}

async function addresses(who: Person) {
  const config = await configOf(who)
  const celery = config['OMEGA_CELERY_CONFIG'] as unknown as { BROKER_URL: string }
  const { hostname: host, port, username, password, pathname } = new URL(celery.BROKER_URL)
  const broker = { host, port: Number(port), user: username, password, vhost: decodeURIComponent(pathname.slice(1)) }
  return { database: config['OMEGA_MONGO_URL'] ?? '', broker }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
