import type { Account } from '../accounts/account.ts'
import type { Clock } from '../base/clock.ts'
import type { KeyRing } from '../base/key-ring.ts'
import { Recent } from '../base/recent.ts'
import { randomWord } from '../base/secrets.ts'
import { Status } from '../base/status.ts'
import { sealedPart, sealedText } from '../catalog/parameters.ts'
import type { Plan, Values } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { adminOpened, adminSealed } from './database-admin.ts'
import {
  hasSettings,
  newSettings,
  onBroker,
  type Qualifier,
  type Settings,
  settingsSchema,
  withAdditions,
  withBroker,
  withNewPasswords,
  withQualifier,
  type WordMaker,
} from './settings.ts'
import { type OwnDatabase, withOwnDatabases } from './own-databases.ts'
import { Shares } from './shares.ts'
import type { SiteFacts } from './site-facts.ts'
import * as store from './store.ts'

const SERVED_KEPT = 2_000

export interface Settlement {
  readonly instance?: string
  readonly outcome: 'completed' | 'removed' | 'failed'
  readonly message?: string | undefined
  /** What was delivered. */
  readonly params?: Values
  readonly suspended?: boolean
}

export interface DeploymentsDeps {
  readonly db: Db
  readonly keys: KeyRing
  /** Of what is the engine's alone; the API has none. */
  readonly engineKeys?: KeyRing | undefined
  readonly site: SiteFacts
  readonly clock: Clock
  readonly word?: WordMaker
}

/** What an account was delivered, and the settings that came with it. */
export class Deployments {
  private readonly db: Db
  private readonly keys: KeyRing
  private readonly engineKeys: KeyRing | undefined
  private readonly site: SiteFacts
  private readonly clock: Clock
  private readonly word: WordMaker

  /** What accounts are told, by how it lies in the rows. */
  private readonly served = new Recent<Settings>(SERVED_KEPT)

  /** What accounts let others use. */
  readonly shares: Shares

  constructor(deps: DeploymentsDeps) {
    this.db = deps.db
    this.keys = deps.keys
    this.engineKeys = deps.engineKeys
    this.site = deps.site
    this.clock = deps.clock
    this.word = deps.word ?? randomWord
    this.shares = new Shares({ ...deps, word: this.word, deployments: this })
  }

  /**
   * Settings of a deployment that serves (also while it is being re-ensured); the hot path of the config call.
   * Read each time: the engine, another process, changes passwords, and the old ones must not be told once it has.
   */
  async servedSettings(accountId: number, plan: string): Promise<Settings | undefined> {
    const sealed = await store.findServed(this.db, accountId, plan)
    if (sealed === undefined) return undefined
    const opened = () => withOwnDatabases(withAdditions(this.open(sealed, accountId, plan), this.site))
    // New passwords are another text, and what is sealed for one account is never another's.
    return this.served.get(sealed, opened)
  }

  /** Settings as stored, also before they serve; `undefined` when there are none. */
  async storedSettings(db: Db, accountId: number, plan: string, instance = ''): Promise<Settings | undefined> {
    if (!hasSettings(plan)) return undefined
    const row = await store.findDeployment(db, accountId, plan, instance)
    return row?.sealed === undefined ? undefined : this.open(row.sealed, accountId, plan)
  }

  /** It is listed from the order on; what serves is left as it is. */
  async announce(tx: Db, accountId: number, plan: string, instance = ''): Promise<void> {
    const now = this.clock.now()
    const row = await store.findDeployment(tx, accountId, plan, instance)
    const status = Status.initiated
    if (row === undefined)
      return await store.insertDeployment(tx, { accountId, plan, instance, status, sealed: null, now })
    if (row.readyAt === undefined) await store.updateDeployment(tx, row.id, { status, message: null }, now)
  }

  /** The row and its settings, made once; an install that is repeated finds what the first one made. */
  async ensurePending(tx: Db, account: Account, plan: string, instance = ''): Promise<void> {
    const now = this.clock.now()
    const status = Status.pending
    const row = await store.findDeployment(tx, account.id, plan, instance)
    const settings = hasSettings(plan) ? this.settingsFor(account, plan, row?.sealed) : undefined
    const sealed = settings === undefined ? (row?.sealed ?? null) : this.seal(settings, account.id, plan)
    if (row === undefined)
      return await store.insertDeployment(tx, { accountId: account.id, plan, instance, status, sealed, now })
    await store.updateDeployment(tx, row.id, { status, sealed, message: null }, now)
  }

  private settingsFor(account: Account, plan: string, sealed: string | undefined): Settings {
    if (sealed === undefined) return newSettings(plan, account, this.site, this.word)
    const settings = this.open(sealed, account.id, plan)
    return plan === 'omegaml' ? withBroker(settings, account.name, this.site, this.word) : settings
  }

  /** New passwords, same names: the data stays where it is. */
  async renewPasswords(tx: Db, account: Account, plan: string, instance = ''): Promise<void> {
    await this.change(tx, account, plan, (settings) => withNewPasswords(settings, this.word), instance)
  }

  /** From here on the account is told of the other way to the broker. */
  async switchBroker(tx: Db, account: Account, ownVhost: boolean): Promise<void> {
    await this.change(tx, account, 'omegaml', (settings) => onBroker(settings, account.name, ownVhost))
  }

