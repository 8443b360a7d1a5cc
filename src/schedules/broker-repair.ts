import { type Account, planOf } from '../accounts/account.ts'
import { listAccounts } from '../accounts/store.ts'
import type { Rabbitmq } from '../adapters/rabbitmq/port.ts'
import type { Clock } from '../base/clock.ts'
import { explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { Status } from '../base/status.ts'
import { submitCommand } from '../commands/submit.ts'
import type { Db } from '../db/database.ts'
import type { Deployments } from '../deployments/deployments.ts'
import { findDeployment } from '../deployments/store.ts'

export interface BrokerRepairParts {
  readonly db: Db
  readonly deployments: Deployments
  readonly broker: Pick<Rabbitmq, 'listVhosts' | 'listUsers' | 'findPermissions'>
  readonly clock: Clock
  readonly log: Log
}

export const REPAIR_EVERY_MS = 900_000
const PAGE = 500
/** As history tells who asked. */
const REQUESTER = 'broker-repair'

/**
 * Orders anew what an active account was delivered where the broker lost its virtual host, user or rights. Only looks
 * itself; the order's own steps bring back what is missing. One account's trouble is logged.
 */
export async function repairBroker(parts: BrokerRepairParts): Promise<void> {
  const { db, broker, log } = parts
  const seen = { vhosts: new Set(await broker.listVhosts()), users: new Set(await broker.listUsers()) }
  for (let after: string | undefined; ; ) {
    const accounts = await listAccounts(db, { after, limit: PAGE })
    for (const account of accounts.filter(({ active }) => active)) {
      try {
        await repairFor(account, seen, parts)
      } catch (error) {
        log.warn('broker access was not looked at', { account: account.name, reason: explain(error) })
      }
    }
    after = accounts.at(-1)?.name
    if (accounts.length < PAGE) return
  }
}

interface BrokerSeen {
  readonly vhosts: ReadonlySet<string>
  readonly users: ReadonlySet<string>
}

async function repairFor(account: Account, seen: BrokerSeen, parts: BrokerRepairParts): Promise<void> {
  const { db, deployments, clock, log } = parts
  const plan = planOf(account)
  const row = plan === undefined ? undefined : await findDeployment(db, account.id, plan)
  // What is being changed, or failed, is the business of its own order.
  if (plan === undefined || row?.readyAt === undefined || row.status !== Status.completed) return
  const settings = await deployments.storedSettings(db, account.id, plan)
  const missing = await missingFor(settings?.qualifiers['default'], seen, parts)
  if (missing === undefined) return
  const idempotencyKey = `${account.id}-${Math.floor(clock.now() / REPAIR_EVERY_MS)}`
  const order = { plan, phase: 'install', subject: account.id, requestedBy: REQUESTER, idempotencyKey } as const
  const { id } = await submitCommand(db, order)
  log.warn('broker access is ordered anew', { account: account.name, missing, command: id })
}

async function missingFor(
  access: { brokervhost?: string | undefined; brokeruser?: string | undefined } | undefined,
  { vhosts, users }: BrokerSeen,
  { broker }: BrokerRepairParts,
): Promise<string | undefined> {
  const { brokervhost: vhost, brokeruser: user } = access ?? {}
  if (vhost === undefined || user === undefined) return undefined
  if (!vhosts.has(vhost)) return 'virtual host'
  if (!users.has(user)) return 'user'
  return (await broker.findPermissions(vhost, user)) === undefined ? 'rights' : undefined
}
