import { z } from 'zod'
import { type Account, planOf } from '../accounts/account.ts'
import { findAccount } from '../accounts/store.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Values } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import type { Deployments } from './deployments.ts'
import type { Qualifier, Settings, WordMaker } from './settings.ts'
import { findDeployment, updateDeployment } from './store.ts'

/** The plan by which an account lets another one use its store; the deployment is the giver's, its instance the other's name. */
export const SHARE = 'share'

const access = z.object({ user: z.string(), password: z.string() })

/** What a share's users outside are called: made once, kept sealed with its deployment. */
const shareSchema = z.object({
  /** The account that it is for, by id: a name may come to belong to somebody else. */
  grantee: z.number(),
  database: access,
  /** For the vhost that accounts share, and for the giver's own. */
  shared: access,
  own: access,
})
type Share = z.infer<typeof shareSchema>

/** Whom the removal of a share that was never begun takes away: no user is called so. */
const nobody = { user: 'nobody', password: 'never-made' }

/** What accounts let others use. */
export class Shares {
  private readonly db: Db
  private readonly keys: KeyRing
  private readonly clock: Clock
  private readonly word: WordMaker
  private readonly deployments: Deployments

  constructor(deps: { db: Db; keys: KeyRing; clock: Clock; word: WordMaker; deployments: Deployments }) {
    this.db = deps.db
    this.keys = deps.keys
    this.clock = deps.clock
    this.word = deps.word
    this.deployments = deps.deployments
  }

  /** The account that a share may be for; throws when there is no such one with a service under whose settings it would come. */
  async grantee(db: Db, giver: Account, name: string): Promise<Account> {
    const account = name === giver.name ? undefined : await findAccount(db, name)
    const isServed = account?.active === true && (account.role === 'user' || account.role === 'group')
    const row = isServed ? await findDeployment(db, account.id, planOf(account) ?? '') : undefined
    if (account !== undefined && row?.readyAt !== undefined) return account
    const right = 'another user or g-<group> with a service'
    throw new AppError(
      'not-found',
      'account-unknown',
      `with ${JSON.stringify(name)} can't be used: right is ${right}`,
      {
        details: { field: 'with', value: name, right },
      },
    )
  }

  /** Names and passwords, made once. New passwords are told at once where the old ones were: those work no longer. */
  async prepare(tx: Db, giver: Account, name: string, { rotate }: { readonly rotate: boolean }): Promise<void> {
    const row = await findDeployment(tx, giver.id, SHARE, name)
    if (row === undefined) return
    const known = row.sealed === undefined ? undefined : this.open(row.sealed, giver.id, name)
    const share =
      known === undefined ? this.make(giver, await this.grantee(tx, giver, name)) : rotate ? this.renewed(known) : known
    // Whoever is switched off may be given new passwords: those before must end.
    if (known !== undefined && (await findAccount(tx, name))?.id !== known.grantee) {
      throw new AppError('conflict', 'share-of-another', `the share with ${name} was for an account that is gone`)
    }
    const sealed = this.keys.seal(JSON.stringify(share), context(giver.id, name))
    await updateDeployment(tx, row.id, { sealed }, this.clock.now())
    if (rotate) await this.tell(tx, giver, name, (before) => before && { ...before, ...wordsFor(share, before) })
  }

  /** Values of `${share.…}`, and the secrets among them. Before `prepare` they only tell which ways to the broker there are. */
  async values(giver: Account, name: string, params: Values): Promise<{ values: Values; secrets: string[] }> {
    const row = await findDeployment(this.db, giver.id, SHARE, name)
    const store = (await this.settingsOf(this.db, giver))?.qualifiers['default']
    const isReader = params['access'] === 'read'
    const isShared = store?.exchange !== undefined
    const stores = store === undefined ? [] : [store.mongodbname]
    const plain = {
      writes: isReader ? [] : stores,
      reads: isReader ? stores : [],
      onSharedVhost: !isReader && isShared,
      onOwnVhost: !isReader && !isShared,
    }
    if (row?.sealed === undefined)
      return { values: { database: nobody, shared: nobody, own: nobody, ...plain }, secrets: [] }
    const share = this.open(row.sealed, giver.id, name)
    const secrets = [share.database.password, share.shared.password, share.own.password]
    return { values: { ...share, ...plain }, secrets }
  }

  /** It is there: the other account finds it under the giver's name. */
  async deliver(tx: Db, giver: Account, name: string, params: Values): Promise<void> {
    const row = await findDeployment(tx, giver.id, SHARE, name)
    const store = (await this.settingsOf(tx, giver))?.qualifiers['default']
    if (row?.sealed === undefined || store === undefined) return
    const share = this.open(row.sealed, giver.id, name)
    await this.tell(tx, giver, name, () => ({
      mongodbname: store.mongodbname,
      mongouser: share.database.user,
      mongopassword: share.database.password,
      // Who may only read sends tasks where it always does: whoever sends one runs code on the worker that takes it.
      ...(params['access'] === 'read' ? {} : brokerOf(share, store, `${name}.${giver.name}`)),
      sharedBy: giver.name,
    }))
  }

  /** From here on the other account is not told of it any more. */
  async end(tx: Db, giver: Account, name: string): Promise<void> {
    await this.tell(tx, giver, name, () => undefined)
  }

  private async tell(
    tx: Db,
    giver: Account,
    name: string,
    change: (before: Qualifier | undefined) => Qualifier | undefined,
  ): Promise<void> {
    const grantee = await findAccount(tx, name)
    const plan = grantee === undefined ? undefined : planOf(grantee)
    if (grantee === undefined || plan === undefined) return
    await this.deployments.changeQualifier(tx, grantee, plan, giver.name, change)
  }

  private async settingsOf(db: Db, account: Account): Promise<Settings | undefined> {
    return await this.deployments.storedSettings(db, account.id, planOf(account) ?? '')
  }

  private make(giver: Account, grantee: Account): Share {
    const { word } = this
    const access = (user: string) => ({ user, password: word(32) })
    const named = () => `${grantee.name}${giver.name}`.replaceAll('-', '') + word(12)
    return { grantee: grantee.id, database: access(word(32)), shared: access(named()), own: access(named()) }
  }

  private renewed({ database, shared, own, ...rest }: Share): Share {
    const renew = ({ user }: Share['own']) => ({ user, password: this.word(32) })
    return { ...rest, database: renew(database), shared: renew(shared), own: renew(own) }
  }

  private open(sealed: string, giver: number, name: string): Share {
    return shareSchema.parse(JSON.parse(this.keys.open(sealed, context(giver, name))))
  }
}

/** The share's own way to the broker that the giver uses; `through` names its queue there. */
function brokerOf({ shared, own }: Share, { exchange, brokervhost }: Qualifier, through: string) {
  // On its own vhost an account needs no exchange of its own.
  const { user, password } = exchange === undefined ? own : shared
  return {
    brokeruser: user,
    brokerpassword: password,
    ...(brokervhost === undefined ? {} : { brokervhost }),
    routing: `q-${through}`,
    exchange: `x-${through}`,
  }
}

function wordsFor({ database, shared, own }: Share, { brokeruser }: Qualifier) {
  const { password } = brokeruser === own.user ? own : shared
  return { mongopassword: database.password, ...(brokeruser === undefined ? {} : { brokerpassword: password }) }
}

function context(giver: number, name: string): string {
  return `share of account ${giver} with ${name}`
}