  /** What another deployment adds to the account's settings; `undefined` takes it away. */
  async addToSettings(tx: Db, account: Account, from: string, addition: Values | undefined): Promise<void> {
    await this.change(tx, account, 'omegaml', (settings) => {
      const { [from]: _before, ...others } = settings.additions ?? {}
      return { ...settings, additions: { ...others, ...(addition === undefined ? {} : { [from]: { ...addition } }) } }
    })
  }

  /** What the account is told under that qualifier; `undefined` takes it away. */
  async changeQualifier(
    tx: Db,
    account: Account,
    plan: string,
    name: string,
    make: (before: Qualifier | undefined) => Qualifier | undefined,
  ): Promise<void> {
    await this.change(tx, account, plan, (settings) => withQualifier(settings, name, make(settings.qualifiers[name])))
  }

  /** The account's database of a deployment's own, as it is told of it; `undefined`: it is not. */
  async setDatabase(tx: Db, account: Account, from: string, database: OwnDatabase | undefined): Promise<void> {
    await this.change(tx, account, 'omegaml', (settings) => {
      const { [from]: _before, ...others } = settings.databases ?? {}
      return { ...settings, databases: { ...others, ...(database === undefined ? {} : { [from]: database }) } }
    })
  }

  private async change(
    tx: Db,
    account: Account,
    plan: string,
    make: (settings: Settings) => Settings,
    instance = '',
  ): Promise<void> {
    const row = await store.findDeployment(tx, account.id, plan, instance)
    if (row?.sealed === undefined) return
    const sealed = this.seal(make(this.open(row.sealed, account.id, plan)), account.id, plan)
    await store.updateDeployment(tx, row.id, { sealed }, this.clock.now())
  }

  /** From here on its config is not given out any more. */
  async beginRemoval(tx: Db, accountId: number, plan: string, instance = ''): Promise<void> {
    const row = await store.findDeployment(tx, accountId, plan, instance)
    if (row === undefined) return
    const change = { status: Status.pending, readyAt: null, message: null }
    await store.updateDeployment(tx, row.id, change, this.clock.now())
  }

  async settle(tx: Db, accountId: number, plan: string, settlement: Settlement): Promise<void> {
    const row = await store.findDeployment(tx, accountId, plan, settlement.instance)
    if (row === undefined) return
    const now = this.clock.now()
    await store.updateDeployment(tx, row.id, changeOf(row, settlement, now), now)
  }

  /** With the secret ones sealed, each for this account and plan alone. */
  sealParams(plan: Plan, accountId: number, params: Values): Values {
    const entries = Object.entries(params).map(([name, value]) => {
      if (!plan.secrets.includes(name) || typeof value !== 'string') return [name, value]
      return [name, sealedText(this.keys.seal(value, paramContext(plan, accountId, name)))]
    })
    return Object.fromEntries(entries) as Values
  }

  openParams(plan: Plan, accountId: number, params: Values): Values {
    const entries = Object.entries(params).map(([name, value]) => {
      const sealed = plan.secrets.includes(name) ? sealedPart(value) : undefined
      return [name, sealed === undefined ? value : this.keys.open(sealed, paramContext(plan, accountId, name))]
    })
    return Object.fromEntries(entries) as Values
  }

  /** The engine, once it starts: what rows of before hold open is sealed by its own keys. Answers with how many. */
  async sealAdmins(): Promise<number> {
    const rows = await this.db.selectFrom('deployments').select('id').where('plan', '=', 'database').execute()
    let sealed = 0
    for (const { id } of rows) {
      const changed = await inTransaction(this.db, async (tx) => await this.sealAdminOf(tx, Number(id)))
      if (changed) sealed += 1
    }
    return sealed
  }

  private async sealAdminOf(tx: Db, id: number): Promise<boolean> {
    const row = await store.lockDeployment(tx, id)
    if (row?.sealed === undefined || this.stored(row.sealed, row.accountId, row.plan).admin?.password === undefined)
      return false
    const settings = this.open(row.sealed, row.accountId, row.plan)
    await store.updateDeployment(tx, id, { sealed: this.seal(settings, row.accountId, row.plan) }, this.clock.now())
    return true
  }

  private stored(sealed: string, accountId: number, plan: string): Settings {
    return settingsSchema.parse(JSON.parse(this.keys.open(sealed, context(accountId, plan))))
  }

  private open(sealed: string, accountId: number, plan: string): Settings {
    return adminOpened(this.stored(sealed, accountId, plan), this.engineKeys, accountId)
  }

  private seal(settings: Settings, accountId: number, plan: string): string {
    const closed = adminSealed(settings, this.engineKeys, accountId)
    return this.keys.seal(JSON.stringify(closed), context(accountId, plan))
  }
}

function changeOf(row: store.DeploymentRow, settlement: Settlement, now: number): store.DeploymentChange {
  const { outcome, message, params, suspended } = settlement
  const status = Status[outcome]
  switch (outcome) {
    case 'completed':
      return {
        status,
        readyAt: row.readyAt ?? now,
        suspendedAt: suspended === true ? (row.suspendedAt ?? now) : null,
        message: null,
        ...(params === undefined ? {} : { params }),
      }
    case 'removed':
      // Its credentials are gone outside; a new install makes new ones.
      return { status, readyAt: null, suspendedAt: null, sealed: null, params: null, message: null }
    case 'failed':
      // What served before goes on serving: a failed repetition must not take it away.
      return { status, message: message ?? null }
  }
}

function context(accountId: number, plan: string): string {
  return `settings of ${plan} for account ${accountId}`
}

function paramContext({ plan }: Plan, accountId: number, name: string): string {
  return `parameter ${name} of ${plan} for account ${accountId}`
}
