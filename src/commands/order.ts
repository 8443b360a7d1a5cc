import type { Account } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { AppError } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import { Status } from '../base/status.ts'
import { leavesNothing, type Plans } from '../catalog/plan.ts'
import type { Db, Tx } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Deployments } from '../deployments/deployments.ts'
import { SHARE } from '../deployments/shares.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import { bellOf } from './bell.ts'
import { type Command, toCommand } from './command.ts'
import { type DecidedOrder, decideOrder, type OrderFacts, type OrderWish } from './decide-order.ts'
import { expectedDeployments } from './expected.ts'
import { heldElsewhere } from './held-elsewhere.ts'
import { findByKey } from './store.ts'
import { contentHash, sameOrder, submitCommand } from './submit.ts'

export interface OrderDeps {
  readonly db: Db
  readonly plans: Plans
  readonly deployments: Deployments
  readonly site: SiteFacts
  readonly clock: Clock
}

export interface Wish extends OrderWish {
  readonly account: Account
  readonly requester: Account
  /** The caller's `Idempotency-Key`, made short. */
  readonly idempotencyKey?: string | undefined
}

/** Within this time the same order without a key is taken for the same click. */
const SAME_CLICK_MS = 1_000

/** Checks an order, writes it and what must be done before it, and wakes the engine. The same order again is the same command. */
export async function placeOrder(deps: OrderDeps, wish: Wish): Promise<Command> {
  const command = await inTransaction(deps.db, async (tx) => {
    // One order of an account after the other: each is judged by what the ones before it leave.
    await lockAccount(tx, wish.account.id)
    const hash = hashOf(deps, wish)
    const earlier = await findEarlier(deps, tx, wish, hash)
    return earlier ?? (await submit(deps, tx, wish, hash))
  })
  bellOf(deps.db).ring()
  return command
}

/** What an order would come to; nothing is written. */
export async function decideFor(deps: OrderDeps, db: Db, wish: Wish): Promise<DecidedOrder> {
  const { account, requester } = wish
  if (!account.active) throw new AppError('conflict', 'account-removing', `account ${account.name} is being removed`)
  const plan = deps.plans.get(wish.plan)
  const facts: OrderFacts = {
    plans: deps.plans,
    provider: deps.site.provider,
    services: deps.site.services,
    quota: deps.site.quota,
    held: await expectedDeployments(db, account.id),
    elsewhere: plan === undefined ? [] : await heldElsewhere(db, deps.plans, plan, account.id),
    account: account.name,
    requester: { name: requester.name, isAdmin: requester.role === 'admin' },
  }
  const decided = decideOrder(wish, facts)
  if (decided.plan.plan === SHARE && decided.phase !== 'remove')
    await deps.deployments.shares.grantee(db, account, decided.instance)
  return decided
}

async function lockAccount(tx: Tx, id: number): Promise<void> {
  const query = tx.selectFrom('accounts').select('id').where('id', '=', id)
  await (capabilities(tx).rowLocks ? query.forUpdate() : query).execute()
}

/** Without what is secret: a digest of a short word tells the word. */
function hashOf({ plans }: OrderDeps, { plan, phase, params, account }: Wish): string {
  const secrets = plans.get(plan)?.secrets ?? []
  const open = Object.fromEntries(Object.entries(params).filter(([name]) => !secrets.includes(name)))
  return contentHash({ plan, phase, params: open, subject: account.id })
}

async function findEarlier(deps: OrderDeps, tx: Tx, wish: Wish, hash: string): Promise<Command | undefined> {
  const { account, requester, idempotencyKey } = wish
  if (idempotencyKey !== undefined) {
    const row = await findByKey(tx, `${requester.name}:${idempotencyKey}`)
    return row === undefined ? undefined : sameOrder(row, hash)
  }
  // Another secret may be meant.
  if (deps.plans.get(wish.plan)?.secrets.some((name) => name in wish.params) === true) return undefined
  const row = await tx
    .selectFrom('commands')
    .selectAll()
    .where('subject', '=', account.id)
    .where('content_hash', '=', hash)
    .where('requested_by', '=', requester.name)
    .where('created_at', '>', deps.clock.now() - SAME_CLICK_MS)
    .where('status', '!=', Status.failed)
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return row === undefined ? undefined : toCommand(row)
}

async function submit(deps: OrderDeps, tx: Tx, wish: Wish, hash: string): Promise<Command> {
  const decided = await decideFor(deps, tx, wish)
  for (const before of decided.first) {
    await write(deps, tx, wish, before)
    for (const after of before.followers) await write(deps, tx, wish, after)
  }
  const command = await write(deps, tx, wish, decided, { hash, key: wish.idempotencyKey })
  for (const after of decided.followers) await write(deps, tx, wish, after)
  return command
}

async function write(
  deps: OrderDeps,
  tx: Tx,
  { account, requester }: Wish,
  { plan, phase, instance, given }: DecidedOrder,
  { hash, key }: { hash?: string; key?: string | undefined } = {},
): Promise<Command> {
  const now = deps.clock.now()
  if (phase === 'install' && !leavesNothing(plan)) await deps.deployments.announce(tx, account.id, plan.plan, instance)
  const order = {
    plan: plan.plan,
    phase,
    instance,
    params: deps.deployments.sealParams(plan, account.id, given),
    subject: account.id,
    requestedBy: requester.name,
    ...(hash === undefined ? {} : { hash }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  }
  const command = await submitCommand(tx, order, { now: () => now })
  await audit(tx, {
    at: now,
    actor: requester.name,
    action: `order.${phase}`,
    subject: account.name,
    details: { plan: plan.plan, instance, command: command.id },
  })
  return command
}
