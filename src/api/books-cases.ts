import type { Account } from '../accounts/account.ts'
import { findAccount } from '../accounts/store.ts'
import { audit } from '../accounts/audit.ts'
import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { type Difference, listFindings, type StoredFinding } from '../books/findings.ts'
import { bellOf } from '../commands/bell.ts'
import { type Command, toCommand } from '../commands/command.ts'
import { getCommand } from '../commands/store.ts'
import { submitCommand } from '../commands/submit.ts'
import type { Db, Tx } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { findDeployment } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { placeOrder } from './orders.ts'

/** Orders a comparison of rows and world; one that has not begun is as good. */
export async function orderComparison({ db, clock }: ApiDeps, caller: Account): Promise<Command> {
  const waiting = await db
    .selectFrom('commands')
    .selectAll()
    .where('plan', '=', 'comparison')
    .where('subject', 'is', null)
    .where('status', '=', Status.initiated)
    .orderBy('id', 'desc')
    .executeTakeFirst()
  if (waiting !== undefined) return toCommand(waiting)
  const order = { plan: 'comparison', phase: 'install', requestedBy: caller.name } as const
  return await submitCommand(db, order, { now: () => clock.now() })
}

export interface Mending {
  readonly commands: readonly Command[]
  /** What no order mends, and why. */
  readonly left: readonly StoredFinding[]
}

export interface Wanted {
  /** All of them when left out. */
  readonly ids?: readonly number[] | undefined
  /** Of orphans: those too that may hold data. */
  readonly data?: boolean | undefined
}

/** Orders what mends the findings of the last comparison. The orders look again. */
export async function orderMending(
  deps: ApiDeps,
  caller: Account,
  difference: Difference,
  { ids, data = false }: Wanted,
): Promise<Mending> {
  const listed = await listFindings(deps.db, difference)
  const unknown = ids?.find((id) => listed.every((one) => one.id !== id))
  if (unknown !== undefined)
    throw new AppError('not-found', 'finding-unknown', `ids: there is no ${difference} ${unknown}: compare again`, {
      details: { errors: [{ field: 'ids', value: unknown, problem: 'is not in the last comparison' }] },
    })
  const wanted = ids === undefined ? listed : listed.filter(({ id }) => ids.includes(id))
  const isMended = (one: StoredFinding) => one.mendable || (data && one.holdsData === true)
  const mendable = wanted.filter(isMended)
  const made = await inTransaction(deps.db, async (tx) => {
    const order = difference === 'orphan' ? removeOrphans : deliverAgain
    return await order(deps, tx, caller, mendable)
  })
  bellOf(deps.db).ring()
  const commands = await Promise.all(made.map(async (id) => await getCommand(deps.db, id)))
  return { commands, left: wanted.filter((one) => !isMended(one)) }
}

async function removeOrphans(
  { clock }: ApiDeps,
  tx: Tx,
  caller: Account,
  findings: readonly StoredFinding[],
): Promise<number[]> {
  const ids: number[] = []
  for (const { id, system, kind, name, holdsData = false } of findings) {
    const params = { system, kind, name, data: holdsData }
    // The same finding again is the same order.
    const order = { plan: 'orphan', phase: 'remove', params, requestedBy: caller.name, idempotencyKey: `orphan-${id}` }
    const command = await submitCommand(tx, { ...order, phase: 'remove' }, { now: () => clock.now() })
    const subject = `${system} ${kind} ${name}`.slice(0, 255)
    const details = { command: command.id, data: holdsData }
    await audit(tx, { at: clock.now(), actor: caller.name, action: 'orphan.remove', subject, details })
    ids.push(command.id)
  }
  return ids
}

/** One order for each deployment, however many of its steps differ. */
async function deliverAgain(
  { clock }: ApiDeps,
  tx: Tx,
  caller: Account,
  findings: readonly StoredFinding[],
): Promise<number[]> {
  const ids = new Map<string, number>()
  for (const { account, plan = '', instance = '' } of findings) {
    const key = `${account} ${plan} ${instance}`
    const subject = account === undefined ? undefined : await findAccount(tx, account)
    if (subject?.active !== true || ids.has(key) || (await isBusy(tx, subject.id, plan, instance))) continue
    const row = await findDeployment(tx, subject.id, plan, instance)
    if (row?.readyAt === undefined) continue
    const phase = row.suspendedAt === undefined ? 'install' : 'suspend'
    const id = await placeOrder(tx, { plan, instance, phase, subject, requestedBy: caller.name })
    const entry = { at: clock.now(), actor: caller.name, action: `order.${phase}`, subject: subject.name }
    await audit(tx, { ...entry, details: { plan, instance, command: id, mends: 'drift' } })
    ids.set(key, id)
  }
  return [...ids.values()]
}

/** An order that is on its way makes sure of it already. */
async function isBusy(db: Db, subject: number, plan: string, instance: string): Promise<boolean> {
  const open = db
    .selectFrom('commands')
    .select('id')
    .where('subject', '=', subject)
    .where('status', 'in', [Status.initiated, Status.pending])
  const found = await open.where('plan', '=', plan).where('instance', '=', instance).executeTakeFirst()
  return found !== undefined
}
