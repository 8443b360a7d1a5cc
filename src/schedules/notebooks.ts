import { randomUUID } from 'node:crypto'
import { type Account, planOf } from '../accounts/account.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { findAccountById } from '../accounts/store.ts'
import type { Amqp } from '../adapters/amqp/port.ts'
import type { Clock } from '../base/clock.ts'
import { explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Db } from '../db/database.ts'
import { configFor } from '../deployments/config.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { Settings } from '../deployments/settings.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import { claimRun, dueDeployments } from './store.ts'
import { taskMessage } from './task-message.ts'

export interface NotebookScheduleParts {
  readonly db: Db
  readonly accounts: Accounts
  readonly deployments: Deployments
  readonly site: SiteFacts
  readonly amqp: Amqp
  readonly clock: Clock
  readonly log: Log
}

const PLAN = 'scheduler'
/** Starts what is due in the account's notebooks, by what they say themselves. */
const TASK = 'omegaml.notebook.tasks.execute_scripts'
export const RUN_EVERY_MS = 900_000

/** Lets the workers of every account with plan `scheduler` look for notebooks that are due; one account's trouble is logged. */
export async function runScheduledNotebooks(parts: NotebookScheduleParts): Promise<void> {
  const { db, clock, log } = parts
  const since = clock.now() - RUN_EVERY_MS
  for (const { id, accountId } of await dueDeployments(db, PLAN, since)) {
    const account = await findAccountById(db, accountId)
    if (account === undefined || !account.active) continue
    // Before it is sent: a run that is lost comes again soon, one that is sent twice would run notebooks twice.
    if (!(await claimRun(db, id, since, clock.now()))) continue
    try {
      await sendFor(account, parts)
    } catch (error) {
      log.warn('scheduled notebooks were not started', { account: account.name, reason: explain(error) })
    }
  }
}

async function sendFor(account: Account, parts: NotebookScheduleParts): Promise<void> {
  const { accounts, deployments } = parts
  const settings = await deployments.servedSettings(account.id, planOf(account) ?? 'omegaml')
  if (settings === undefined) return
  const apikey = await accounts.apiKeyOf(account)
  // Notebooks that somebody shares are started for their owner alone.
  const own = Object.entries(settings.qualifiers).flatMap(([name, { sharedBy }]) =>
    sharedBy === undefined ? [name] : [],
  )
  for (const qualifier of own) await send({ account, apikey, settings, qualifier }, parts)
}

interface Whose {
  readonly account: Account
  readonly apikey: string
  readonly settings: Settings
  readonly qualifier: string
}

async function send({ account, apikey, settings, qualifier }: Whose, parts: NotebookScheduleParts): Promise<void> {
  const { site } = parts
  const qualifiers = [qualifier]
  const config = configFor({ userid: account.name, apikey, settings, site, qualifier, qualifiers, inCluster: true })
  const celery = config['OMEGA_CELERY_CONFIG'] as {
    BROKER_URL: string
    BROKER_USE_SSL: boolean
    CELERY_DEFAULT_QUEUE: string
  }
  const auth = [account.name, apikey, qualifier] as const
  const message = taskMessage({ name: TASK, id: randomUUID(), auth, expiresMs: RUN_EVERY_MS })
  await parts.amqp.send({ url: celery.BROKER_URL, tls: celery.BROKER_USE_SSL }, celery.CELERY_DEFAULT_QUEUE, message)
}
