import type { Account } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import { AppError } from '../base/errors.ts'
import { getState, getVersionRow, type StateRow } from '../clusters/state-rows.ts'
import { bellOf } from '../commands/bell.ts'
import type { Command } from '../commands/command.ts'
import { submitCommand } from '../commands/submit.ts'
import { inTransaction } from '../db/transaction.ts'
import type { ApiDeps } from './deps.ts'

/** Orders an earlier version as the newest. The engine alone can read states: it checks again, and writes. */
export async function orderRestore(deps: ApiDeps, caller: Account, root: string, version: number): Promise<Command> {
  const state = await getState(deps.db, root, deps.clock.now())
  await getVersionRow(deps.db, root, version)
  if (state.lock !== undefined) throw locked(state, `cloudmgr state unlock ${root}`)
  return await order(deps, caller, { root, change: 'restore', version, present: state.version })
}

/** Orders that the lock of a dead run is taken away; `conflict` while a task works on the root. */
export async function orderUnlock(deps: ApiDeps, caller: Account, root: string): Promise<Command> {
  const state = await getState(deps.db, root, deps.clock.now())
  if (state.lock?.alive === true) throw locked(state, 'wait for it, or cancel the command')
  return await order(deps, caller, { root, change: 'unlock' })
}

interface Change {
  readonly root: string
  readonly change: 'restore' | 'unlock'
  readonly version?: number
  readonly present?: number
}

async function order({ db, clock }: ApiDeps, caller: Account, params: Change): Promise<Command> {
  const made = await inTransaction(db, async (tx) => {
    const wanted = {
      plan: 'terraform-state',
      phase: 'install',
      params: { ...params },
      requestedBy: caller.name,
    } as const
    const command = await submitCommand(tx, wanted, { now: () => clock.now() })
    const { root, change, version } = params
    const details = { command: command.id, ...(version === undefined ? {} : { version }) }
    await audit(tx, { at: clock.now(), actor: caller.name, action: `state.${change}`, subject: root, details })
    return command
  })
  bellOf(db).ring()
  return made
}

function locked({ root, lock }: StateRow, next: string): AppError {
  const since = lock?.since === undefined ? '' : ` since ${new Date(lock.since).toISOString()}`
  const who = lock?.alive === true ? `${lock.holder} works on it` : `${lock?.holder}, which has died, has its lock`
  return new AppError('conflict', 'state-locked', `the state of ${root} is locked: ${who}${since}; ${next}`, {
    details: { field: 'root', value: root },
  })
}
