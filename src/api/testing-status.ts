import type { Role } from '../accounts/account.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { createFakeMongodb, type FakeMongodb } from '../adapters/mongodb/fake.ts'
import { createFakeRabbitmq, type FakeRabbitmq } from '../adapters/rabbitmq/fake.ts'
import type { Clock } from '../base/clock.ts'
import { must } from '../base/errors.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import type { Qualifier } from '../deployments/settings.ts'
import { AccountStatus } from '../status/status.ts'
import { startHouse, testSite, type TestHouse } from './testing.ts'

/** A house whose outside is a cluster, a broker and a database in memory. */
export interface StatusHouse extends TestHouse {
  readonly clock: Clock
  readonly kubernetes: FakeKubernetes
  readonly rabbitmq: FakeRabbitmq
  readonly mongodb: FakeMongodb
  /** An account as the engine would leave it, with namespace and database user where it gets any; answers its API key. */
  settled(name: string, role?: Role): Promise<string>
  /** What the account signs in to its database and broker with. */
  qualifierOf(name: string): Promise<Qualifier>
}

export async function startStatusHouse(): Promise<StatusHouse> {
  const time = { now: Date.parse('2026-11-24T08:00:00Z') }
  const clock: Clock = { now: () => time.now, sleep: async () => {} }
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  const [kubernetes, rabbitmq, mongodb] = [createFakeKubernetes(), createFakeRabbitmq(), createFakeMongodb()]
  const status = new AccountStatus({ db, clock, site: testSite, kubernetes, broker: rabbitmq, databases: mongodb })
  const house = await startHouse({ db, clock, status })
  const { accounts, deployments } = house.deps
  await rabbitmq.ensureVhost(testSite.broker.vhost)

  const qualifierOf = async (name: string): Promise<Qualifier> => {
    const settings = await deployments.servedSettings((await accounts.get(db, name)).id, 'omegaml')
    return must(settings?.qualifiers['default'], `settings of ${name}`)
  }
  const settled = async (name: string, role: Role = 'user'): Promise<string> => {
    const wanted = { name, email: `${name}@example.org`, role, rights: [], passwordHash: null }
    const { account, apikey } = await db.transaction().execute((tx) => accounts.create(tx, wanted))
    if (role !== 'user') return apikey
    await deployments.ensurePending(db, account, 'omegaml')
    await deployments.settle(db, account.id, 'omegaml', { outcome: 'completed' })
    const { mongouser: user, mongopassword: password, mongodbname } = await qualifierOf(name)
    await mongodb.ensureUser({ user, password, databases: [mongodbname] })
    await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `om-${name}` } })
    return apikey
  }
  const close = async () => {
    await house.close()
    await db.destroy()
  }
  return { ...house, time, clock, kubernetes, rabbitmq, mongodb, settled, qualifierOf, close }
}
