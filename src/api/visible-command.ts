import type { Account } from '../accounts/account.ts'
import { roleInGroupOf } from '../accounts/group-store.ts'
import { AppError } from '../base/errors.ts'
import type { Command } from '../commands/command.ts'
import { standsAt, withIssued } from '../commands/issued.ts'
import { type CommandChange, possibleChanges } from '../commands/next-steps.ts'
import { getCommand } from '../commands/store.ts'
import type { ApiDeps } from './deps.ts'
import { mayForGroup } from './subject.ts'

/** One's own, those of one's groups; admins see all. Of others' orders one does not even learn that they exist. */
export async function visibleCommand(deps: Pick<ApiDeps, 'db'>, caller: Account, id: number): Promise<Command> {
  const command = await getCommand(deps.db, id)
  if (caller.role === 'admin' || command.subject === caller.id) return command
  if (command.subject !== undefined && (await mayForGroup(deps, caller, command.subject, 'see'))) return command
  throw new AppError('not-found', 'command-unknown', `there is no command ${id}`, { details: { id } })
}

/** What the caller may do with an order as it stands. */
export async function changesFor(
  deps: Pick<ApiDeps, 'db' | 'plans'>,
  caller: Account,
  command: Command,
): Promise<CommandChange[]> {
  if (!(await mayOrderFor(deps, caller, command))) return []
  return (await possibleChanges(deps.db, command)).filter((what) => mayChange(deps, caller, command, what))
}

/** Those of groups are for the groups' owners; their members see them. */
async function mayOrderFor(deps: Pick<ApiDeps, 'db'>, caller: Account, { subject }: Command): Promise<boolean> {
  if (caller.role === 'admin' || subject === undefined || subject === caller.id) return true
  return (await roleInGroupOf(deps.db, subject, caller.id)) === 'owner'
}

/** Of what one may order; admins all. Trying again is no more than what was ordered. */
function mayChange({ plans }: Pick<ApiDeps, 'plans'>, caller: Account, command: Command, what: CommandChange): boolean {
  if (caller.role === 'admin' || plans.get(command.plan)?.orderable === 'user') return true
  return what === 'retry' && command.requestedBy === caller.name
}

/** The order that is changed, if the caller may do that to it: of one that has ordered others, the one where it stands. */
export async function changeableCommand(
  deps: Pick<ApiDeps, 'db' | 'plans'>,
  caller: Account,
  id: number,
  what: CommandChange,
): Promise<Command> {
  const asked = await visibleCommand(deps, caller, id)
  const command = standsAt(asked, (await withIssued(deps.db, asked)).issued)
  if (caller.role !== 'admin' && command.subject !== undefined && command.subject !== caller.id)
    await mayForGroup(deps, caller, command.subject, 'order')
  if (mayChange(deps, caller, command, what)) return command
  throw new AppError('forbidden', 'admins-only', `to ${what} an order of plan ${command.plan} is for admins`)
}
