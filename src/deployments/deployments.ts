import type { Account } from '../accounts/account.ts'
import { Cache } from '../base/cache.ts'
import type { Clock } from '../base/clock.ts'
import type { KeyRing } from '../base/key-ring.ts'
import { randomWord } from '../base/secrets.ts'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { newSettings, type Settings, settingsSchema, type WordMaker } from './settings.ts'
import type { SiteFacts } from './site-facts.ts'
import * as store from './store.ts'

/** Settings change by rotation and removal only; another process sees them this much later. */
const REMEMBERED_MS = 3_000

/** What an account was delivered, and the settings that came with it. */
export class Deployments {
  private readonly db: Db
  private readonly keys: KeyRing
  private readonly site: SiteFacts
  private readonly clock: Clock
  private readonly word: WordMaker
  private readonly served: Cache<Settings>

  constructor(deps: { db: Db; keys: KeyRing; site: SiteFacts; clock: Clock; word?: WordMaker }) {
    this.db = deps.db
    this.keys = deps.keys
    this.site = deps.site
    this.clock = deps.clock
    this.word = deps.word ?? randomWord
    this.served = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
  }

  /** Settings of a deployment that serves (also while it is being re-ensured); the hot path of the config call. */
  async servedSettings(accountId: number, plan: string): Promise<Settings | undefined> {
    return await this.served.get(`${accountId} ${plan}`, async () => {
      const row = await store.findDeployment(this.db, accountId, plan)
      if (row?.sealed === undefined || row.readyAt === undefined) return undefined
      return this.open(row.sealed, accountId, plan)
    })
  }

  /** Settings as stored, also before they serve; `undefined` when there are none. */
  async storedSettings(db: Db, accountId: number, plan: string): Promise<Settings | undefined> {
    const row = await store.findDeployment(db, accountId, plan)
    return row?.sealed === undefined ? undefined : this.open(row.sealed, accountId, plan)
  }

  /** The row and its settings, made once; an install that is repeated finds what the first one made. */
  async ensurePending(tx: Db, account: Account, plan: string): Promise<void> {
    const now = this.clock.now()
    const row = await store.findDeployment(tx, account.id, plan)
    const status = Status.pending
    if (row?.sealed !== undefined) return await store.updateDeployment(tx, row.id, { status, message: null }, now)
    const sealed = this.seal(newSettings(plan, account, this.site, this.word), account.id, plan)
    if (row === undefined) return await store.insertDeployment(tx, { accountId: account.id, plan, status, sealed, now })
    await store.updateDeployment(tx, row.id, { status, sealed, message: null }, now)
  }

  /** New passwords, same names: the data stays where it is. */
  async renewPasswords(tx: Db, account: Account, plan: string): Promise<void> {
    const row = await store.findDeployment(tx, account.id, plan)
    if (row?.sealed === undefined) return
    const settings = this.open(row.sealed, account.id, plan)
    const qualifiers = Object.fromEntries(
      Object.entries(settings.qualifiers).map(([name, qualifier]) => [
        name,
        { ...qualifier, mongopassword: this.word(32), brokerpassword: this.word(32) },
      ]),
    )
    const sealed = this.seal({ ...settings, qualifiers }, account.id, plan)
    await store.updateDeployment(tx, row.id, { sealed }, this.clock.now())
    this.forget(account.id, plan)
  }

  /** From here on its config is not given out any more. */
  async beginRemoval(tx: Db, accountId: number, plan: string): Promise<void> {
    const row = await store.findDeployment(tx, accountId, plan)
    if (row === undefined) return
    const change = { status: Status.pending, readyAt: null, message: null }
    await store.updateDeployment(tx, row.id, change, this.clock.now())
    this.forget(accountId, plan)
  }

  async settle(tx: Db, accountId: number, plan: string, outcome: 'completed' | 'removed' | 'failed', message?: string) {
    const row = await store.findDeployment(tx, accountId, plan)
    if (row === undefined) return
    const now = this.clock.now()
    const status = Status[outcome]
    const change = {
      completed: { status, readyAt: row.readyAt ?? now, message: null },
      // Its credentials are gone outside; a new install makes new ones.
      removed: { status, readyAt: null, sealed: null, message: null },
      // What served before goes on serving: a failed repetition must not take it away.
      failed: { status, message: message ?? null },
    }[outcome]
    await store.updateDeployment(tx, row.id, change, now)
    this.forget(accountId, plan)
  }

  forget(accountId: number, plan: string): void {
    this.served.forget(`${accountId} ${plan}`)
  }

  private open(sealed: string, accountId: number, plan: string): Settings {
    return settingsSchema.parse(JSON.parse(this.keys.open(sealed, context(accountId, plan))))
  }

  private seal(settings: Settings, accountId: number, plan: string): string {
    return this.keys.seal(JSON.stringify(settings), context(accountId, plan))
  }
}

function context(accountId: number, plan: string): string {
  return `settings of ${plan} for account ${accountId}`
}
