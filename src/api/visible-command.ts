import type { Account } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import type { Command } from '../commands/command.ts'
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

/** One's own orders, and those of groups that one owns, of what one may order; admins all. */
export async function changeableCommand(
  deps: Pick<ApiDeps, 'db' | 'plans'>,
  caller: Account,
  id: number,
  what: 'cancel' | 'retry' | 'undo',
): Promise<Command> {
  const command = await visibleCommand(deps, caller, id)
  if (caller.role !== 'admin' && command.subject !== undefined && command.subject !== caller.id)
    await mayForGroup(deps, caller, command.subject, 'order')
  if (caller.role === 'admin' || deps.plans.get(command.plan)?.orderable === 'user') return command
  // Trying again is no more than what was ordered.
  if (what === 'retry' && command.requestedBy === caller.name) return command
  throw new AppError('forbidden', 'admins-only', `to ${what} an order of plan ${command.plan} is for admins`)
}
