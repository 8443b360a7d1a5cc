import { SIGN_UP_PLAN } from '../accounts/account.ts'
import { Status } from '../base/status.ts'
import { mergedParams } from '../catalog/parameters.ts'
import type { Values } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import type { Held } from '../deployments/needs.ts'
import { listDeployments } from '../deployments/store.ts'
import { type Command, toCommand } from './command.ts'
import { placeInLane } from './lane.ts'

/** A deployment as it will be when every order of before is worked off, if all goes well. */
export interface Expected extends Held {
  readonly suspended: boolean
  /** It serves, or is on its way. */
  readonly usable: boolean
}

/** What an account will have; an order is judged by this, not by what is there in the middle of another one. */
export async function expectedDeployments(db: Db, accountId: number): Promise<Expected[]> {
  const rows = (await listDeployments(db, [accountId])).filter((row) => row.status !== Status.removed)
  const expected = new Map<string, Expected>(
    rows.map(({ plan, instance, params, suspendedAt, readyAt }) => [
      keyOf({ plan, instance }),
      { plan, instance, params, suspended: suspendedAt !== undefined, usable: readyAt !== undefined },
    ]),
  )
  for (const command of await openCommands(db, accountId)) apply(expected, command)
  return [...expected.values()]
}

/** An account's commands that have not ended, in the order they will be worked off. */
export async function openCommands(db: Db, accountId: number): Promise<Command[]> {
  const rows = await db
    .selectFrom('commands')
    .selectAll()
    .where('subject', '=', accountId)
    .where('status', 'in', [Status.initiated, Status.pending])
    .orderBy(placeInLane)
    .orderBy('id')
    .execute()
  return rows.map(toCommand)
}

function apply(expected: Map<string, Expected>, command: Command): void {
  const { plan, instance, phase, params } = command
  const key = keyOf({ plan, instance })
  const before = expected.get(key)
  switch (phase) {
    case 'remove':
      expected.delete(key)
      return
    case 'suspend':
    case 'resume':
      if (before !== undefined) expected.set(key, { ...before, suspended: phase === 'suspend' })
      return
    case 'install':
    case 'update': {
      if (plan === SIGN_UP_PLAN) {
        for (const one of setUpBy(params)) apply(expected, { ...command, ...one })
        return
      }
      const merged: Values = mergedParams(before?.params ?? {}, params)
      expected.set(key, { plan, instance, params: merged, suspended: false, usable: true })
    }
  }
}

/** What a sign-up will order before everything that waits behind it: as `catalog/plans/signup.yml` says. */
function setUpBy({ own }: Values): Pick<Command, 'plan' | 'instance' | 'params'>[] {
  if (own !== true) return [{ plan: 'omegaml', instance: '', params: {} }]
  return [
    { plan: 'omegaml', instance: '', params: { vhost: true } },
    { plan: 'runtime', instance: 'worker', params: { label: 'worker' } },
  ]
}

function keyOf({ plan, instance }: Pick<Held, 'plan' | 'instance'>): string {
  return `${plan} ${instance}`
}
